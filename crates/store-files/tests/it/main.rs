//! Files, pictures and secrets as their callers meet them.
//! Each test has a folder of its own.

mod files;
mod pictures;
mod secrets;
