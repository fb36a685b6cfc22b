//! Every channel against its provider's side: what comes in, what goes out, what each answer means.
//! HTTP is a scripted way out that records the exact request; SMPP is a message center on loopback.

mod harness;
mod sms;
mod telegram;
mod whatsapp;
