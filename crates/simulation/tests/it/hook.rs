//! The webhook sink: an endpoint per subscription that answers, refuses, hangs or is down, and audits what it gets.
//!
//! A body is the event's position in the log. Within a conversation an event may come for the first time only when
//! everything before it was answered 2xx or had every try that its dialect promises; and only one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use connector_api::{HttpOut, HttpRequest, HttpResponse, OutError};
use engine::domain::content::Face;
use engine::domain::event::{Event, Fact};
use engine::domain::id::{ConversationId, SubscriptionId, TenantId};
use engine::domain::subscription::Subscription;
use engine::domain::time::Time;
use engine::{Dialect, Facts, Patience, Rendered, Seal, Verdict};
use futures_util::future::BoxFuture;
use ports::Clock as _;
use tokio::sync::oneshot;

use crate::clock::VirtualClock;
use crate::fate::Fate;
use crate::store::ChaosStore;

/// The engine counts a try from before it read what to say, and its store may be slow.
const SLACK_MS: i64 = 2_000;

/// One face's way with callbacks, as far as order and patience go.
pub struct PlainDialect(pub Face);

/// Which events a dialect's subscribers hear.
pub fn hears(face: Face, fact: &Fact) -> bool {
    match fact {
        Fact::MessageSubmitted => true,
        Fact::MessageReceived | Fact::StandingChanged { .. } => face != Face::LivePerson,
        Fact::DeliveryChanged(_) | Fact::ConversationStarted | Fact::ContactCreated => face == Face::Sinch,
        Fact::ConversationUpdated | Fact::ContactUpdated => face == Face::LiveDesk,
        _ => false,
    }
}

fn patience(face: Face) -> Patience {
    let (delays_ms, give_up_after_ms, tries_max, timeout_ms) = match face {
        Face::Sinch => (vec![1_000, 5_000, 30_000], 600_000, 0, 10_000),
        Face::LiveDesk => (vec![500], 60_000, 3, 5_000),
        _ => (vec![1_000, 2_000], 30_000, 0, 5_000),
    };
    Patience { delays_ms, give_up_after_ms, tries_max, timeout_ms, per_second_per_app: 0 }
}

fn verdict(status: u16) -> Verdict {
    match status {
        200 => Verdict::Delivered,
        410 => Verdict::GiveUp,
        _ => Verdict::Again,
    }
}

impl Dialect for PlainDialect {
    fn face(&self) -> Face {
        self.0
    }

    fn hears(&self, _: &Subscription, event: &Event) -> bool {
        hears(self.0, &event.fact)
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        if let Some(carried) = &facts.subscription.carries {
            let delivery = facts.message.as_ref()?.delivery.as_ref()?;
            if delivery.address().channel != *carried {
                return None;
            }
        }
        let body = facts.event.position.to_string();
        Some(Rendered { body: body.into(), target: None, headers: http::HeaderMap::new() })
    }

    fn seal(&self, _: &Seal<'_>) -> http::HeaderMap {
        http::HeaderMap::new()
    }

    fn verdict(&self, status: u16) -> Verdict {
        verdict(status)
    }

    fn patience(&self, _: &Subscription) -> Patience {
        patience(self.0)
    }
}

/// How an endpoint is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Flaky,
    Down,
}

/// How often an event was tried, since when, and whether its dialect's patience was over at the end of a try.
struct Tried {
    times: u32,
    since: Time,
    over: bool,
}

type Lane = Option<ConversationId>;

/// One subscriber.
pub struct Endpoint {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub face: Face,
    pub carries: bool,
    mood: Mood,
    seen: u64,
    /// Heard and not answered 2xx yet, by lane.
    due: BTreeMap<Lane, BTreeSet<u64>>,
    lanes: BTreeMap<u64, Lane>,
    done: BTreeSet<u64>,
    tried: BTreeMap<u64, Tried>,
    open: BTreeMap<u64, u32>,
}

impl Endpoint {
    pub fn new(tenant: TenantId, subscription: SubscriptionId, face: Face, carries: bool) -> Endpoint {
        Endpoint {
            tenant,
            subscription,
            face,
            carries,
            mood: Mood::Well,
            seen: 0,
            due: BTreeMap::new(),
            lanes: BTreeMap::new(),
            done: BTreeSet::new(),
            tried: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    /// What it should have heard so far.
    fn catch_up(&mut self, store: &ChaosStore) {
        for event in store.events_after(self.seen) {
            self.seen = event.position;
            if event.tenant == self.tenant && hears(self.face, &event.fact) {
                self.due.entry(event.conversation).or_default().insert(event.position);
                self.lanes.insert(event.position, event.conversation);
            }
        }
    }

    fn may_pass_over(&self, position: u64) -> bool {
        self.tried.get(&position).is_some_and(|tried| tried.over)
    }

    /// What is wrong with this event coming now.
    fn audit(&self, position: u64) -> Option<String> {
        let lane = *self.lanes.get(&position)?;
        let same = |other: &u64| *other != position && self.lanes.get(other) == Some(&lane);
        if let Some(other) = self.open.keys().find(|other| same(other)) {
            return Some(format!("event {position} came while {other} of its conversation was open"));
        }
        if self.carries || self.done.contains(&position) {
            return None;
        }
        let before = self.due.get(&lane)?.range(..position);
        let skipped = before.copied().find(|earlier| !self.may_pass_over(*earlier));
        skipped.map(|earlier| format!("event {position} came before {earlier} of its conversation"))
    }

    fn begins(&mut self, position: u64, now: Time) {
        *self.open.entry(position).or_default() += 1;
        let tried = self.tried.entry(position).or_insert(Tried { times: 0, since: now, over: false });
        tried.times += 1;
        // The clock may have been set back.
        tried.since = tried.since.min(now);
    }

    fn ends(&mut self, position: u64, status: Option<u16>, now: Time) {
        let patience = patience(self.face);
        if let Some(count) = self.open.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&position);
            }
        }
        if status == Some(200) {
            self.done.insert(position);
            if let Some(due) = self.lanes.get(&position).and_then(|lane| self.due.get_mut(lane)) {
                due.remove(&position);
            }
        } else if let Some(tried) = self.tried.get_mut(&position) {
            let tired = patience.tries_max > 0 && tried.times >= patience.tries_max;
            let late = now.since_ms(tried.since) + SLACK_MS >= patience.give_up_after_ms;
            tried.over |= status == Some(410) || tired || late;
        }
    }

    /// Heard, and never answered 2xx.
    pub fn undelivered(&mut self, store: &ChaosStore) -> Vec<u64> {
        self.catch_up(store);
        self.due.values().flatten().copied().collect()
    }
}

