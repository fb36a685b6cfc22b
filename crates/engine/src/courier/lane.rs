//! One lane's turn: its events are posted in order until one fails, is given up, or none is left.

use std::sync::Arc;

use domain::command::route::DeadLetter;
use domain::event::Event;
use domain::subscription::{Callback, CallbackLane, CallbackState, FirstTry, Parked, Try, WAITING_MAX};
use domain::time::Time;

use super::UNAVAILABLE_MS;
use super::post::{Delivered, Post};
use super::route::Route;
use crate::cache::Ahead;

/// Events looked through at once when a lane has more than it names.
const PAGE: usize = 256;

/// How a lane's turn ended.
pub(super) struct LaneEnd {
    pub lane: CallbackLane,
    /// It waits, from here.
    pub parked: Option<Parked>,
    /// It waited when the turn began.
    pub was_parked: bool,
    pub something_taken: bool,
    pub something_failed: bool,
    /// Whether the endpoint answered as one that works; `None`: it was not asked.
    pub works: Option<bool>,
    pub callbacks: Vec<Callback>,
    pub taken: Vec<FirstTry>,
    pub dead: Vec<DeadLetter>,
}

/// What one event did to its lane.
enum Step {
    /// The lane moves on.
    Over,
    /// It waits until then.
    Waits { next_at: Time },
}

/// A lane on its turn.
pub(super) struct Lane<'a> {
    route: &'a Route,
    /// Rows read for the whole page.
    ahead: &'a Ahead,
    /// Tries of the event that is first now, and when they began.
    attempts: u32,
    first_failed_at: Time,
    /// What it waited for when the turn began.
    parked: Option<Parked>,
    end: LaneEnd,
}

