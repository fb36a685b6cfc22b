//! Once at the door: a command that remembers its answer under an idempotency key, in its own commit.
//!
//! The record is read and written in the same decision as the command's effects, so of two requests at once the
//! second is decided after the first of its batch and finds its record.

use domain::command::Command;
use domain::content::Face;
use domain::id::TenantId;
use domain::once::Once;
use domain::record::Key;
use domain::view::{Halt, View};

use crate::engine::Failure;

/// The key a client gave, and what it was given with.
#[derive(Clone, Debug)]
pub struct OnceKey {
    pub tenant: TenantId,
    pub face: Face,
    pub key: String,
    /// SHA-256 of the canonical command.
    pub fingerprint: [u8; 32],
}

/// Status and body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum OnceFailure<R> {
    /// The key was used with another request.
    Reused,
    /// The command itself said no, or could not run.
    Failed(Failure<R>),
}

/// Refusals of the wrapped command.
pub(crate) enum OnceRefusal<R> {
    Reused,
    /// It would bring content, and the store has no room.
    Full,
    Inner(R),
}

/// A command under a key.
pub(crate) struct Keyed<C, F> {
    pub key: OnceKey,
    /// How long the answer is kept, in seconds.
    pub kept_s: i64,
    /// Whether the command may be run. An answer that is known is given either way.
    pub has_room: bool,
    pub command: C,
    pub render: F,
}

impl<C, F> Command for Keyed<C, F>
where
    C: Command,
    F: Fn(&C::Answer) -> StoredAnswer + Send + 'static,
{
    type Answer = StoredAnswer;
    type Refusal = OnceRefusal<C::Refusal>;

    fn tenant(&self) -> TenantId {
        self.key.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<StoredAnswer, Halt<Self::Refusal>> {
        let row = Key::once(self.key.tenant, self.key.face, &self.key.key);
        let now = view.now();
        if let Some(kept) = view.get::<Once, Self::Refusal>(&row)?
            && kept.expires_at > now
        {
            if kept.fingerprint != self.key.fingerprint {
                return Err(Halt::Refused(OnceRefusal::Reused));
            }
            return Ok(StoredAnswer { status: kept.status, body: kept.body.clone() });
        }
        if !self.has_room {
            return Err(Halt::Refused(OnceRefusal::Full));
        }
        let answer = match self.command.decide(view) {
            Ok(answer) => (self.render)(&answer),
            Err(Halt::Wanted) => return Err(Halt::Wanted),
            Err(Halt::Refused(refusal)) => return Err(Halt::Refused(OnceRefusal::Inner(refusal))),
        };
        let (status, body) = (answer.status, answer.body.clone());
        let (fingerprint, expires_at) = (self.key.fingerprint, now.plus_s(self.kept_s));
        view.put(row, Once { fingerprint, status, body, expires_at });
        Ok(answer)
    }
}
