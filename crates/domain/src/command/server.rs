//! What a server keeps of itself, beside its tenants: which log this is, and whether messages are handed over.

use super::Command;
use crate::command::admin::SERVER;
use crate::id::{Id, TenantId};
use crate::record::{Counter, Key, Pointer};
use crate::view::{Halt, View};

/// The row that names the log. Positions of one log say nothing about another: a restored server's log goes on from the
/// backup on its own, so a restore deletes this row, and the next start names the log anew.
pub fn log_name() -> Key {
    Key::text::<Pointer>(SERVER, "log")
}

/// The row that is there, a counter above 0, while no message is handed over.
pub fn delivery_paused() -> Key {
    Key::counter(SERVER, "delivery/paused")
}

/// Names the log, unless it has a name.
#[derive(Clone, Copy, Debug)]
pub struct NameLog {
    pub fresh: Id,
}

impl Command for NameLog {
    /// The log's name.
    type Answer = Id;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        SERVER
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Id, Halt<Self::Refusal>> {
        if let Some(named) = view.get::<Pointer, _>(&log_name())? {
            return Ok(named.target);
        }
        view.put(log_name(), Pointer { target: self.fresh, attempt: 0 });
        Ok(self.fresh)
    }
}

/// Lets no hand-over begin any more, or lets them begin again.
#[derive(Clone, Copy, Debug)]
pub struct PauseDelivery {
    pub paused: bool,
}

impl Command for PauseDelivery {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        SERVER
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        let paused = view.get::<Counter, _>(&delivery_paused())?.is_some();
        match (paused, self.paused) {
            (false, true) => view.put(delivery_paused(), Counter(1)),
            (true, false) => view.delete(delivery_paused()),
            _ => {}
        }
        Ok(())
    }
}
