//! The journal's two parsers, opened for the fuzz targets (`fuzz/`): a batch's record, and the records of a segment.

use bytes::Bytes;
use domain::id::{Id, JobId, TenantId};
use domain::record::{List, Listing};
use ports::{Batch, Error, Vault, Write, stored};

pub use crate::changes::spell;
use crate::changes::{self, Entry};
pub use crate::journal::{batches, spell_segment};
use crate::names;

/// The batch that a record was spelled from, without the rows that it only relied on. `None`: it is a cut of the log,
/// or names a list that there is none of.
pub fn read(record: Bytes, vault: &dyn Vault) -> Result<Option<Batch>, Error> {
    let changes = changes::read(record)?;
    let listings: Option<Vec<Listing>> = changes.listings.iter().map(listing).collect();
    let Some((id, listings)) = changes.batch().zip(listings) else { return Ok(None) };
    let write = |write: &changes::Write| {
        let key = write.place.key()?;
        let record = write.body.as_ref().map(|body| stored::decode(&key, body, vault)).transpose()?;
        Ok(Write { key, version: write.seen as u64, record })
    };
    Ok(Some(Batch {
        id,
        writes: changes.writes.iter().map(write).collect::<Result<_, Error>>()?,
        relied: Vec::new(),
        listings,
        events: changes.events.iter().map(changes::Event::whole).collect::<Result<_, _>>()?,
        jobs: changes.jobs.iter().map(changes::Job::whole).collect::<Result<_, _>>()?,
        finished_jobs: changes.finished_jobs.iter().map(|job| JobId(names::read_id(*job))).collect(),
        at: changes.at,
    }))
}

fn listing(((tenant, list, owner, position), target): &(Entry, [u8; 16])) -> Option<Listing> {
    let lists = [
        List::MessagesOfConversation,
        List::ConversationsOfContact,
        List::ConversationsOfApp,
        List::ContactsOfTenant,
        List::DialogOfConversation,
        List::ConversationsOfTenant,
    ];
    let [tenant, owner, target]: [Id; 3] = [tenant, owner, target].map(|id| names::read_id(*id));
    let list = lists.into_iter().find(|own| names::list(*own) == *list)?;
    Some(Listing { tenant: TenantId(tenant), list, owner, position: *position as u64, target })
}
