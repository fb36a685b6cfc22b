//! Attachment bytes behind an object-store interface, and a look into them.
//! What a file is called and who may see it is the file row's matter.

use bytes::Bytes;
use domain::id::{FileId, TenantId};
use futures_util::future::BoxFuture;

use crate::Error;

/// Which rendering of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    Original,
    Thumbnail,
}

/// Stores and serves attachment bytes.
pub trait Files: Send + Sync {
    /// Stores durably: file and folder are synced before this returns.
    fn put(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
        bytes: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>>;
    /// The bytes; `None` when there are none.
    fn get(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
    ) -> BoxFuture<'_, Result<Option<Bytes>, Error>>;
    /// Removes every rendering, durably. One that is not there is no error.
    fn remove(&self, tenant: TenantId, file: FileId) -> BoxFuture<'_, Result<(), Error>>;
}

/// What a file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// By content; the declared type only where the content tells nothing.
    pub mime: String,
    /// Pixels, for pictures that can be read.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// A small picture to show in its place.
    pub thumbnail: Option<Bytes>,
}

/// Looks into files before they are stored.
pub trait Inspect: Send + Sync {
    /// What the bytes are. Never fails: what cannot be read is just a file of its declared type.
    fn inspect(&self, bytes: Bytes, declared: String) -> BoxFuture<'_, Inspected>;
}
