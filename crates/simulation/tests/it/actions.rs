//! Steps: one action each, drawn by the seed. What a door answers is noted when the answer comes; a process that dies
//! first never gave one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_api::Callback;
use engine::domain::channel::{Address, Channel};
use engine::domain::command::consumer::Acknowledge;
use engine::domain::command::open::{NewConversation, Open, Profile};
use engine::domain::command::reply::Reply;
use engine::domain::command::send::{Recipient, Send, Sent};
use engine::domain::command::standing::SetStanding;
use engine::domain::content::{Content, Face};
use engine::domain::conversation::{Conversation, Party, Standing};
use engine::domain::delivery::Priority;
use engine::domain::event::ConsumerStatus;
use engine::domain::id::{Id, MessageId, TenantId};
use engine::domain::message::Message;
use engine::domain::record::Entity;
use engine::{Engine, Failure, OnceFailure, OnceKey, StoredAnswer};
use ports::Clock as _;
use testkit::memory::Trick;

use crate::model::{KeyUse, Known};
use crate::provider::{CHANNELS, Notice};
use crate::world::{APPS, TENANTS, World};

/// Inbound texts that are no messages of their own.
pub const KEYWORDS: [&str; 2] = ["STOP", "START"];

/// How long a key's answer is kept at least, whatever wall time does in this world.
const KEY_LIFE_MS: i64 = 18 * 3_600_000;

/// By how much somebody sets the wall clock in the middle of a life, at most.
const CLOCK_SET_MS_MAX: i64 = 6 * 3_600_000;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Crash,
    Stop,
    /// Enough steps, or something is wrong.
    Enough,
}

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Send,
    SendOnce,
    Repeat,
    Twice,
    Rivals,
    Reuse,
    Reply,
    Inbound,
    Open,
    Acknowledge,
    Standing,
    ProviderAnswers,
    Receipt,
    StrayReceipt,
    HookAnswers,
    HookMood,
    Foreign,
    Moment,
    Minutes,
    Hours,
    ClockIsSet,
    Stale,
    LostAnswer,
    Illness,
    Outage,
    Stop,
    Crash,
}

const WEIGHTS: [(usize, Action); 27] = [
    (180, Action::Send),
    (60, Action::SendOnce),
    (40, Action::Repeat),
    (20, Action::Twice),
    (10, Action::Rivals),
    (15, Action::Reuse),
    (50, Action::Reply),
    (70, Action::Inbound),
    (15, Action::Open),
    (15, Action::Acknowledge),
    (15, Action::Standing),
    (130, Action::ProviderAnswers),
    (150, Action::Receipt),
    (5, Action::StrayReceipt),
    (50, Action::HookAnswers),
    (15, Action::HookMood),
    (20, Action::Foreign),
    (110, Action::Moment),
    (15, Action::Minutes),
    (2, Action::Hours),
    (6, Action::ClockIsSet),
    (10, Action::Stale),
    (10, Action::LostAnswer),
    (5, Action::Illness),
    (4, Action::Outage),
    (2, Action::Stop),
    (5, Action::Crash),
];

pub struct Actor<'a> {
    pub world: &'a World,
    pub engine: &'a Engine,
}

