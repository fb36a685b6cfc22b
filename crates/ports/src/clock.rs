//! Time from outside. Nothing in the core reads a clock of its own,
//! so that tests move time as they like.

use domain::time::Time;
use futures_util::future::BoxFuture;

/// Wall time and waiting.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
    /// Returns at or after `until`.
    fn wait_until(&self, until: Time) -> BoxFuture<'static, ()>;
}
