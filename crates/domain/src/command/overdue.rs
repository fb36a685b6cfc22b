//! What the watchdog does: it ends what time should have moved long before, and remembers up to where it has looked.

use super::expire::{run_out, timed};
use super::{Command, thread};
use crate::channel::Address;
use crate::command::admin::SERVER;
use crate::delivery::Phase;
use crate::id::{Id, MessageId, TenantId};
use crate::record::Key;
use crate::subscription::Cursor;
use crate::view::{Halt, View};

/// How long after its time a message counts as forgotten, in milliseconds: whatever should have moved it was late by
/// far less, also after a start.
pub const GRACE_MS: i64 = 300_000;

/// The row that says up to where the log's messages are no concern of the watchdog's any more.
pub fn watched() -> Key {
    Key::id::<Cursor>(SERVER, Id(1))
}

/// Moves a message whose time is over since the grace and that nothing moved, as its job should have done.
#[derive(Clone, Debug)]
pub struct EndOverdue {
    pub tenant: TenantId,
    pub message: MessageId,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// It is not overdue, or not any more.
    No,
    /// Time moved it.
    Moved,
    /// Its attempt is open still; how it ended must be called unknown.
    Attempting { attempt: u32, to: Address },
}

impl Command for EndOverdue {
    type Answer = Overdue;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Overdue, Halt<Self::Refusal>> {
        let now = view.now();
        let Some(mut message) = timed(view, self.tenant, self.message)? else {
            return Ok(Overdue::No);
        };
        let Some(delivery) = message.delivery.as_mut() else {
            return Ok(Overdue::No);
        };
        if delivery.due().is_none_or(|due| now < due.plus_ms(GRACE_MS)) {
            return Ok(Overdue::No);
        }
        delivery.found_overdue(now);
        if delivery.phase == Phase::Attempting {
            let (attempt, to) = (delivery.attempt_number(), delivery.address().clone());
            thread::put_message(view, message);
            return Ok(Overdue::Attempting { attempt, to });
        }
        run_out(view, message)?;
        Ok(Overdue::Moved)
    }
}

/// Remembers up to where the watchdog needs no look at the log any more.
#[derive(Clone, Debug)]
pub struct SaveWatched {
    pub position: u64,
}

impl Command for SaveWatched {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        SERVER
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        let key = watched();
        view.want(std::slice::from_ref(&key))?;
        view.put(key, Cursor { position: self.position, failing_since: None });
        Ok(())
    }
}
