//! Attachment bytes behind an object-store interface.

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
    fn put(&self, tenant: TenantId, file: FileId, rendering: Rendering, bytes: Bytes) -> BoxFuture<'_, Result<(), Error>>;
    /// The bytes; `None` when there are none.
    fn get(&self, tenant: TenantId, file: FileId, rendering: Rendering) -> BoxFuture<'_, Result<Option<Bytes>, Error>>;
}