impl<'a> Lane<'a> {
    /// A lane that does not wait.
    pub fn fresh(route: &'a Route, ahead: &'a Ahead, lane: CallbackLane) -> Lane<'a> {
        let end = LaneEnd {
            lane,
            parked: None,
            was_parked: false,
            something_taken: false,
            something_failed: false,
            works: None,
            callbacks: Vec::new(),
            taken: Vec::new(),
            dead: Vec::new(),
        };
        Lane { route, ahead, attempts: 0, first_failed_at: Time(0), parked: None, end }
    }

    /// A lane that waited.
    pub fn parked(route: &'a Route, ahead: &'a Ahead, parked: Parked) -> Lane<'a> {
        let mut lane = Lane::fresh(route, ahead, parked.lane);
        (lane.attempts, lane.first_failed_at) = (parked.attempts, parked.first_failed_at);
        lane.end.was_parked = true;
        lane.parked = Some(parked);
        lane
    }

    /// Delivers a lane's events of one page.
    pub async fn deliver(mut self, events: Vec<Event>) -> LaneEnd {
        let waiting: Vec<u64> = events.iter().map(|event| event.position).collect();
        for (place, event) in events.into_iter().enumerate() {
            if let Step::Waits { next_at } = self.step(event).await {
                return self.wait(waiting[place..].to_vec(), None, next_at);
            }
        }
        self.end
    }

    /// Parks a lane's events of one page without a try.
    pub fn hold(self, events: &[Event], until: Time) -> LaneEnd {
        self.wait(events.iter().map(|event| event.position).collect(), None, until)
    }

    /// Goes on with a lane that waited, up to where the cursor stands.
    pub async fn go_on(mut self, until: u64) -> LaneEnd {
        let Some(mut parked) = self.parked.take() else { return self.end };
        loop {
            for (done, position) in parked.waiting.iter().enumerate() {
                let Ok(event) = self.event_at(*position).await else {
                    let next_at = self.route.engine.now().plus_ms(UNAVAILABLE_MS);
                    return self.wait(parked.waiting[done..].to_vec(), parked.more_after, next_at);
                };
                // What was cut from the log cannot be told any more; the keeper waits for lanes before it cuts.
                if let Some(event) = event
                    && let Step::Waits { next_at } = self.step(event).await
                {
                    return self.wait(parked.waiting[done..].to_vec(), parked.more_after, next_at);
                }
            }
            let Some(after) = parked.more_after else { return self.end };
            match self.more(after, until).await {
                Ok((waiting, _)) if waiting.is_empty() => return self.end,
                Ok((waiting, more_after)) => (parked.waiting, parked.more_after) = (waiting, more_after),
                Err(_) => {
                    let next_at = self.route.engine.now().plus_ms(UNAVAILABLE_MS);
                    return self.wait(Vec::new(), Some(after), next_at);
                }
            }
        }
    }

    async fn event_at(&self, position: u64) -> Result<Option<Event>, ports::Error> {
        let route = self.route;
        let found = route.engine.events(route.subscription.tenant, position.saturating_sub(1), 1).await?;
        Ok(found.into_iter().next().filter(|event| event.position == position))
    }

    /// Positions of the lane's further events, and after which there are more again.
    async fn more(&self, after: u64, until: u64) -> Result<(Vec<u64>, Option<u64>), ports::Error> {
        let CallbackLane::Conversation(conversation) = self.end.lane else {
            return Ok((Vec::new(), None));
        };
        let (mut waiting, mut from) = (Vec::new(), after);
        loop {
            let page = self.route.engine.events(self.route.subscription.tenant, from, PAGE).await?;
            let full = page.len() == PAGE;
            for event in page {
                if event.position > until {
                    return Ok((waiting, None));
                }
                from = event.position;
                if event.conversation == conversation && self.route.hears(&event) {
                    waiting.push(event.position);
                    if waiting.len() == WAITING_MAX {
                        return Ok((waiting, Some(from)));
                    }
                }
            }
            if !full {
                return Ok((waiting, None));
            }
        }
    }

    fn wait(mut self, waiting: Vec<u64>, more_after: Option<u64>, next_at: Time) -> LaneEnd {
        self.end.parked = Some(Parked {
            subscription: self.route.subscription.id,
            lane: self.end.lane,
            waiting,
            more_after,
            attempts: self.attempts,
            first_failed_at: self.first_failed_at,
            next_at,
        });
        self.end
    }

    fn post(&self) -> Post<'a> {
        let route = self.route;
        Post {
            engine: &route.engine,
            subscription: &route.subscription,
            dialect: &*route.dialect,
            pace: &route.pace,
            ahead: self.ahead,
        }
    }

    /// Posts one event; notes what came of it.
    async fn step(&mut self, event: Event) -> Step {
        let engine = &self.route.engine;
        if engine.is_stopping() {
            return Step::Waits { next_at: engine.now() };
        }
        let before = if self.end.was_parked { self.record_of(&event).await } else { Ok(None) };
        let Ok(before) = before else {
            return Step::Waits { next_at: engine.now().plus_ms(UNAVAILABLE_MS) };
        };
        let frozen = before.as_ref().map_or(&[][..], |record| &record.body);
        match self.post().event(event.clone(), frozen).await {
            Delivered::Nothing => {}
            Delivered::NotTried => {
                return Step::Waits { next_at: engine.now().plus_ms(UNAVAILABLE_MS) };
            }
            Delivered::Yes { target, body, one } => {
                self.end.something_taken = true;
                self.end.works = Some(true);
                if self.end.was_parked {
                    let mut record = before.unwrap_or_else(|| self.record(&event, target, body));
                    record.tried(one);
                    record.state = CallbackState::Delivered;
                    self.end.callbacks.push(record);
                } else {
                    let Try { at, took_ms, status, .. } = one;
                    self.end.taken.push(FirstTry { position: event.position, at, took_ms, status });
                }
            }
            Delivered::Failed { target, body, one, final_word } => {
                let record = before.unwrap_or_else(|| self.record(&event, target, body));
                if let Some(next_at) = self.failed(&event, record, one, final_word).await {
                    return Step::Waits { next_at };
                }
            }
        }
        (self.attempts, self.first_failed_at) = (0, Time(0));
        Step::Over
    }

    /// Notes a failure. `Some`: when it is tried again; `None`: it was given up.
    async fn failed(
        &mut self,
        event: &Event,
        mut record: Callback,
        one: Try,
        final_word: bool,
    ) -> Option<Time> {
        let route = self.route;
        let now = route.engine.now();
        if self.attempts == 0 {
            self.first_failed_at = now;
        }
        self.attempts += 1;
        self.end.something_failed = true;
        self.end.works = Some(!matches!(one.status, 0 | 429 | 500..));
        let why = one.answer.clone();
        record.tried(one);
        let patience = route.dialect.patience(&route.subscription);
        let tired = patience.tries_max > 0 && self.attempts >= patience.tries_max;
        let next_at =
            if final_word || tired || now.since_ms(self.first_failed_at) >= patience.give_up_after_ms {
                let recorded = self.post().carried_in_vain(event).await;
                (!recorded).then(|| now.plus_ms(UNAVAILABLE_MS))
            } else {
                let place = (self.attempts as usize - 1).min(patience.delays_ms.len().saturating_sub(1));
                Some(now.plus_ms(patience.delays_ms.get(place).copied().unwrap_or(UNAVAILABLE_MS)))
            };
        if next_at.is_none() {
            record.state = CallbackState::GivenUp;
            metrics::counter!("trunkline_dead_letters_total").increment(1);
            tracing::warn!(
                subscription = route.subscription.id.ulid(),
                position = event.position,
                "a callback was given up"
            );
            self.end.dead.push(DeadLetter { event: event.clone(), why });
        }
        record.kept_until = route.kept_until();
        self.end.callbacks.push(record);
        next_at
    }

    async fn record_of(&self, event: &Event) -> Result<Option<Callback>, ports::Error> {
        let key = Callback::key(event.tenant, self.route.subscription.id, event.position);
        Ok(self.route.engine.row::<Callback>(key).await?.map(Arc::unwrap_or_clone))
    }

    fn record(&self, event: &Event, target: String, body: Vec<u8>) -> Callback {
        Callback {
            subscription: self.route.subscription.id,
            position: event.position,
            conversation: event.conversation,
            message: event.message,
            state: CallbackState::Retrying,
            target,
            body,
            count: 0,
            tries: Vec::new(),
            kept_until: self.route.kept_until(),
        }
    }
}
