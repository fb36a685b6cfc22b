//! Rows for the maps and tables of this channel.
//! The sockets are tried in `tests/it`.
