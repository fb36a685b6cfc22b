//! The sandbox over real sockets: each magic recipient on each channel, and what persons do.
//! Nothing sleeps for a result: callbacks arrive on channels, the ledger is polled with a bound.

mod net;
mod sms;
mod telegram;
mod whatsapp;
