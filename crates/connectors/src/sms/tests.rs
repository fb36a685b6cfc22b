//! Rows for the maps of this channel.
//! The session is tried over sockets in `tests/it`.
