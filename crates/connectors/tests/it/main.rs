//! Every channel's production connector against the sandbox, over real sockets.

mod conformance;
