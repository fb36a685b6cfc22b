//! The board: which job may run next. Pure: it knows lanes, due times and whose turn it is, and starts nothing itself.
//! Jobs of a lane keep the order of their ids; a lane counts with the highest priority waiting in it.
//!
//! A job is behind another in its lane, waits for its time, waits for its turn, or runs. The first two are kept here,
//! the third by [`Turns`].

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::channel::Address;
use domain::delivery::Priority;
use domain::id::JobId;
use domain::job::{Job, Lane};
use domain::time::Time;
use foldhash::HashMap;

use super::gate::{Pass, Turned};
use super::terms::{Sender, Terms};
use super::turns::{Ready, Turn, Turns};
use super::{Ended, Worked};

/// How long a message that is to be tried again keeps its lane, in milliseconds; then it parks and the lane moves on.
pub(super) const LANE_HELD_MS_MAX: i64 = 60_000;
/// Before a job is looked at again that ran when its message's life was over, in milliseconds.
const RAN_MS: i64 = 1_000;
/// Before one is looked at again that did not end by it, because an attempt is open, in milliseconds.
const STAYED_MS: i64 = 60_000;

/// Jobs held in memory.
#[derive(Default)]
pub(super) struct Board {
    /// Boxed, as lanes are, for the table would be large, and is copied as it grows.
    jobs: HashMap<JobId, Box<Held>>,
    lanes: HashMap<Lane, Box<Queue>>,
    /// Jobs at the head of their lane, or without a lane, whose time has not come.
    due: BTreeSet<(Time, JobId)>,
    turns: Turns,
    /// Jobs that wait for another turn, and when their lanes move on without them.
    parks: BTreeSet<(Time, JobId)>,
    /// When the lives of messages are over that wait for their hand-over.
    lives: BTreeSet<(Time, JobId)>,
}

struct Held {
    job: Job,
    sender: Arc<Sender>,
    place: Place,
    /// Since when it waits for its sender.
    ready_since: Option<Time>,
    /// Since when its lane waits for it.
    since: Option<Time>,
    /// When to look whether its message's life is over.
    over_at: Option<Time>,
    /// It left its lane, which moved on.
    parked: bool,
}

impl Held {
    fn lane(&self) -> Lane {
        if self.parked { Lane::None } else { self.job.lane.clone() }
    }

    /// It goes to this address from now on, and waits anew.
    fn redirect(&mut self, to: Address, terms: &mut impl FnMut(&Job) -> Arc<Terms>) {
        self.job.to = Some(to);
        self.sender = terms(&self.job).sender.clone();
        self.ready_since = None;
    }

    /// Its turn came to nothing: unless it was tried before, its lane waits for its first try, however long.
    fn not_tried(&mut self) {
        if let Place::Running { tried: false } = self.place {
            self.since = None;
        }
    }

    /// When its lane moves on without it.
    fn parks_at(&self) -> Option<Time> {
        let since = self.since.filter(|_| !self.parked && self.job.lane != Lane::None);
        since.map(|since| since.plus_ms(LANE_HELD_MS_MAX + 1))
    }
}

#[derive(Clone, Copy)]
enum Place {
    /// Behind another one of its lane, and waits for that.
    Behind,
    Due(Time),
    Ready(Ready),
    /// Whether it was tried before.
    Running {
        tried: bool,
    },
}

/// A lane with work in it.
struct Queue {
    head: JobId,
    behind: BTreeSet<JobId>,
    /// Jobs of high priority among them.
    high: usize,
}

