//! Steps: one action each, drawn by the seed. What a door answers is noted when the answer comes; a process that dies
//! first never gave one.

mod sends;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_api::Callback;
use engine::Engine;
use engine::domain::content::Content;
use engine::domain::conversation::Conversation;
use engine::domain::id::{Id, TenantId};
use engine::domain::message::Message;
use engine::domain::record::Entity;
use ports::Clock as _;
use testkit::memory::Trick;

use crate::provider::Notice;
use crate::world::{APPS, TENANTS, World};

/// Inbound texts that are no messages of their own.
pub const KEYWORDS: [&str; 2] = ["STOP", "START"];

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

    fn text(&self, kind: &str) -> String {
        self.world.model.lock().unwrap().fresh_text(kind)
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

fn genuine(words: String) -> Callback {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-token", http::HeaderValue::from_static("genuine"));
    Callback { headers, query: String::new(), body: Bytes::from(words) }
}

pub async fn sleep_ms(ms: i64) {
    tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
}
