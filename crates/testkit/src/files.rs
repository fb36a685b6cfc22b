//! Attachment bytes in memory, and a look into them that believes what it is told.
//! Clones share the bytes; nothing is ever unavailable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::id::{FileId, TenantId};
use futures_util::future::{BoxFuture, ready};
use ports::files::{Inspected, Rendering};
use ports::{Error, Files, Inspect};

type Place = (TenantId, FileId, bool);

/// Says of every file that it is what it was declared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Believing;

impl Inspect for Believing {
    fn inspect(&self, _: Bytes, declared: String) -> BoxFuture<'_, Inspected> {
        Box::pin(ready(Inspected { mime: declared, ..Inspected::default() }))
    }
}

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

    fn remove(&self, tenant: TenantId, file: FileId) -> BoxFuture<'_, Result<(), Error>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for rendering in [Rendering::Original, Rendering::Thumbnail] {
            kept.remove(&place(tenant, file, rendering));
        }
        Box::pin(ready(Ok(())))
    }
}
