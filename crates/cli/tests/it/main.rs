//! The command line from outside: what parses, and what administration does to an engine over memory.
//! No server is started here; the socket is a real one in a folder of the test.
#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod administration;
mod grammar;
mod house;
mod socket;
