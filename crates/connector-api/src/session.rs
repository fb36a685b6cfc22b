//! Channels that hold a session: the connection lives as long as the account does.
//!
//! The session's acknowledgment to the provider goes out only after the intake said that all is durable.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use domain::time::Time;

use crate::{Inbound, Line};

/// Where a session puts what it hears. Returns once everything is durable, or `false` when the provider should
/// repeat it.
pub trait Intake: Send + Sync {
    /// Takes what came in.
    fn take(&self, inbound: Vec<Inbound>) -> BoxFuture<'_, bool>;

    /// The core's wall clock.
    fn now(&self) -> Time;
}

/// The second trait of connectors that hold a session.
pub trait Session: Send + Sync {
    /// Keeps the account connected: binds, answers the provider, reconnects with backoff.
    /// [`crate::Connector::send`] of the same line uses the connection.
    ///
    /// Once `ending` is over it takes nothing new, waits for open answers, says good-bye and returns, all within
    /// seconds. Dropping it instead ends the connection at once, and what is open becomes unknown.
    fn hold(
        &self,
        line: Line,
        intake: Arc<dyn Intake>,
        ending: BoxFuture<'static, ()>,
    ) -> BoxFuture<'static, ()>;
}
