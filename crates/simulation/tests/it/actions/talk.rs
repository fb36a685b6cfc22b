//! What people and agents do in conversations: write, answer, acknowledge, close and open again.

use engine::domain::channel::{Address, Channel};
use engine::domain::command::consumer::Acknowledge;
use engine::domain::command::open::{NewConversation, Open, Profile};
use engine::domain::command::reply::Reply;
use engine::domain::command::standing::SetStanding;
use engine::domain::content::Content;
use engine::domain::conversation::{Party, Standing};
use engine::domain::event::ConsumerStatus;
use engine::domain::id::{MessageId, TenantId};
use engine::domain::record::List;

use super::{Actor, KEYWORDS, genuine};
use crate::model::Known;
use crate::provider::CHANNELS;
use crate::world::{APPS, TENANTS};

impl Actor<'_> {
    /// Any conversation, of one tenant or of all.
    pub(super) fn conversation(&self, tenant: Option<TenantId>) -> Option<Known> {
        let model = self.world.model.lock().unwrap();
        let fitting = model.tenants.iter().filter(|one| tenant.is_none_or(|tenant| tenant == one.id));
        let all: Vec<Known> = fitting.flat_map(|one| one.conversations.iter().copied()).collect();
        (!all.is_empty()).then(|| self.world.fate.pick(&all))
    }

    fn tenant_of(known: &Known) -> TenantId {
        APPS.iter().find(|(_, app)| *app == known.app).map_or(TENANTS[0], |(tenant, _)| *tenant)
    }

    pub(super) fn reply(&self) {
        let Some(known) = self.conversation(None) else { return };
        let private = self.world.fate.percent(20);
        let text = self.text(if private { "note" } else { "r" });
        let reply = Reply {
            tenant: Self::tenant_of(&known),
            conversation: known.id,
            agent: None,
            private,
            content: Content::text(text.as_str()),
            in_reply_to: None,
            attributes: String::new(),
            source_id: String::new(),
        };
        let (engine, model) = (self.engine.clone(), self.world.model.clone());
        tokio::spawn(async move {
            let tenant = reply.tenant;
            if let Ok(message) = engine.execute(reply).await {
                model.lock().unwrap().acknowledge(tenant, &text, Some(message.id));
            }
        });
    }

    pub(super) fn inbound(&self) {
        let fate = &self.world.fate;
        let earlier = fate.percent(20);
        let mut model = self.world.model.lock().unwrap();
        if !earlier || model.inbound.is_empty() {
            let keyword = fate.percent(8);
            let fresh = model.fresh_text("i");
            let text = if keyword { fate.weighted(&[(35, "STOP"), (65, "START")]) } else { &fresh };
            let words = format!("message {} source-{fresh} {text}", fate.between(1, 5));
            let from = (fate.below(APPS.len()), fate.pick(&CHANNELS), words, text.to_owned());
            model.inbound.push(from);
        }
        let (app, channel, words, text) =
            if earlier { fate.pick(&model.inbound) } else { model.inbound[model.inbound.len() - 1].clone() };
        drop(model);
        let (engine, model) = (self.engine.clone(), self.world.model.clone());
        tokio::spawn(async move {
            let (tenant, app) = APPS[app];
            let taken = engine.provider_callback(channel, app, genuine(words)).await;
            if taken.is_ok() && !KEYWORDS.contains(&text.as_str()) {
                model.lock().unwrap().acknowledge(tenant, &text, None);
            }
        });
    }

    pub(super) fn open(&self) {
        let (tenant, app) = APPS[0];
        let text = self.text("o");
        let open = Open {
            tenant,
            app,
            from: Address::new(Channel::CONNECTOR, &format!("{}", self.world.fate.between(1, 5))),
            profile: Profile::default(),
            conversation: Some(NewConversation { context: String::new() }),
            messages: vec![(Content::text(text.as_str()), String::new())],
        };
        let (engine, model) = (self.engine.clone(), self.world.model.clone());
        tokio::spawn(async move {
            let Ok(opened) = engine.execute(open).await else { return };
            match opened.conversation {
                Some(Ok(_)) => model.lock().unwrap().acknowledge(tenant, &text, None),
                _ => model.lock().unwrap().refuse(&text),
            }
        });
    }

    pub(super) fn consumer_acknowledges(&self) {
        let Some(known) = self.conversation(Some(APPS[0].0)) else { return };
        let fate = &self.world.fate;
        let statuses = [ConsumerStatus::Accept, ConsumerStatus::Read, ConsumerStatus::Nack];
        let sequences: Vec<i64> = (0..fate.between(0, 12)).filter(|_| fate.percent(50)).collect();
        let positions: Vec<u64> = sequences.iter().map(|sequence| *sequence as u64).collect();
        let mut acknowledge = Acknowledge {
            tenant: APPS[0].0,
            conversation: known.id,
            contact: known.contact,
            status: fate.pick(&statuses),
            sequences,
            messages: Vec::new(),
            metadata: String::new(),
        };
        let engine = self.engine.clone();
        tokio::spawn(async move {
            let dialog = (List::DialogOfConversation, known.id.0);
            let Ok(found) = engine.all_at(APPS[0].0, dialog, &positions).await else { return };
            acknowledge.messages = found.into_iter().map(MessageId).collect();
            drop(engine.execute(acknowledge).await);
        });
    }

    pub(super) fn standing(&self) {
        let Some(known) = self.conversation(None) else { return };
        let set = SetStanding {
            tenant: Self::tenant_of(&known),
            conversation: known.id,
            to: self.world.fate.pick(&[Standing::Resolved, Standing::Open, Standing::Snoozed]),
            by: Party::Consumer,
            contact: None,
        };
        let engine = self.engine.clone();
        tokio::spawn(async move { drop(engine.execute(set).await) });
    }
}