impl Actor<'_> {
    /// Draws a step and does it; `Some` when this life is over.
    pub async fn act(&self) -> Option<End> {
        let fate = &self.world.fate;
        let action = self.overdue().unwrap_or_else(|| fate.weighted(&WEIGHTS));
        fate.note(format_args!("-- {action:?} at {}", self.world.clock.now().0));
        match action {
            Action::Send => self.send(),
            Action::SendOnce => self.send_once(1),
            Action::Twice => self.send_once(2),
            Action::Repeat => self.repeat(),
            Action::Rivals => self.rivals(),
            Action::Reuse => self.reuse(),
            Action::Reply => self.reply(),
            Action::Inbound => self.inbound(),
            Action::Open => self.open(),
            Action::Acknowledge => self.consumer_acknowledges(),
            Action::Standing => self.standing(),
            Action::ProviderAnswers => drop(self.world.provider.answer_one()),
            Action::Receipt => self.receipt(),
            Action::StrayReceipt => self.stray_receipt(),
            Action::HookAnswers => drop(self.world.hook.answer_one()),
            Action::HookMood => self.world.hook.change_mood(),
            Action::Foreign => self.foreign().await,
            Action::Moment => sleep_ms(fate.between(1, 3_000)).await,
            Action::Minutes => sleep_ms(fate.between(10_000, 900_000)).await,
            Action::Hours => sleep_ms(fate.between(1_800_000, 7_200_000)).await,
            Action::ClockIsSet => {
                self.world.clock.jump_ms(fate.between(-CLOCK_SET_MS_MAX, CLOCK_SET_MS_MAX));
                fate.count(|counts| counts.clock_sets += 1);
            }
            Action::Stale => self.stale(),
            Action::LostAnswer => {
                let tricks = [Trick::LoseAnswerKept, Trick::LoseAnswerDropped];
                self.world.store.memory.play(fate.pick(&tricks));
            }
            Action::Outage => self.world.provider.break_down(),
            Action::Illness => self.world.store.fall_ill(fate.between(1, 20_000)),
            Action::Stop => return Some(self.stop().await),
            Action::Crash => return Some(self.crash().await),
        }
        None
    }

    /// What every run must have had in it by now.
    fn overdue(&self) -> Option<Action> {
        let counts = self.world.fate.counts();
        match counts.steps {
            900 if counts.crashes == 0 => Some(Action::Crash),
            1_000 if counts.stale == 0 => Some(Action::Stale),
            1_100 if counts.lost_answers == 0 => Some(Action::LostAnswer),
            1_200 if counts.clock_sets == 0 => Some(Action::ClockIsSet),
            _ => None,
        }
    }

    fn stale(&self) {
        // Five in a row are what a command may meet before its caller hears of it.
        let times = self.world.fate.weighted(&[(80, 1), (15, 2), (5, 6)]);
        (0..times).for_each(|_| self.world.store.memory.play(Trick::Stale));
    }

    async fn stop(&self) -> End {
        self.engine.shutdown().await;
        self.world.fate.count(|counts| counts.stops += 1);
        End::Stop
    }

    /// The process dies somewhere in the middle of the work that it was just given.
    async fn crash(&self) -> End {
        for _ in 0..self.world.fate.below(3) {
            self.send();
            self.inbound();
            self.receipt();
        }
        for _ in 0..self.world.fate.below(60) {
            tokio::task::yield_now().await;
        }
        self.world.fate.count(|counts| counts.crashes += 1);
        End::Crash
    }

    fn command(&self, app: usize, text: &str) -> Send {
        let fate = &self.world.fate;
        let (tenant, app) = APPS[app];
        let person = format!("{}", fate.between(1, 5));
        let mut channels: Vec<&str> = Vec::new();
        if fate.percent(12) {
            // A face channel hears of a message when it is accepted, so it can only be the first.
            channels.push(fate.pick(&[Channel::CONNECTOR, Channel::API]));
        }
        for _ in 0..fate.between(1, 3) {
            let channel = fate.pick(&CHANNELS);
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        let addresses = channels.into_iter().map(|one| (Address::new(one, &person), one == "GAMMA"));
        let ttl_s = match fate.below(20) {
            0 => Some(fate.between(1, 5)),
            1..5 => Some(fate.between(30, 5_000)),
            5 => Some(864_000),
            6 => Some(315_576_000_000),
            _ => None,
        };
        Send {
            tenant,
            app,
            recipient: Recipient::Identities(addresses.collect()),
            content: Content::text(text),
            order: Vec::new(),
            callback_url: None,
            metadata: String::new(),
            conversation_metadata: None,
            correlation_id: None,
            priority: fate.pick(&[Priority::Normal, Priority::High]),
            ttl_s,
            dispatch_only: fate.percent(10),
            class: Default::default(),
            shown_agent: String::new(),
        }
    }

    fn text(&self, kind: &str) -> String {
        self.world.model.lock().unwrap().fresh_text(kind)
    }

    fn send(&self) {
        let text = self.text("m");
        let mut command = self.command(self.world.fate.below(APPS.len()), &text);
        if self.world.fate.percent(20)
            && let Some(known) = self.conversation(Some(command.tenant))
        {
            command.recipient = Recipient::Contact(known.contact);
            command.dispatch_only = false;
        }
        let (engine, model) = (self.engine.clone(), self.world.model.clone());
        tokio::spawn(async move {
            let tenant = command.tenant;
            match engine.execute(command).await {
                Ok(sent) => model.lock().unwrap().acknowledge(tenant, &text, Some(sent.message)),
                Err(Failure::Refused(_)) => model.lock().unwrap().refuse(&text),
                Err(Failure::Unavailable(_)) => {}
            }
        });
    }

    fn send_once(&self, times: usize) {
        let fate = &self.world.fate;
        let text = self.text("k");
        let app = fate.below(APPS.len());
        let command = self.command(app, &text);
        let since = self.world.clock.now();
        let known = KeyUse { key: format!("key-{text}"), text, command, since, answer: None };
        self.world.model.lock().unwrap().keys.push(known.clone());
        (0..times).for_each(|_| self.once(known.clone()));
    }

    fn repeat(&self) {
        if let Some(known) = self.key(false) {
            self.once(known);
        }
    }

    /// A key whose answer must still be remembered.
    fn key(&self, answered: bool) -> Option<KeyUse> {
        let now = self.world.clock.now();
        let mut model = self.world.model.lock().unwrap();
        model.keys.retain(|known| now.since_ms(known.since) < KEY_LIFE_MS);
        let fitting: Vec<&KeyUse> =
            model.keys.iter().filter(|known| !answered || known.answer.is_some()).collect();
        (!fitting.is_empty()).then(|| self.world.fate.pick(&fitting).clone())
    }

    fn once(&self, known: KeyUse) {
        let (engine, model, fate) = (self.engine.clone(), self.world.model.clone(), self.world.fate.clone());
        tokio::spawn(async move {
            match execute_once(&engine, &known.key, &known.command, &known.text).await {
                Ok(answer) => {
                    let mut model = model.lock().unwrap();
                    model.answered(&known.key, &answer);
                    model.acknowledge(known.command.tenant, &known.text, named(&answer));
                }
                Err(OnceFailure::Reused) => {
                    fate.wrong(format_args!("key {} was refused to its own request", known.key));
                }
                Err(OnceFailure::Failed(_)) => {}
            }
        });
    }

    /// Two requests at once under one key: one of them is refused.
    fn rivals(&self) {
        let app = self.world.fate.below(APPS.len());
        let (one, other) = (self.text("one"), self.text("other"));
        self.world.model.lock().unwrap().rivals.push((one.clone(), other.clone()));
        let key = format!("key-{one}");
        for text in [one, other] {
            let (engine, model) = (self.engine.clone(), self.world.model.clone());
            let (command, key) = (self.command(app, &text), key.clone());
            tokio::spawn(async move {
                if let Ok(answer) = execute_once(&engine, &key, &command, &text).await {
                    model.lock().unwrap().acknowledge(command.tenant, &text, named(&answer));
                }
            });
        }
    }

    /// A key that has its answer, with another request.
    fn reuse(&self) {
        let Some(known) = self.key(true) else { return };
        let text = self.text("reuse");
        let command = Send { content: Content::text(text.as_str()), ..known.command.clone() };
        let (engine, fate) = (self.engine.clone(), self.world.fate.clone());
        self.world.model.lock().unwrap().refuse(&text);
        tokio::spawn(async move {
            if execute_once(&engine, &known.key, &command, &text).await.is_ok() {
                fate.wrong(format_args!("key {} was taken with another request", known.key));
            }
        });
    }

    /// Any conversation, of one tenant or of all.
    fn conversation(&self, tenant: Option<TenantId>) -> Option<Known> {
        let model = self.world.model.lock().unwrap();
        let fitting = model.tenants.iter().filter(|one| tenant.is_none_or(|tenant| tenant == one.id));
        let all: Vec<Known> = fitting.flat_map(|one| one.conversations.iter().copied()).collect();
        (!all.is_empty()).then(|| self.world.fate.pick(&all))
    }

    fn tenant_of(known: &Known) -> TenantId {
        APPS.iter().find(|(_, app)| *app == known.app).map_or(TENANTS[0], |(tenant, _)| *tenant)
    }

    fn reply(&self) {
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

    fn inbound(&self) {
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

    fn open(&self) {
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

    fn consumer_acknowledges(&self) {
        let Some(known) = self.conversation(Some(APPS[0].0)) else { return };
        let fate = &self.world.fate;
        let statuses = [ConsumerStatus::Accept, ConsumerStatus::Read, ConsumerStatus::Nack];
        let acknowledge = Acknowledge {
            tenant: APPS[0].0,
            conversation: known.id,
            contact: known.contact,
            status: fate.pick(&statuses),
            sequences: (0..fate.between(0, 12)).filter(|_| fate.percent(50)).collect(),
            metadata: String::new(),
        };
        let engine = self.engine.clone();
        tokio::spawn(async move { drop(engine.execute(acknowledge).await) });
    }

    fn standing(&self) {
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

    fn receipt(&self) {
        if let Some(notice) = self.world.provider.notice() {
            self.deliver(notice);
        }
    }

    fn stray_receipt(&self) {
        let fate = &self.world.fate;
        let (_, app) = fate.pick(&APPS);
        let stray = match self.world.provider.notice().filter(|_| fate.percent(50)) {
            Some(notice) if notice.app != app => notice.misdirected(app),
            _ => self.world.provider.stray_notice(app),
        };
        self.deliver(stray);
    }

    /// The provider posts a receipt; it is done with it once it was taken.
    pub fn deliver(&self, notice: Notice) {
        let (engine, provider) = (self.engine.clone(), Arc::clone(&self.world.provider));
        self.world.fate.note(format_args!("{} says {}", notice.channel, notice.words));
        tokio::spawn(async move {
            let callback = genuine(notice.words.clone());
            if engine.provider_callback(notice.channel, notice.app, callback).await.is_ok() {
                provider.taken(&notice);
            }
        });
    }

    /// Ids of one tenant tried by another.
    async fn foreign(&self) {
        let fate = &self.world.fate;
        let found = {
            let model = self.world.model.lock().unwrap();
            let tenant = fate.pick(&TENANTS);
            let own = model.tenants.iter().find(|one| one.id == tenant && !one.messages.is_empty());
            own.map(|own| (tenant, fate.pick(&own.messages).0, own.conversations.first().map(|one| one.id.0)))
        };
        let Some((owner, message, conversation)) = found else { return };
        for other in TENANTS.into_iter().filter(|other| *other != owner) {
            self.hidden::<Message>(other, message).await;
            self.hidden::<Content>(other, message).await;
            if let Some(conversation) = conversation {
                self.hidden::<Conversation>(other, conversation).await;
            }
            let events = self.engine.events_of_message(other, message).await;
            fate.demand(events.is_ok_and(|all| all.is_empty()), "another tenant reads a message's events");
        }
    }

    async fn hidden<E: Entity>(&self, other: TenantId, id: Id) {
        if let Ok(Some(_)) = self.engine.get::<E>(other, id).await {
            self.world.fate.wrong(format_args!("{other:?} reads {id:?} of another tenant"));
        }
    }
}

async fn execute_once(
    engine: &Engine,
    key: &str,
    command: &Send,
    text: &str,
) -> Result<StoredAnswer, OnceFailure<engine::domain::command::send::Refusal>> {
    let mut fingerprint = [0; 32];
    fingerprint[..text.len()].copy_from_slice(text.as_bytes());
    let key = OnceKey { tenant: command.tenant, face: Face::Sinch, key: key.to_owned(), fingerprint };
    let render = |sent: &Sent| StoredAnswer { status: 200, body: sent.message.ulid().into_bytes() };
    engine.execute_once(key, command.clone(), render).await
}

/// The message that an answer names.
fn named(answer: &StoredAnswer) -> Option<MessageId> {
    std::str::from_utf8(&answer.body).ok().and_then(Id::parse).map(MessageId)
}

fn genuine(words: String) -> Callback {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-token", http::HeaderValue::from_static("genuine"));
    Callback { headers, query: String::new(), body: Bytes::from(words) }
}

pub async fn sleep_ms(ms: i64) {
    tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
}
