//! Attachment bytes in memory.
//! Clones share the bytes; nothing is ever unavailable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::id::{FileId, TenantId};
use futures_util::future::{BoxFuture, ready};
use ports::files::Rendering;
use ports::{Error, Files};

type Place = (TenantId, FileId, bool);

/// Files that are gone with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    kept: Arc<Mutex<HashMap<Place, Bytes>>>,
}

fn place(tenant: TenantId, file: FileId, rendering: Rendering) -> Place {
    (tenant, file, rendering == Rendering::Thumbnail)
}

impl Files for MemoryFiles {
    fn put(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
        bytes: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(place(tenant, file, rendering), bytes);
        Box::pin(ready(Ok(())))
    }

    fn get(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
    ) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(kept.get(&place(tenant, file, rendering)).cloned())))
    }
}
