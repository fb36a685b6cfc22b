//! Protocols that several channels may speak. A dialect knows nothing of the channels that use it.
//! Channels reach into a dialect, never into each other.

pub mod smpp;
