//! The only way out for HTTP: TLS, time limits, size caps, no redirects, and the guard against private addresses.
//!
//! A server makes one [`Client`] for providers, whose base URLs the operator gives, and one for callbacks, whose
//! URLs customers give; they differ in their [`Policy`] alone. No business word is known here, and nothing of a
//! request but its method and host is ever logged.

mod client;
mod connect;
mod policy;
mod resolve;
#[cfg(test)]
mod tests;

pub use client::{Client, Limits};
pub use policy::{NotASubnet, Policy, Subnet};
pub use resolve::{Resolve, SystemResolver};
