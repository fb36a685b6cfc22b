//! The runner: takes send jobs lane by lane through attempts.

use domain::job::Job;
use tokio::sync::mpsc;

use crate::engine::Engine;

pub(crate) async fn run(_engine: Engine, _jobs: mpsc::Receiver<Vec<Job>>) {}

pub(crate) async fn hold_sessions(_engine: Engine) {}
