//! SMPP 3.4 as an ESME speaks it: one transceiver bind per account, a window of open submits, receipts and incoming
//! messages. Codec by `rusmpp`; alphabet, concatenation, receipts and the session are here.
//!
//! Facts that matter to a user: an incoming PDU is answered only after its handler said it is durable; a submit that
//! was written and got no answer is `Answer::Lost`, one that was not written is `Answer::NotSent`.

pub mod alphabet;
pub mod codec;
pub mod link;
pub mod reassembly;
pub mod receipt;
pub mod session;
pub mod status;
#[cfg(test)]
mod tests;
