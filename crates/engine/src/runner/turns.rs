//! Whose turn it is: tenants in rotation, of each tenant its senders in rotation, and of each sender the messages of
//! high priority before the others, which have a floor. Pure; each step costs what a search tree does.
//!
//! All turns weigh the same: a tenant with a hundred thousand waiting messages has one in each round, as has a tenant
//! with one. A sender whose gate is shut is out of the rotation until the gate is to be asked again, and a sender
//! without work whose gate has come to rest is forgotten.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use domain::delivery::Priority;
use domain::id::{JobId, TenantId};
use domain::time::Time;
use foldhash::HashMap;

use super::gate::{Gate, Heard, Pass, Turned};
use super::terms::{Sender, Terms};
use crate::buckets::Buckets;

/// Every so many picks of a sender a normal message goes first, so that high priority cannot starve it.
pub(super) const NORMAL_FLOOR: u32 = 8;

/// A message that may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub priority: Priority,
    /// Since when it waits for its sender: the order within a priority.
    pub since: Time,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This job goes.
    Go(JobId, Pass),
    /// Its recipient has had enough: it left the queue, and may come again at this moment.
    NotBefore(JobId, Time),
}

/// What is to be known of a job when its turn comes: its terms, and the recipient's address.
pub(super) type Facts = (Arc<Terms>, Option<Arc<str>>);

/// Everything that is ready.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queues: HashMap<Arc<Sender>, Queue>,
    /// Tenants in rotation; each has senders in rotation.
    tenants: VecDeque<TenantId>,
    senders: HashMap<TenantId, VecDeque<Arc<Sender>>>,
    /// Senders that come back into the rotation at a moment.
    asleep: BTreeSet<(Time, Arc<Sender>)>,
    /// Nothing goes to a provider.
    held: bool,
    recipients: Buckets<(Arc<Sender>, Arc<str>)>,
}

/// What waits for one sender.
#[derive(Debug, Default)]
struct Queue {
    high: BTreeSet<(Time, JobId)>,
    normal: BTreeSet<(Time, JobId)>,
    picks: u32,
    gate: Gate,
    stands: Stands,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stands {
    /// Waits for a job to come or to end.
    #[default]
    Aside,
    InRotation,
    Asleep(Time),
}

impl Queue {
    fn of(&mut self, priority: Priority) -> &mut BTreeSet<(Time, JobId)> {
        match priority {
            Priority::High => &mut self.high,
            Priority::Normal => &mut self.normal,
        }
    }

    fn waits(&self) -> bool {
        !(self.high.is_empty() && self.normal.is_empty())
    }

    /// Who is next, and in which class. Behind a shut gate: who has waited for longest, whose patience ends first.
    fn head(&self, now: Time) -> Option<(Priority, (Time, JobId))> {
        let high = self.high.first().map(|head| (Priority::High, *head));
        let normal = self.normal.first().map(|head| (Priority::Normal, *head));
        let (Some(high), Some(normal)) = (high, normal) else { return high.or(normal) };
        let normal_first = if self.gate.is_shut(now) {
            normal.1 < high.1
        } else {
            (self.picks + 1).is_multiple_of(NORMAL_FLOOR)
        };
        Some(if normal_first { normal } else { high })
    }
}

impl Turns {
    /// Lets nobody have a turn who hands over, or everybody again.
    pub fn hold(&mut self, held: bool) {
        if std::mem::replace(&mut self.held, held) && !held {
            let aside =
                self.queues.iter().filter(|(_, queue)| queue.stands == Stands::Aside && queue.waits());
            let mut aside: Vec<Arc<Sender>> = aside.map(|(sender, _)| sender.clone()).collect();
            aside.sort_unstable();
            for sender in aside {
                self.rotate(&sender);
            }
        }
    }

    /// Takes a job in.
    pub fn put(&mut self, sender: &Arc<Sender>, id: JobId, ready: Ready) {
        let queue = self.queues.entry(sender.clone()).or_default();
        let waiting = queue.of(ready.priority);
        waiting.insert((ready.since, id));
        let first = waiting.first() == Some(&(ready.since, id));
        // Behind one that cannot go, it need not be asked for.
        if first || queue.stands == Stands::Aside {
            self.rotate(sender);
        }
    }

    /// Takes a job out again.
    pub fn remove(&mut self, sender: &Arc<Sender>, id: JobId, ready: Ready) {
        if let Some(queue) = self.queues.get_mut(sender) {
            queue.of(ready.priority).remove(&(ready.since, id));
        }
    }

