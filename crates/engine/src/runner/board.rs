//! The board: which job may run next. Pure: it knows lanes, due times and priorities, and starts nothing itself.
//! Jobs of a lane keep the order of their ids.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use domain::delivery::Priority;
use domain::id::JobId;
use domain::job::{Job, Lane};
use domain::time::Time;

use super::Ended;

/// How long a message that is to be tried again keeps its lane, in milliseconds; then it parks and the lane moves on.
pub(super) const LANE_HELD_MS_MAX: i64 = 60_000;
/// Every so many picks a normal lane goes first, so that high priority cannot starve it.
const NORMAL_FLOOR: u32 = 8;

/// Jobs held in memory.
#[derive(Default)]
pub(super) struct Board {
    jobs: HashMap<JobId, Held>,
    lanes: HashMap<Lane, VecDeque<JobId>>,
    /// Jobs at the head of their lane, or without a lane, whose time has not come.
    due: BTreeSet<(Time, JobId)>,
    ready_high: VecDeque<JobId>,
    ready_normal: VecDeque<JobId>,
    running: HashSet<JobId>,
    picks: u32,
}

struct Held {
    job: Job,
    /// Since when its lane waits for it.
    since: Option<Time>,
    /// It left its lane, which moved on.
    parked: bool,
}

impl Board {
    /// Takes a job in, unless it is held already.
    pub fn add(&mut self, job: Job) {
        if self.jobs.contains_key(&job.id) {
            return;
        }
        let (id, lane) = (job.id, job.lane.clone());
        self.jobs.insert(id, Held { job, since: None, parked: false });
        if lane == Lane::None {
            return self.wait(id);
        }
        let queue = self.lanes.entry(lane).or_default();
        // Ids are time-ordered: a job found late still stands where it belongs, but never before a head that ran.
        let head = queue.front().and_then(|head| self.jobs.get(head));
        let ran = usize::from(head.is_some_and(|head| head.since.is_some()));
        let later = queue.iter().skip(ran).position(|other| *other > id);
        let place = later.map_or(queue.len(), |place| place + ran);
        queue.insert(place, id);
        if place == 0 {
            if let Some(behind) = queue.get(1).copied() {
                self.hold_back(behind);
            }
            self.wait(id);
        }
    }

    /// A head that another job goes before waits for its turn again.
    fn hold_back(&mut self, id: JobId) {
        let due_at = self.jobs.get(&id).map(|held| held.job.due_at);
        due_at.map(|due_at| self.due.remove(&(due_at, id)));
        self.ready_high.retain(|other| *other != id);
        self.ready_normal.retain(|other| *other != id);
    }

