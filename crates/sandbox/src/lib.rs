//! The sandbox: the provider side of every channel, on loopback, over real sockets.
//!
//! A connector under test talks to it exactly as it would talk to Meta, Telegram or an operator's SMSC. Beside the
//! providers' own protocols it carries one interface for people and scripts: a ledger of every send that a provider
//! read, a handset per recipient, and scripted faults. That interface is stable; README.md describes it.
//!
//! It is independent of our own engine and connectors on purpose: both sides are written against the provider's
//! published contract, so an agreement between them is evidence.

mod accounts;
mod callbacks;
mod channel;
mod handset;
mod http;
mod interface;
mod ledger;
mod media;
mod outcome;
mod page;
mod receipts;
mod server;
mod settings;
mod sms;
mod telegram;
mod whatsapp;
mod world;

pub use server::{Running, Sandbox};
pub use settings::{Delays, Settings};