    /// Lets senders whose time has come back into the rotation.
    pub fn wake(&mut self, now: Time) {
        while let Some((at, sender)) = self.asleep.first().cloned()
            && at <= now
        {
            self.rotate(&sender);
        }
    }

    /// When a sender next comes back.
    pub fn wakes_at(&self) -> Option<Time> {
        self.asleep.first().map(|(at, _)| *at)
    }

    /// The next turn that somebody can use.
    pub fn next(&mut self, now: Time, mut facts: impl FnMut(JobId) -> Facts) -> Option<Turn> {
        while let Some(tenant) = self.tenants.pop_front() {
            let sender = self.senders.get_mut(&tenant).and_then(VecDeque::pop_front);
            let turn = sender.and_then(|sender| self.turn(sender, now, &mut facts));
            if self.senders.get(&tenant).is_none_or(VecDeque::is_empty) {
                self.senders.remove(&tenant);
            } else if turn.is_some() {
                self.tenants.push_back(tenant);
            } else {
                // Another sender of the tenant has the turn that this one could not use.
                self.tenants.push_front(tenant);
            }
            if turn.is_some() {
                return turn;
            }
        }
        None
    }

    /// A sender's turn; it goes to the end of its tenant's rotation as long as it has more.
    fn turn(
        &mut self,
        sender: Arc<Sender>,
        now: Time,
        facts: &mut impl FnMut(JobId) -> Facts,
    ) -> Option<Turn> {
        let queue = self.queues.get_mut(&sender)?;
        queue.stands = Stands::Aside;
        if self.held && sender.hands_over() {
            return None;
        }
        let Some((priority, head)) = queue.head(now) else {
            self.rest(&sender, now);
            return None;
        };
        let (since, id) = head;
        let (terms, to) = facts(id);
        let pass = match queue.gate.admits(since, &terms, now) {
            Ok(pass) => pass,
            Err(until) => {
                self.sleep(sender, until);
                return None;
            }
        };
        queue.of(priority).remove(&head);
        let limited = terms.rate_per_recipient.zip(to);
        let taken = limited.map(|(rate, to)| self.recipients.take((sender.clone(), to), rate, now));
        let turn = match taken {
            Some(Err(wait_ms)) => Turn::NotBefore(id, now.plus_ms(wait_ms)),
            Some(Ok(())) | None => {
                queue.picks = queue.picks.wrapping_add(1);
                queue.gate.begin(id, &terms, now);
                Turn::Go(id, pass)
            }
        };
        if queue.head(now).is_some() {
            queue.stands = Stands::InRotation;
            self.senders.entry(sender.tenant).or_default().push_back(sender);
        } else {
            self.rest(&sender, now);
        }
        Some(turn)
    }

    /// A job that had its turn has ended.
    pub fn ended(
        &mut self,
        sender: &Arc<Sender>,
        id: JobId,
        heard: Option<Heard>,
        terms: &Terms,
        now: Time,
    ) -> Option<Turned> {
        let queue = self.queues.get_mut(sender)?;
        let breaker = queue.gate.ended(id, heard, terms, now);
        if queue.head(now).is_some() {
            self.rotate(sender);
        } else {
            self.rest(sender, now);
        }
        breaker
    }

    /// Brings a sender into the rotation, unless it is there.
    fn rotate(&mut self, sender: &Arc<Sender>) {
        let Some(queue) = self.queues.get_mut(sender) else { return };
        match std::mem::replace(&mut queue.stands, Stands::InRotation) {
            Stands::InRotation => return,
            Stands::Asleep(at) => drop(self.asleep.remove(&(at, sender.clone()))),
            Stands::Aside => {}
        }
        let senders = self.senders.entry(sender.tenant).or_default();
        if senders.is_empty() {
            self.tenants.push_back(sender.tenant);
        }
        senders.push_back(sender.clone());
    }

    fn sleep(&mut self, sender: Arc<Sender>, until: Time) {
        if let Some(queue) = self.queues.get_mut(&sender)
            && until < Time::NEVER
        {
            queue.stands = Stands::Asleep(until);
            self.asleep.insert((until, sender));
        }
    }

    /// A sender without work is forgotten once its gate is as good as new.
    fn rest(&mut self, sender: &Arc<Sender>, now: Time) {
        let Some(queue) = self.queues.get(sender).filter(|queue| queue.stands == Stands::Aside) else {
            return;
        };
        match queue.gate.rests_at() {
            Some(at) if at <= now => drop(self.queues.remove(sender)),
            Some(at) => self.sleep(sender.clone(), at),
            None => {}
        }
    }

    /// Whether nothing is kept for anybody.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.tenants.is_empty() && self.senders.is_empty() && self.asleep.is_empty()
    }
}
