//! The newest events of the log in memory, so that those who follow it need not ask the store.
//!
//! Gap-free: what is here reaches up to the head, and whoever asks for older events is sent to the store.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use domain::event::Event;
use domain::id::TenantId;

/// Events looked through at once: whoever commits waits meanwhile.
const SIFTED_MAX: usize = 8_192;

/// What somebody wants of a piece of the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sifted {
    pub events: Vec<Event>,
    /// Nothing else is wanted up to here.
    pub through: u64,
    /// Whether there may be more behind it.
    pub more: bool,
}

/// The end of the log, shared.
#[derive(Clone)]
pub(crate) struct Tail {
    events: Arc<RwLock<VecDeque<Event>>>,
    events_max: usize,
}

impl Tail {
    /// An empty one that keeps so many.
    pub fn new(events_max: usize) -> Tail {
        Tail { events: Arc::default(), events_max }
    }

    /// Adds what was committed, its positions set.
    pub fn add(&self, committed: Vec<Event>) {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        events.extend(committed);
        let over = events.len().saturating_sub(self.events_max);
        events.drain(..over);
    }

    /// Forgets events up to a position.
    pub fn cut(&self, through: u64) {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        while events.front().is_some_and(|event| event.position <= through) {
            events.pop_front();
        }
    }

    /// Shows events of all tenants after a position, `limit` at most; `false`: they may begin before what is here.
    pub fn show(&self, after: u64, limit: usize, mut to: impl FnMut(&Event)) -> bool {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let first = events.front().map(|event| event.position);
        let Some(skipped) = first.and_then(|first| (after + 1).checked_sub(first)) else {
            return false;
        };
        events.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)).take(limit).for_each(&mut to);
        true
    }

    /// A tenant's events after a position, `limit` at most; `None`: they may begin before what is here.
    pub fn page(&self, tenant: TenantId, after: u64, limit: usize) -> Option<Vec<Event>> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let first = events.front()?.position;
        let skipped = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let own = events.iter().skip(skipped).filter(|event| event.tenant == tenant);
        Some(own.take(limit).cloned().collect())
    }

    /// The wanted events after a position, of all tenants, `limit` at most; `None`: they may begin before what is here.
    pub fn sift(&self, after: u64, limit: usize, wanted: impl Fn(&Event) -> bool) -> Option<Sifted> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let (first, last) = (events.front()?.position, events.back()?.position);
        let skipped = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let mut sifted = Sifted { events: Vec::new(), through: after, more: true };
        for event in events.iter().skip(skipped).take(SIFTED_MAX) {
            if sifted.events.len() == limit {
                return Some(sifted);
            }
            sifted.through = event.position;
            if wanted(event) {
                sifted.events.push(event.clone());
            }
        }
        sifted.more = sifted.through < last;
        Some(sifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::event::Fact;
    use domain::id::{EventId, Id};
    use domain::time::Time;

    fn event(position: u64) -> Event {
        Event {
            position,
            id: EventId(Id(u128::from(position))),
            tenant: TenantId(Id(u128::from(position % 2))),
            app: None,
            contact: None,
            conversation: None,
            message: None,
            at: Time(0),
            fact: Fact::ContactCreated,
        }
    }

    fn positions(tail: &Tail, after: u64, limit: usize) -> Option<Vec<u64>> {
        let page = tail.page(TenantId(Id(1)), after, limit)?;
        Some(page.iter().map(|event| event.position).collect())
    }

    #[test]
    fn it_tells_a_tenants_newest_events_and_sends_older_questions_away() {
        let tail = Tail::new(4);
        assert_eq!(positions(&tail, 0, 9), None);
        tail.add((1..=3).map(event).collect());
        assert_eq!(positions(&tail, 0, 9), Some(vec![1, 3]));
        tail.add((4..=7).map(event).collect());
        assert_eq!(positions(&tail, 2, 9), None);
        assert_eq!(positions(&tail, 3, 9), Some(vec![5, 7]));
        assert_eq!(positions(&tail, 3, 1), Some(vec![5]));
        assert_eq!(positions(&tail, 7, 9), Some(vec![]));
    }

    #[test]
    fn sifting_ends_at_the_limit_at_the_end_or_after_enough_events() {
        let tail = Tail::new(20_000);
        tail.add((1..=10_000).map(event).collect());
        let sift = |after, limit, wanted: &dyn Fn(u64) -> bool| {
            let sifted = tail.sift(after, limit, |event| wanted(event.position))?;
            let positions: Vec<_> = sifted.events.iter().map(|event| event.position).collect();
            Some((positions, sifted.through, sifted.more))
        };
        assert_eq!(sift(0, 2, &|position| position % 3 == 0), Some((vec![3, 6], 6, true)));
        assert_eq!(sift(9_990, 9, &|position| position % 5 == 0), Some((vec![9_995, 10_000], 10_000, false)));
        assert_eq!(sift(0, 9, &|_| false), Some((vec![], SIFTED_MAX as u64, true)));
        assert_eq!(sift(10_000, 9, &|_| true), Some((vec![], 10_000, false)));
        tail.cut(3);
        assert_eq!(sift(2, 9, &|_| true), None);
    }

    #[test]
    fn it_shows_the_newest_events_of_all_tenants() {
        let shown = |tail: &Tail, after, limit| {
            let mut positions = Vec::new();
            tail.show(after, limit, |event| positions.push(event.position)).then_some(positions)
        };
        let tail = Tail::new(4);
        assert_eq!(shown(&tail, 0, 9), None);
        tail.add((1..=7).map(event).collect());
        assert_eq!(shown(&tail, 2, 9), None);
        assert_eq!(shown(&tail, 3, 9), Some(vec![4, 5, 6, 7]));
        assert_eq!(shown(&tail, 4, 2), Some(vec![5, 6]));
        assert_eq!(shown(&tail, 7, 9), Some(vec![]));
    }

    #[test]
    fn what_is_cut_from_the_log_is_not_told() {
        let tail = Tail::new(9);
        tail.add((1..=5).map(event).collect());
        tail.cut(3);
        assert_eq!((positions(&tail, 0, 9), positions(&tail, 3, 9)), (None, Some(vec![5])));
    }
}
