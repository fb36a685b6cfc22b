//! Commands made of commands, for calls of a vendor that do several things: one decision, one commit, one answer.

use std::sync::Arc;

use domain::command::Command;
use domain::id::{MessageId, TenantId};
use domain::message::Message;
use domain::view::{Halt, View};

/// The refusal of one of two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    First(A),
    Second(B),
}

/// A halt whose refusal is worded differently.
pub fn reworded<R, S>(halt: Halt<R>, word: impl FnOnce(R) -> S) -> Halt<S> {
    match halt {
        Halt::Wanted => Halt::Wanted,
        Halt::Refused(refusal) => Halt::Refused(word(refusal)),
    }
}

/// Two commands, the second after the first: both are kept or neither.
#[derive(Clone, Debug)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Command, B: Command> Command for Both<A, B> {
    type Answer = (A::Answer, B::Answer);
    type Refusal = Either<A::Refusal, B::Refusal>;

    const BRINGS_CONTENT: bool = A::BRINGS_CONTENT || B::BRINGS_CONTENT;

    fn tenant(&self) -> TenantId {
        self.0.tenant()
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Self::Answer, Halt<Self::Refusal>> {
        let first = self.0.decide(view).map_err(|halt| reworded(halt, Either::First))?;
        let second = self.1.decide(view).map_err(|halt| reworded(halt, Either::Second))?;
        Ok((first, second))
    }
}

/// Nothing at all: for calls that only draw an answer, which a repeat under the same key is to get again.
#[derive(Clone, Copy, Debug)]
pub struct Nothing(pub TenantId);

impl Command for Nothing {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.0
    }

    fn decide(&self, _: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        Ok(())
    }
}

/// A command, or none, and the message as it stands afterwards.
#[derive(Clone, Debug)]
pub struct ThenRead<C> {
    pub command: Option<C>,
    pub tenant: TenantId,
    pub message: MessageId,
}

impl<C: Command> Command for ThenRead<C> {
    /// `None`: there is no such message.
    type Answer = Option<Arc<Message>>;
    type Refusal = C::Refusal;

    const BRINGS_CONTENT: bool = C::BRINGS_CONTENT;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Self::Answer, Halt<Self::Refusal>> {
        if let Some(command) = &self.command {
            command.decide(view)?;
        }
        view.by_id(self.tenant, self.message.0)
    }
}