/// All endpoints.
pub struct Hook {
    fate: Fate,
    clock: VirtualClock,
    store: ChaosStore,
    endpoints: Mutex<Vec<Endpoint>>,
    open: Mutex<Vec<oneshot::Sender<u16>>>,
}

impl Hook {
    pub fn new(fate: &Fate, clock: &VirtualClock, store: &ChaosStore, endpoints: Vec<Endpoint>) -> Arc<Hook> {
        Arc::new(Hook {
            fate: fate.clone(),
            clock: clock.clone(),
            store: store.clone(),
            endpoints: Mutex::new(endpoints),
            open: Mutex::default(),
        })
    }

    pub fn endpoints(&self) -> MutexGuard<'_, Vec<Endpoint>> {
        self.endpoints.lock().unwrap()
    }

    /// One endpoint feels otherwise now.
    pub fn change_mood(&self) {
        let moods = [(50, Mood::Well), (35, Mood::Flaky), (15, Mood::Down)];
        let mut endpoints = self.endpoints();
        let place = self.fate.below(endpoints.len());
        endpoints[place].mood = self.fate.weighted(&moods);
        self.fate.note(format_args!("endpoint {place} is {:?}", endpoints[place].mood));
    }

    /// From now on everything is answered 200 at once.
    pub fn calm_down(&self) {
        self.endpoints().iter_mut().for_each(|endpoint| endpoint.mood = Mood::Well);
        while self.answer_one() {}
    }

    /// Answers one open callback; `false` when there is none.
    pub fn answer_one(&self) -> bool {
        let mut open = self.open.lock().unwrap();
        open.retain(|answer| !answer.is_closed());
        if open.is_empty() {
            return false;
        }
        let place = self.fate.below(open.len());
        let status = self.fate.weighted(&[(80, 200), (15, 500), (5, 410)]);
        // Whoever waited may just have gone.
        let _ = open.remove(place).send(status);
        true
    }

    fn begin(&self, place: usize, position: u64) -> Mood {
        let mut endpoints = self.endpoints();
        let endpoint = &mut endpoints[place];
        endpoint.catch_up(&self.store);
        if let Some(wrong) = endpoint.audit(position) {
            self.fate.wrong(format_args!("endpoint {place}: {wrong}"));
        }
        endpoint.begins(position, self.clock.now());
        self.fate.count(|counts| counts.callbacks += 1);
        endpoint.mood
    }

    async fn answer(&self, mood: Mood, timeout_ms: u64) -> Option<u16> {
        let timeout = Duration::from_millis(timeout_ms);
        let told = async {
            let (answer, told) = oneshot::channel();
            self.open.lock().unwrap().push(answer);
            tokio::time::timeout(timeout, told).await.ok().and_then(Result::ok)
        };
        match (mood, self.fate.below(100)) {
            (Mood::Well, 0..90) | (Mood::Flaky, 0..45) => Some(200),
            (Mood::Well, 90..) | (Mood::Flaky, 45..60) => told.await,
            (Mood::Flaky, 60..85) | (Mood::Down, 0..40) => Some(500),
            (Mood::Flaky, 85..93) => Some(410),
            (Mood::Down, 40..80) => None,
            _ => {
                tokio::time::sleep(timeout).await;
                None
            }
        }
    }
}

/// Ends a callback, also one whose caller died; without a note, since a dying life drops its tasks in no order.
struct Open<'a> {
    hook: &'a Hook,
    place: usize,
    position: u64,
    status: Option<u16>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut endpoints = self.hook.endpoints();
        endpoints[self.place].ends(self.position, self.status, self.hook.clock.now());
    }
}

impl HttpOut for Hook {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            let place = request.url.rsplit('/').next().and_then(|word| word.parse::<usize>().ok());
            let position = std::str::from_utf8(&request.body).ok().and_then(|word| word.parse::<u64>().ok());
            let (Some(place), Some(position)) = (place, position) else {
                self.fate.wrong("a callback went nowhere");
                return Err(OutError::Forbidden("nobody is there".to_owned()));
            };
            let mood = self.begin(place, position);
            let mut open = Open { hook: self, place, position, status: None };
            open.status = self.answer(mood, request.timeout_ms).await;
            self.fate.note(format_args!("endpoint {place}: {position} -> {:?}", open.status));
            match open.status {
                Some(status) => {
                    Ok(HttpResponse { status, headers: http::HeaderMap::new(), body: Bytes::new() })
                }
                None => Err(OutError::NoAnswer("nobody answered".to_owned())),
            }
        })
    }
}