impl Board {
    /// How many jobs it holds: waiting and running.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Takes a job in, unless it is held already.
    pub fn add(&mut self, job: Job, mut terms: impl FnMut(&Job) -> Arc<Terms>) {
        if self.jobs.contains_key(&job.id) {
            return;
        }
        let sender = terms(&job).sender.clone();
        let (id, lane, due_at, priority) = (job.id, job.lane.clone(), job.due_at, job.priority);
        let over_at = job.expires_at;
        self.lives.extend(over_at.map(|at| (at, id)));
        let place = Place::Behind;
        let held = Held { job, sender, place, ready_since: None, since: None, over_at, parked: false };
        self.jobs.insert(id, Box::new(held));
        if lane == Lane::None {
            return self.wait(id, due_at);
        }
        let high = usize::from(priority == Priority::High);
        let Some(queue) = self.lanes.get_mut(&lane) else {
            let queue = Queue { head: id, behind: BTreeSet::new(), high };
            self.lanes.insert(lane, Box::new(queue));
            return self.wait(id, due_at);
        };
        queue.high += high;
        let (head, raised) = (queue.head, queue.high == 1 && high == 1);
        // Ids are time-ordered: a job found late still stands where it belongs, but never before a head that ran.
        let ran = self.jobs.get(&head).is_some_and(|head| head.since.is_some());
        if ran || head < id {
            queue.behind.insert(id);
            if raised {
                self.raise(head);
            }
        } else {
            queue.behind.insert(head);
            queue.head = id;
            self.lift(head);
            self.wait(id, due_at);
        }
    }

    /// Lets nothing go to a provider, or everything again.
    pub fn hold(&mut self, held: bool) {
        self.turns.hold(held);
    }

    /// The next job that may run, and how it got through.
    pub fn take(&mut self, now: Time, mut terms: impl FnMut(&Job) -> Arc<Terms>) -> Option<(Job, Pass)> {
        loop {
            let jobs = &self.jobs;
            let facts = |id: JobId| {
                let job = &jobs[&id].job;
                (terms(job), job.to.as_ref().map(|to| to.address.clone()))
            };
            match self.turns.next(now, facts)? {
                Turn::NotBefore(id, at) => self.wait(id, at),
                Turn::Go(id, pass) => {
                    let held = self.jobs.get_mut(&id)?;
                    if let Some(at) = held.parks_at() {
                        self.parks.remove(&(at, id));
                    }
                    held.place = Place::Running { tried: held.since.is_some() };
                    held.since.get_or_insert(now);
                    return Some((held.job.clone(), pass));
                }
            }
        }
    }

