//! Protocols that several channels may speak. A dialect knows nothing of the channels that use it.

pub mod smpp;
