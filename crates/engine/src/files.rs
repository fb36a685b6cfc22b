//! Files, as faces reach them. What a person sent has its row, and thus its links, before its bytes are here: whoever
//! opens such a link waits a little for the fetch that is under way.

use std::sync::Arc;

use bytes::Bytes;
use domain::id::{FileId, TenantId};
use domain::tenant::{File, Presence};
use ports::files::Rendering;
use tokio::sync::{Notify, Semaphore};

use crate::engine::{Engine, stopped};

/// What fetches and those who wait for them share.
pub(crate) struct Fetching {
    /// Fetches that may be open at once.
    pub seats: Semaphore,
    /// A file is no longer awaited.
    pub settled: Notify,
}

impl Fetching {
    pub fn new(open_max: usize) -> Fetching {
        Fetching { seats: Semaphore::new(open_max), settled: Notify::new() }
    }
}

impl Engine {
    /// A file's row. One whose bytes are still to be fetched is waited for, so long at most, and then given as it is.
    pub async fn file(
        &self,
        tenant: TenantId,
        id: FileId,
        patience_ms: i64,
    ) -> Result<Option<Arc<File>>, ports::Error> {
        let until = self.now().plus_ms(patience_ms);
        let stopping = self.stopping();
        loop {
            let settled = self.fetching().settled.notified();
            let file = self.get::<File>(tenant, id.0).await?;
            let awaited = file.as_ref().is_some_and(|file| matches!(file.presence, Presence::Awaited(_)));
            if !awaited || self.now() >= until {
                return Ok(file);
            }
            tokio::select! {
                biased;
                () = stopped(&stopping) => return Ok(file),
                () = settled => {}
                () = self.parts().clock.wait_until(until) => {}
            }
        }
    }

    /// Stores a rendering of a file durably.
    pub async fn put_file(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
        bytes: Bytes,
    ) -> Result<(), ports::Error> {
        self.parts().files.put(tenant, file, rendering, bytes).await
    }

    /// The bytes of a file's rendering.
    pub async fn file_bytes(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
    ) -> Result<Option<Bytes>, ports::Error> {
        self.parts().files.get(tenant, file, rendering).await
    }
}
