//! The conversation core as pure decisions: nouns, state machines, and commands that decide over a loaded view.
//!
//! Nothing here does IO, reads a clock, draws a random number or knows a wire format. A command reads records
//! through [`view::View`], which notes what was read and what was missing, and leaves behind changes, events and
//! jobs that the engine commits as one. The same inputs always give the same decision.

pub mod agent;
pub mod app;
pub mod channel;
pub mod command;
pub mod consent;
pub mod contact;
pub mod content;
pub mod conversation;
pub mod delivery;
pub mod event;
pub mod id;
pub mod job;
pub mod message;
pub mod once;
pub mod record;
pub mod subscription;
pub mod tenant;
pub mod time;
pub mod view;
