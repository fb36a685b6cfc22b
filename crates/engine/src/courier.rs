//! The courier: reads the log for every subscription and posts callbacks.

use crate::engine::Engine;

pub(crate) async fn run(_engine: Engine) {}
