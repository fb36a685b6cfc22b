//! Sends: with and without a key, repeated, two at once, and under a key that has another answer.

use engine::domain::channel::{Address, Channel};
use engine::domain::command::send::{Recipient, Refusal, Send, Sent};
use engine::domain::content::{Content, Face};
use engine::domain::delivery::Priority;
use engine::domain::id::{Id, MessageId};
use engine::{Engine, Failure, OnceFailure, OnceKey, StoredAnswer};
use ports::Clock as _;

use super::Actor;
use crate::model::KeyUse;
use crate::provider::CHANNELS;
use crate::world::APPS;

/// How long a key's answer is kept at least, whatever wall time does in this world.
const KEY_LIFE_MS: i64 = 18 * 3_600_000;

impl Actor<'_> {
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

    pub(super) fn send(&self) {
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

    pub(super) fn send_once(&self, times: usize) {
        let fate = &self.world.fate;
        let text = self.text("k");
        let app = fate.below(APPS.len());
        let command = self.command(app, &text);
        let since = self.world.clock.now();
        let known = KeyUse { key: format!("key-{text}"), text, command, since, answer: None };
        self.world.model.lock().unwrap().keys.push(known.clone());
        (0..times).for_each(|_| self.once(known.clone()));
    }

    pub(super) fn repeat(&self) {
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
    pub(super) fn rivals(&self) {
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
    pub(super) fn reuse(&self) {
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
}

async fn execute_once(
    engine: &Engine,
    key: &str,
    command: &Send,
    text: &str,
) -> Result<StoredAnswer, OnceFailure<Refusal>> {
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
