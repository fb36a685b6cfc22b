//! Loads everything that a dialect may say about one event, in two loads, and says what it would say.
//! Nothing is written here; what an event froze stays frozen.

use std::sync::Arc;

use domain::agent::Agent;
use domain::contact::Contact;
use domain::content::Content;
use domain::conversation::{Conversation, Party};
use domain::event::{Event, Fact};
use domain::id::Id;
use domain::message::{Author, Message};
use domain::record::{Entity, Record};
use domain::subscription::Subscription;
use domain::tenant::File;

use crate::cache::Ahead;
use crate::dialect::{Dialect, Facts, Rendered};
use crate::engine::Engine;

/// The facts of an event as they stand now; what memory does not hold, as it stood when it was read ahead.
pub(super) async fn load(
    engine: &Engine,
    subscription: &Arc<Subscription>,
    event: Event,
    ahead: &Ahead,
) -> Result<Facts, ports::Error> {
    let tenant = event.tenant;
    let directory = engine.directory();
    let (rows, store) = engine.rows();
    let records = rows.records(super::news::keys(&event), ahead, store).await?;
    let conversation = find::<Conversation>(&records);
    let message = find::<Message>(&records);
    let content = find::<Content>(&records);
    let agent = |id| directory.agent(tenant, id).cloned();
    let author: Option<Arc<Agent>> = match (message.as_ref().map(|message| message.author), &event.fact) {
        (Some(Author::Agent(id)), _) => agent(id),
        (None, Fact::SignalSeen { by: Party::Agent(id), .. }) => agent(*id),
        _ => None,
    };
    let assignee = conversation.as_ref().and_then(|conversation| conversation.assignee).and_then(agent);
    let answered = match message.as_ref().and_then(|message| message.reply_to) {
        Some(id) => engine.get::<Message>(tenant, id.0).await?,
        None => None,
    };
    let media = content.as_ref().map(|content| content.body.media()).unwrap_or_default();
    let files: Vec<Id> = media.into_iter().filter_map(|media| media.file.map(|file| file.0)).collect();
    let files = if files.is_empty() { Vec::new() } else { engine.get_all::<File>(tenant, &files).await? };
    Ok(Facts {
        log: engine.log_name(),
        tenant: directory.tenant(tenant).cloned(),
        app: event.app.and_then(|id| directory.app(tenant, id).cloned()),
        contact: find::<Contact>(&records),
        conversation,
        message,
        content,
        answered,
        author,
        assignee,
        files,
        links: engine.links().clone(),
        subscription: subscription.clone(),
        event,
    })
}

fn find<E: Entity>(records: &[Option<Record>]) -> Option<Arc<E>> {
    records.iter().flatten().find_map(E::unwrap)
}

impl Engine {
    /// Whether a subscription is one to hear an event, whatever became of it.
    pub fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        let ours = subscription.app.is_none() || event.app.is_none() || event.app == subscription.app;
        ours && self.dialect_of(subscription).is_some_and(|dialect| dialect.hears(subscription, event))
    }

    /// What a subscription would be posted about an event if it were posted now; `None`: nothing.
    pub async fn callback(
        &self,
        subscription: &Arc<Subscription>,
        event: Event,
    ) -> Result<Option<Rendered>, ports::Error> {
        let Some(dialect) = self.dialect_of(subscription) else { return Ok(None) };
        Ok(dialect.render(&load(self, subscription, event, &Ahead::default()).await?))
    }

    fn dialect_of(&self, subscription: &Subscription) -> Option<&dyn Dialect> {
        let known = self.parts().dialects.iter().find(|one| one.face() == subscription.dialect);
        known.map(|dialect| &**dialect)
    }
}
