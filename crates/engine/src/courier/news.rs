//! What the log has for a subscription: the events it hears behind its cursor, and the rows they will be told with.

use domain::contact::Contact;
use domain::content::Content;
use domain::conversation::Conversation;
use domain::event::Event;
use domain::id::TenantId;
use domain::message::Message;
use domain::record::Key;

use crate::cache::Ahead;
use crate::dialect::Near;
use crate::engine::Engine;
use crate::tail::Sifted;

/// Events of the store read at once, where memory does not reach back far enough.
const PAGE: usize = 1_000;

impl Engine {
    /// A tenant's wanted events behind a position, `limit` or a few more at most.
    pub(super) async fn sift(
        &self,
        tenant: TenantId,
        after: u64,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Sifted, ports::Error> {
        if let Some(sifted) = self.tail().sift(after, limit, |event| event.tenant == tenant && wanted(event))
        {
            return Ok(sifted);
        }
        // Read before the page: what is committed after the page was read lies behind this head.
        let head = self.position();
        let page = self.parts().reads.events(Some(tenant), after, PAGE).await?;
        let more = page.len() == PAGE;
        let last = page.last().map_or(after, |event| event.position);
        // A short page was all there was for this tenant up to the head.
        let through = if more { last } else { last.max(head) };
        Ok(Sifted { events: page.into_iter().filter(wanted).collect(), through, more })
    }

    /// What memory has of an event.
    pub(super) fn near(&self, event: &Event) -> Near {
        let (rows, _) = self.rows();
        let tenant = event.tenant;
        Near {
            contact: event.contact.and_then(|id| rows.get(&Key::id::<Contact>(tenant, id.0))),
            conversation: event.conversation.and_then(|id| rows.get(&Key::id::<Conversation>(tenant, id.0))),
            message: event.message.and_then(|id| rows.get(&Key::id::<Message>(tenant, id.0))),
        }
    }

    /// Reads in one load what these events will be told with, as far as it is not in memory.
    pub(super) async fn facts_ahead(
        &self,
        events: impl Iterator<Item = &Event>,
    ) -> Result<Ahead, ports::Error> {
        let mut keys: Vec<Key> = events.flat_map(keys).collect();
        keys.sort_unstable();
        keys.dedup();
        let (rows, store) = self.rows();
        rows.ahead(keys, store).await
    }
}

/// Contact, conversation, message and content of an event.
pub(super) fn keys(event: &Event) -> Vec<Key> {
    let tenant = event.tenant;
    let contact = event.contact.map(|id| Key::id::<Contact>(tenant, id.0));
    let conversation = event.conversation.map(|id| Key::id::<Conversation>(tenant, id.0));
    let message = event.message.map(|id| Key::id::<Message>(tenant, id.0));
    let content = event.message.map(|id| Key::id::<Content>(tenant, id.0));
    [contact, conversation, message, content].into_iter().flatten().collect()
}
