//! The command line: what `trunkline` can be told, and administration as requests against an engine.
//!
//! `command` is the grammar, `request` the words that commands and the running server share, `administer` carries
//! them out, `socket` takes them to a server that runs, `print` shows the answer. Starting servers, reading
//! configurations and taking locks is the business of the `server` room.

mod administer;
mod apps;
mod command;
mod explain;
mod keys;
mod print;
mod request;
mod socket;

pub use administer::administer;
pub use command::{Arguments, Command, DemoArgs, Printing, request};
pub use print::print;
pub use request::{
    AdminAnswer, AdminRequest, AgentRole, AgentRow, AppRow, BackupRow, ChannelSetting, KeyFace, KeyRow,
    NewKey, TenantRow,
};
pub use socket::{AdminSocket, call_socket};
