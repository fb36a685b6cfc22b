//! The simulation: the engine over ports in memory, on a virtual clock, against a provider, subscribers and a store
//! that misbehave, all by a seed. Every step is followed by a look at what an outsider can see, and every run by a
//! look at the whole.
//!
//! One seed is one history, byte by byte: a failure names its seed and can be played again (see CONTRIBUTING.md).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod actions;
mod clock;
mod deadlines;
mod fate;
mod hook;
mod lanes;
mod model;
mod provider;
mod quiescence;
mod run;
mod seeds;
mod shelf;
mod store;
mod world;