    /// Lets everything go on whose time has come.
    pub fn wake(&mut self, now: Time) {
        while let Some((at, id)) = self.lives.first().copied()
            && at <= now
        {
            self.lives.pop_first();
            let again_at = now.plus_ms(if self.run_out(id, now) { STAYED_MS } else { RAN_MS });
            if let Some(held) = self.jobs.get_mut(&id) {
                held.over_at = Some(again_at);
                self.lives.insert((again_at, id));
            }
        }
        while let Some((at, id)) = self.parks.first().copied()
            && at <= now
        {
            self.parks.pop_first();
            self.park(id);
        }
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            self.due.pop_first();
            self.make_ready(id, now);
        }
        self.turns.wake(now);
    }

    /// The earliest moment at which there is something to wake for.
    pub fn wakes_at(&self) -> Option<Time> {
        let due = self.due.first().map(|(due, _)| *due);
        let park = self.parks.first().map(|(at, _)| *at);
        let life = self.lives.first().map(|(at, _)| *at);
        [due, park, life, self.turns.wakes_at()].into_iter().flatten().min()
    }

    /// A job that was taken has ended. Says what became of its sender's breaker.
    pub fn ended(
        &mut self,
        id: JobId,
        worked: Worked,
        now: Time,
        mut terms: impl FnMut(&Job) -> Arc<Terms>,
    ) -> Option<Turned> {
        let held = self.jobs.get_mut(&id)?;
        let lane = held.lane();
        let breaker = self.turns.ended(&held.sender, id, worked.heard, &terms(&held.job), now);
        match worked.ended {
            Ended::Done => {
                self.leave(&lane, id);
                self.forget(id);
            }
            Ended::Again(at, to) => {
                if let Some(to) = to.filter(|to| held.job.to.as_ref() != Some(to)) {
                    held.redirect(to, &mut terms);
                }
                if held.since.is_some_and(|since| at.since_ms(since) > LANE_HELD_MS_MAX) {
                    self.park(id);
                }
                self.wait(id, at.max(now));
            }
            Ended::Unavailable(at) => {
                held.not_tried();
                self.wait(id, at.max(now));
            }
            Ended::Elsewhere(to) => {
                held.not_tried();
                held.redirect(to, &mut terms);
                self.wait(id, now);
            }
        }
        breaker
    }

    /// Its message's life is over: it goes its last step past the gate and all before it in its lane, which does not
    /// pass it before that step is done. `false`: it runs.
    fn run_out(&mut self, id: JobId, now: Time) -> bool {
        if self.jobs.get(&id).is_none_or(|held| matches!(held.place, Place::Running { .. })) {
            return false;
        }
        self.lift(id);
        if let Some(held) = self.jobs.get_mut(&id) {
            held.job.to = None;
            held.sender = Arc::new(Sender { tenant: held.job.tenant, account: None });
        }
        self.wait(id, now);
        true
    }

    /// It waits outside from now on: later messages of its lane go before it.
    fn park(&mut self, id: JobId) {
        let Some(held) = self.jobs.get_mut(&id) else { return };
        let lane = held.lane();
        held.since = None;
        held.parked = true;
        self.leave(&lane, id);
    }

    fn forget(&mut self, id: JobId) {
        let held = self.jobs.remove(&id);
        if let Some(at) = held.and_then(|held| held.over_at) {
            self.lives.remove(&(at, id));
        }
    }

    /// The lane moves on to its next job.
    fn leave(&mut self, lane: &Lane, id: JobId) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        if self.jobs.get(&id).is_some_and(|held| held.job.priority == Priority::High) {
            queue.high -= 1;
        }
        if queue.head != id {
            queue.behind.remove(&id);
            return;
        }
        let Some(next) = queue.behind.pop_first() else {
            self.lanes.remove(lane);
            return;
        };
        queue.head = next;
        // One whose life is over is on its way already.
        if let Some(held) = self.jobs.get(&next).filter(|held| matches!(held.place, Place::Behind)) {
            self.wait(next, held.job.due_at);
        }
    }

    fn wait(&mut self, id: JobId, at: Time) {
        if let Some(held) = self.jobs.get_mut(&id) {
            held.place = Place::Due(at);
            self.due.insert((at, id));
        }
    }

    fn make_ready(&mut self, id: JobId, now: Time) {
        let Some(held) = self.jobs.get_mut(&id) else { return };
        let raised = self.lanes.get(&held.lane()).is_some_and(|queue| queue.high > 0);
        let priority = if raised { Priority::High } else { held.job.priority };
        let ready = Ready { priority, since: *held.ready_since.get_or_insert(now) };
        held.place = Place::Ready(ready);
        self.turns.put(&held.sender, id, ready);
        self.parks.extend(held.parks_at().map(|at| (at, id)));
    }

    /// A job that waits for its turn waits with high priority from now on.
    fn raise(&mut self, id: JobId) {
        let Some(held) = self.jobs.get_mut(&id) else { return };
        if let Place::Ready(ready) = held.place {
            let raised = Ready { priority: Priority::High, ..ready };
            held.place = Place::Ready(raised);
            self.turns.remove(&held.sender, id, ready);
            self.turns.put(&held.sender, id, raised);
        }
    }

    /// Takes a job out of where it waits.
    fn lift(&mut self, id: JobId) {
        let Some(held) = self.jobs.get_mut(&id) else { return };
        match std::mem::replace(&mut held.place, Place::Behind) {
            Place::Due(at) => drop(self.due.remove(&(at, id))),
            Place::Ready(ready) => {
                self.turns.remove(&held.sender, id, ready);
                if let Some(at) = held.parks_at() {
                    self.parks.remove(&(at, id));
                }
            }
            Place::Behind | Place::Running { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
