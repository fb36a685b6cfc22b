//! Attachment bytes in a folder of this machine, what they are and what they look like, and the vault for secrets.
//! No file is ever served under a name from outside: names are made of ids alone.

mod folder;
mod inspector;
mod vault;

pub use folder::FolderFiles;
pub use inspector::Inspector;
pub use vault::FileVault;
