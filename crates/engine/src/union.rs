//! What the commands of one batch decided, taken together: it becomes true at once.

use domain::event::Event;
use domain::id::JobId;
use domain::job::Job;
use domain::record::{Key, Listing, Record};
use domain::view::Decision;
use foldhash::HashSet;
use indexmap::IndexMap;

/// Rows as a batch leaves them, in the order first written; `None` deletes.
pub(crate) type Changes = IndexMap<Key, Option<Record>, foldhash::fast::RandomState>;

/// A batch being decided.
#[derive(Default)]
pub(crate) struct Union {
    pub changes: Changes,
    pub read: HashSet<Key>,
    pub listings: Vec<Listing>,
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
    pub finished_jobs: Vec<JobId>,
}

impl Union {
    pub fn add(&mut self, decision: Decision) {
        self.read.extend(decision.read.into_iter().filter(|key| !self.changes.contains_key(key)));
        self.changes.extend(decision.writes);
        self.listings.extend(decision.listings);
        self.events.extend(decision.events);
        self.jobs.extend(decision.jobs);
        self.finished_jobs.extend(decision.finished_jobs);
    }

    /// The same without anything in it, but with its room: that is used again, for memory that was just used is warm.
    pub fn emptied(mut self) -> Union {
        let Union { changes, read, listings, events, jobs, finished_jobs } = &mut self;
        changes.clear();
        read.clear();
        listings.clear();
        events.clear();
        jobs.clear();
        finished_jobs.clear();
        self
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.events.is_empty()
            && self.jobs.is_empty()
            && self.finished_jobs.is_empty()
    }
}