    /// The next job whose time has come.
    pub fn take(&mut self, now: Time) -> Option<Job> {
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            self.due.pop_first();
            self.make_ready(id);
        }
        self.picks = self.picks.wrapping_add(1);
        let normal_first = self.picks.is_multiple_of(NORMAL_FLOOR);
        let (first, second) = if normal_first {
            (&mut self.ready_normal, &mut self.ready_high)
        } else {
            (&mut self.ready_high, &mut self.ready_normal)
        };
        let id = first.pop_front().or_else(|| second.pop_front())?;
        self.running.insert(id);
        let held = self.jobs.get_mut(&id)?;
        held.since.get_or_insert(now);
        Some(held.job.clone())
    }

    /// The earliest moment at which a waiting job may run.
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A job that was taken has ended.
    pub fn ended(&mut self, id: JobId, ended: Ended, now: Time) {
        self.running.remove(&id);
        let Some(held) = self.jobs.get_mut(&id) else {
            return;
        };
        let lane = if held.parked { Lane::None } else { held.job.lane.clone() };
        match ended {
            Ended::Done => {
                self.jobs.remove(&id);
                self.leave(&lane, id);
            }
            Ended::Again(at) => {
                held.job.due_at = at;
                let over = held.since.is_some_and(|since| at.since_ms(since) > LANE_HELD_MS_MAX);
                if over && lane != Lane::None {
                    // It waits outside from now on: later messages go before it.
                    held.since = None;
                    held.parked = true;
                    self.leave(&lane, id);
                }
                self.due.insert((at.max(now), id));
            }
        }
    }

    fn leave(&mut self, lane: &Lane, id: JobId) {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return;
        };
        queue.retain(|other| *other != id);
        match queue.front().copied() {
            Some(next) => self.wait(next),
            None => drop(self.lanes.remove(lane)),
        }
    }

    fn wait(&mut self, id: JobId) {
        if let Some(held) = self.jobs.get(&id) {
            self.due.insert((held.job.due_at, id));
        }
    }

    fn make_ready(&mut self, id: JobId) {
        let Some(held) = self.jobs.get(&id) else { return };
        match held.job.priority {
            Priority::High => self.ready_high.push_back(id),
            Priority::Normal => self.ready_normal.push_back(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::{AppId, ConversationId, Id, MessageId, TenantId};
    use domain::job::Work;

    fn job(id: u128, lane: u128, priority: Priority) -> Job {
        Job {
            id: JobId(Id(id)),
            tenant: TenantId(Id(1)),
            app: AppId(Id(1)),
            due_at: Time(0),
            lane: Lane::Conversation(ConversationId(Id(lane))),
            priority,
            work: Work::Send { message: MessageId(Id(id)) },
        }
    }

    fn taken(board: &mut Board, now: i64) -> Vec<u128> {
        std::iter::from_fn(|| board.take(Time(now))).map(|job| job.id.0.0).collect()
    }

    #[test]
    fn one_job_of_a_lane_runs_at_a_time_and_in_order() {
        let mut board = Board::default();
        (1..=3).for_each(|id| board.add(job(id, 7, Priority::Normal)));
        assert_eq!(taken(&mut board, 0), [1]);
        board.ended(JobId(Id(1)), Ended::Done, Time(0));
        assert_eq!(taken(&mut board, 0), [2]);
    }

    #[test]
    fn a_job_found_late_goes_before_later_ones_of_its_lane() {
        let mut board = Board::default();
        board.add(job(2, 7, Priority::Normal));
        board.add(job(1, 7, Priority::Normal));
        assert_eq!(taken(&mut board, 0), [1]);
        board.ended(JobId(Id(1)), Ended::Done, Time(0));
        assert_eq!(taken(&mut board, 0), [2]);
    }

    #[test]
    fn a_message_to_be_tried_again_keeps_its_lane_until_it_parks() {
        let mut board = Board::default();
        (1..=2).for_each(|id| board.add(job(id, 7, Priority::Normal)));
        assert_eq!(taken(&mut board, 0), [1]);
        board.ended(JobId(Id(1)), Ended::Again(Time(5_000)), Time(1));
        assert_eq!(taken(&mut board, 4_999), Vec::<u128>::new());
        assert_eq!(taken(&mut board, 5_000), [1]);
        board.ended(JobId(Id(1)), Ended::Again(Time(LANE_HELD_MS_MAX + 1)), Time(5_001));
        assert_eq!(taken(&mut board, 5_001), [2]);
        assert_eq!(taken(&mut board, LANE_HELD_MS_MAX + 1), [1]);
    }

    #[test]
    fn high_goes_first_and_normal_has_a_floor() {
        let mut board = Board::default();
        (0..20).for_each(|id| board.add(job(100 + id, 100 + id, Priority::High)));
        board.add(job(1, 1, Priority::Normal));
        let order = taken(&mut board, 0);
        let place = order.iter().position(|id| *id == 1);
        assert!(place > Some(0) && place < Some(NORMAL_FLOOR as usize), "{place:?}");
    }

    #[test]
    fn a_job_that_is_held_is_not_taken_in_twice() {
        let mut board = Board::default();
        board.add(job(1, 7, Priority::Normal));
        board.add(job(1, 7, Priority::Normal));
        assert_eq!(taken(&mut board, 0), [1]);
        board.ended(JobId(Id(1)), Ended::Done, Time(0));
        assert_eq!(taken(&mut board, 0), Vec::<u128>::new());
    }
}
