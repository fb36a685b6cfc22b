//! What the handle reads: rows as they were last acknowledged, lists, and the log.

use std::sync::Arc;

use domain::event::Event;
use domain::id::{Id, TenantId};
use domain::record::{Entity, Key, List, Record};
use ports::Store;
use ports::store::Page;

use super::Engine;
use crate::cache::{Ahead, Shared};
use crate::tail::Tail;

impl Engine {
    /// Records in the order asked for, each as it was last acknowledged; `None` is absent.
    pub(crate) async fn records(&self, keys: Vec<Key>) -> Result<Vec<Option<Record>>, ports::Error> {
        self.inner.cache.records(keys, &Ahead::default(), &*self.inner.parts.store).await
    }

    /// The rows in memory, and beside them the store, for those who read ahead.
    pub(crate) fn rows(&self) -> (&Shared, &dyn Store) {
        (&self.inner.cache, &*self.inner.parts.store)
    }

    /// The newest events in memory.
    pub(crate) fn tail(&self) -> &Tail {
        &self.inner.tail
    }

    /// A row by key.
    pub async fn row<E: Entity>(&self, key: Key) -> Result<Option<Arc<E>>, ports::Error> {
        let records = self.records(vec![key]).await?;
        Ok(records.into_iter().flatten().next().as_ref().and_then(E::unwrap))
    }

    /// A row by id.
    pub async fn get<E: Entity>(&self, tenant: TenantId, id: Id) -> Result<Option<Arc<E>>, ports::Error> {
        self.row(Key::id::<E>(tenant, id)).await
    }

    /// Rows by id in one load; absent ones are left out.
    pub async fn get_all<E: Entity>(
        &self,
        tenant: TenantId,
        ids: &[Id],
    ) -> Result<Vec<Arc<E>>, ports::Error> {
        Ok(self.each(tenant, ids).await?.into_iter().flatten().collect())
    }

    /// Rows by id in one load, in the order asked for; `None` is absent.
    pub async fn each<E: Entity>(
        &self,
        tenant: TenantId,
        ids: &[Id],
    ) -> Result<Vec<Option<Arc<E>>>, ports::Error> {
        let keys = ids.iter().map(|id| Key::id::<E>(tenant, *id)).collect();
        let records = self.records(keys).await?;
        Ok(records.iter().map(|record| record.as_ref().and_then(E::unwrap)).collect())
    }

    /// The entity that a list has at a position.
    pub async fn at<E: Entity>(
        &self,
        tenant: TenantId,
        (list, owner): (List, Id),
        position: u64,
    ) -> Result<Option<Arc<E>>, ports::Error> {
        match self.all_at(tenant, (list, owner), &[position]).await?.first() {
            Some(id) => self.get(tenant, *id).await,
            None => Ok(None),
        }
    }

    /// What a list has at these positions, in their order: one page for each run of neighbours.
    pub async fn all_at(
        &self,
        tenant: TenantId,
        (list, owner): (List, Id),
        positions: &[u64],
    ) -> Result<Vec<Id>, ports::Error> {
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        positions.dedup();
        let mut found = Vec::new();
        for run in positions.chunk_by(|one, next| one + 1 == *next) {
            let (after, before) = (run[0].checked_sub(1), run.last().and_then(|last| last.checked_add(1)));
            let page = Page { tenant, list, owner, after, before, newest_first: false, limit: run.len() };
            found.extend(self.page(page).await?.into_iter().map(|(_, id)| id));
        }
        Ok(found)
    }

    /// A page of a list, as (position, id).
    pub async fn page(&self, page: Page) -> Result<Vec<(u64, Id)>, ports::Error> {
        self.inner.parts.reads.page(page).await
    }

    /// A tenant's events after a position, in order.
    pub async fn events(
        &self,
        tenant: TenantId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Event>, ports::Error> {
        match self.inner.tail.page(tenant, after, limit) {
            Some(page) => Ok(page),
            None => self.inner.parts.reads.events(Some(tenant), after, limit).await,
        }
    }

    /// Shows events of all tenants after a position, a page at most; how many there were is for `to` to count.
    pub(crate) async fn show_events(
        &self,
        after: u64,
        limit: usize,
        mut to: impl FnMut(&Event),
    ) -> Result<(), ports::Error> {
        if !self.inner.tail.show(after, limit, &mut to) {
            self.inner.parts.reads.events(None, after, limit).await?.iter().for_each(to);
        }
        Ok(())
    }

    /// The log was cut up to a position.
    pub(crate) fn log_was_cut(&self, through: u64) {
        self.inner.tail.cut(through);
    }

    /// Everything the log says about one message, in order.
    pub async fn events_of_message(&self, tenant: TenantId, message: Id) -> Result<Vec<Event>, ports::Error> {
        self.inner.parts.reads.events_of_message(tenant, message).await
    }
}
