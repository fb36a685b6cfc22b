//! Commands: everything that can change the world, each a pure decision over a view.

pub mod admin;
pub mod attempt;
pub mod consumer;
pub mod expire;
pub mod fetch;
pub mod forget;
pub mod open;
pub mod overdue;
pub mod receipt;
pub mod receive;
pub mod reply;
pub mod route;
pub mod send;
pub mod server;
mod settle;
pub mod standing;
#[cfg(test)]
mod tests;
mod thread;

use crate::id::TenantId;
use crate::view::{Halt, View};

pub use thread::Person;

/// Something that decides over a view. It may be run several times before its rows are loaded, so it must not
/// remember anything between runs.
pub trait Command: Send + 'static {
    /// What the caller learns when it is kept.
    type Answer: Send + 'static;
    /// What the caller learns when nothing is kept.
    type Refusal: Send + 'static;

    /// Whether it brings messages or files. A full store refuses those, while what is under way goes on and what is
    /// over can be erased.
    const BRINGS_CONTENT: bool = false;

    /// Whose command it is: where many wait, tenants take turns.
    fn tenant(&self) -> TenantId;

    /// Decides. All effects go through `view`.
    fn decide(&self, view: &mut View<'_>) -> Result<Self::Answer, Halt<Self::Refusal>>;
}
