//! Order within lanes, turns between tenants and senders, and what a shut gate does to jobs.

use std::collections::BTreeMap;

use domain::channel::Address;
use domain::delivery::Priority::{High, Normal};
use domain::id::{AppId, ConversationId, Id, MessageId, TenantId};
use domain::job::Work;
use proptest::prelude::*;

use super::*;
use crate::buckets::Rate;
use crate::runner::gate::{BREAKER_FAILURES, BREAKER_MS, Heard};
use crate::runner::turns::NORMAL_FLOOR;

const PATIENCE_MS: i64 = 3_600_000;

fn job(id: u128, lane: u128, priority: Priority) -> Job {
    Job {
        id: JobId(Id(id)),
        tenant: TenantId(Id(1)),
        app: AppId(Id(1)),
        due_at: Time(0),
        lane: Lane::Conversation(ConversationId(Id(lane))),
        priority,
        to: Some(Address::new("ALPHA", "7")),
        expires_at: None,
        work: Work::Send { message: MessageId(Id(id)) },
    }
}

/// In a lane of its own.
fn alone(id: u128, tenant: u128, channel: &str) -> Job {
    let to = Some(Address::new(channel, &id.to_string()));
    Job { tenant: TenantId(Id(tenant)), to, ..job(id, id, Normal) }
}

fn free(job: &Job) -> Arc<Terms> {
    let account = job.to.as_ref().map(|to| (to.channel.clone(), Arc::from("us")));
    let free = Terms::free(Arc::new(Sender { tenant: job.tenant, account }));
    Arc::new(Terms { patience_ms: PATIENCE_MS, ..free })
}

/// A board whose senders have the same terms but for their names.
struct Table {
    board: Board,
    terms: Terms,
}

impl Table {
    fn new() -> Table {
        Table::on(|_| ())
    }

    fn on(set: impl FnOnce(&mut Terms)) -> Table {
        let mut terms = Terms { patience_ms: PATIENCE_MS, ..Terms::free(Arc::default()) };
        set(&mut terms);
        Table { board: Board::default(), terms }
    }

    fn of(&self) -> impl Fn(&Job) -> Arc<Terms> + 'static {
        let terms = self.terms.clone();
        move |job| Arc::new(Terms { sender: free(job).sender.clone(), ..terms.clone() })
    }

    fn add(&mut self, job: Job) {
        let terms = self.of();
        self.board.add(job, terms);
    }

    fn take(&mut self, now: i64) -> Option<u128> {
        let terms = self.of();
        self.board.wake(Time(now));
        self.board.take(Time(now), terms).map(|(job, _)| job.id.0.0)
    }

    fn taken(&mut self, now: i64) -> Vec<u128> {
        std::iter::from_fn(|| self.take(now)).collect()
    }

    fn ended(&mut self, id: u128, worked: impl Into<Worked>, now: i64) -> Option<Turned> {
        let terms = self.of();
        self.board.ended(JobId(Id(id)), worked.into(), Time(now), terms)
    }

    /// Handed over, and the provider said this.
    fn heard(&mut self, id: u128, heard: Heard, ended: Ended, now: i64) -> Option<Turned> {
        self.ended(id, Worked { heard: Some(heard), ..ended.into() }, now)
    }

    fn wakes_at(&self) -> Option<i64> {
        self.board.wakes_at().map(|at| at.0)
    }
}

fn again(at: i64) -> Ended {
    Ended::Again(Time(at), None)
}

#[test]
fn one_job_of_a_lane_runs_at_a_time_and_in_order() {
    let mut table = Table::new();
    (1..=3).for_each(|id| table.add(job(id, 7, Normal)));
    assert_eq!(table.taken(0), [1]);
    table.ended(1, Ended::Done, 0);
    assert_eq!(table.taken(0), [2]);
}

#[test]
fn a_job_found_late_goes_before_later_ones_of_its_lane() {
    let mut table = Table::new();
    table.add(job(2, 7, Normal));
    table.add(job(1, 7, Normal));
    assert_eq!(table.taken(0), [1]);
    table.ended(1, Ended::Done, 0);
    assert_eq!(table.taken(0), [2]);
}

#[test]
fn a_job_found_late_goes_before_one_that_waits_for_its_turn() {
    let mut table = Table::on(|terms| terms.open_attempts_max = 1);
    table.add(job(0, 9, Normal));
    table.add(job(2, 7, Normal));
    assert_eq!(table.taken(0), [0]);
    table.add(job(1, 7, Normal));
    table.ended(0, Ended::Done, 0);
    assert_eq!(table.taken(0), [1]);
}

#[test]
fn a_message_to_be_tried_again_keeps_its_lane_until_it_parks() {
    let mut table = Table::new();
    (1..=2).for_each(|id| table.add(job(id, 7, Normal)));
    assert_eq!(table.taken(0), [1]);
    table.ended(1, again(5_000), 1);
    assert_eq!(table.taken(4_999), Vec::<u128>::new());
    assert_eq!(table.taken(5_000), [1]);
    table.ended(1, again(LANE_HELD_MS_MAX + 1), 5_001);
    assert_eq!(table.taken(5_001), [2]);
    assert_eq!(table.taken(LANE_HELD_MS_MAX + 1), [1]);
}

#[test]
fn high_goes_first_and_normal_has_a_floor() {
    let mut table = Table::new();
    (0..20).for_each(|id| table.add(job(100 + id, 100 + id, High)));
    table.add(job(1, 1, Normal));
    let order = table.taken(0);
    let place = order.iter().position(|id| *id == 1);
    assert!(place > Some(0) && place < Some(NORMAL_FLOOR as usize), "{place:?}");
}

#[test]
fn a_lane_counts_with_the_highest_priority_waiting_in_it() {
    let mut table = Table::new();
    (1..=3).for_each(|id| table.add(job(id, id, Normal)));
    table.board.wake(Time(0));
    table.add(job(4, 3, High));
    assert_eq!(table.taken(0), [3, 1, 2]);
    table.ended(3, Ended::Done, 0);
    table.add(job(5, 5, Normal));
    assert_eq!(table.taken(0), [4, 5]);
}

#[test]
fn a_job_that_is_held_is_not_taken_in_twice() {
    let mut table = Table::new();
    table.add(job(1, 7, Normal));
    table.add(job(1, 7, Normal));
    assert_eq!(table.taken(0), [1]);
    table.ended(1, Ended::Done, 0);
    assert_eq!(table.taken(0), Vec::<u128>::new());
}

#[test]
fn a_tenant_with_a_hundred_thousand_jobs_delays_anothers_by_one_turn() {
    let mut table = Table::new();
    (0..100_000).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    (0..64).for_each(|_| assert!(table.take(0).is_some()));
    table.add(alone(900_000, 2, "ALPHA"));
    let first: Vec<_> = (0..2).filter_map(|_| table.take(0)).collect();
    assert!(first.contains(&900_000), "{first:?}");
}

#[test]
fn the_channels_of_a_tenant_take_turns() {
    let mut table = Table::new();
    (0..100).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    (100..103).for_each(|id| table.add(alone(id, 1, "BETA")));
    let first: Vec<_> = (0..6).filter_map(|_| table.take(0)).collect();
    assert_eq!(first, [0, 100, 1, 101, 2, 102]);
}

proptest! {
    /// Who has something ready is served within a round: one turn of each tenant for each sender of its own.
    #[test]
    fn nobody_waits_longer_than_a_round(
        crowd in prop::collection::vec((1_u128..=5, 0_usize..3), 1..400),
        channels in 1_usize..=3,
    ) {
        let names = ["ALPHA", "BETA", "GAMMA"];
        let mut table = Table::new();
        for (id, (tenant, channel)) in (0..).zip(&crowd) {
            table.add(alone(id, *tenant, names[*channel]));
        }
        (0..channels).for_each(|channel| table.add(alone(1_000 + channel as u128, 9, names[channel])));
        let tenants = crowd.iter().map(|(tenant, _)| tenant).collect::<BTreeSet<_>>().len() + 1;
        let picks = table.taken(0);
        let last = picks.iter().rposition(|id| *id >= 1_000).unwrap();
        prop_assert!(last < tenants * channels, "the last came as number {last} of {tenants} tenants");
        prop_assert_eq!(picks.len(), crowd.len() + channels);
    }

    /// Whatever happens to jobs: one of a lane at a time, first tries in order, and nothing is left when all is done.
    #[test]
    fn lanes_keep_their_order_and_the_board_ends_empty(
        jobs in prop::collection::vec((1_u128..=3, 1_u128..=4, any::<bool>()), 1..60),
        chances in prop::collection::vec((0_u8..11, 1_i64..3_000), 40..400),
    ) {
        let mut table = Table::on(|terms| {
            terms.rate = Rate::new(20, 1_000, 2);
            terms.rate_per_recipient = Rate::new(60, 60_000, 3);
            terms.open_attempts_max = 3;
            terms.patience_ms = 30_000;
        });
        let mut lanes: BTreeMap<(u128, u128), Vec<u128>> = BTreeMap::new();
        for (id, (tenant, lane, high)) in (0..).zip(&jobs) {
            let priority = if *high { High } else { Normal };
            let number = tenant * 10 + lane;
            let expires_at = high.then_some(Time(i64::MAX));
            table.add(Job { tenant: TenantId(Id(*tenant)), expires_at, ..job(id, number, priority) });
            lanes.entry((*tenant, number)).or_default().push(id);
        }
        let (mut now, mut running, mut tried) = (0, Vec::<(u128, bool)>::new(), Vec::new());
        let lane_of = |id: u128| jobs.get(id as usize).map_or(id, |(tenant, lane, _)| tenant * 10 + lane);
        let (until_calm, calm) = (chances.len(), std::iter::repeat((0, 1)));
        for (step, (chance, pause)) in chances.into_iter().chain(calm).take(5_000).enumerate() {
            if step == until_calm {
                // Every account has a last message that closes its breaker.
                (1..=3).for_each(|tenant| table.add(alone(1_000 + tenant, tenant, "ALPHA")));
                (1..=3).for_each(|tenant| table.add(alone(2_000 + tenant, tenant, "BETA")));
            }
            for id in table.taken(now) {
                // One that parked may be tried again beside its lane.
                let first = !tried.contains(&id);
                let beside = |(other, first): &(u128, bool)| *first && lane_of(*other) == lane_of(id);
                prop_assert!(!first || !running.iter().any(beside), "{id} runs beside another");
                tried.extend(first.then_some(id));
                running.push((id, first));
            }
            match running.pop() {
                None => now = table.wakes_at().unwrap_or(now).max(now),
                Some((id, _)) => {
                    let (heard, ended) = match chance {
                        0..5 => (Some(Heard::Fine), Ended::Done),
                        5 => (Some(Heard::Throttled(pause)), again(now + pause)),
                        6 => (None, again(now + 40 * pause)),
                        10 => (None, Ended::Unavailable(Time(now + 40 * pause))),
                        7 => (None, Ended::Elsewhere(Address::new("BETA", "8"))),
                        _ => (Some(Heard::Failed), again(now + pause)),
                    };
                    table.ended(id, Worked { heard, ..ended.into() }, now);
                    now += pause;
                }
            }
        }
        for ids in lanes.values() {
            let order: Vec<u128> = tried.iter().filter(|id| ids.contains(id)).copied().collect();
            prop_assert_eq!(&order, ids, "first tries");
        }
        prop_assert_eq!(table.taken(now + 1_000_000), Vec::<u128>::new());
        prop_assert!(table.board.jobs.is_empty() && table.board.lanes.is_empty() && table.board.lives.is_empty());
        prop_assert!(table.board.turns.is_empty() && table.wakes_at().is_none());
    }
}

#[test]
fn a_sender_without_a_token_waits_and_others_go_on() {
    let mut table = Table::on(|terms| terms.rate = Rate::new(10, 1_000, 2));
    (0..5).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    assert_eq!(table.taken(0), [0, 1]);
    assert_eq!(table.wakes_at(), Some(100), "nothing is looked at before there is a token");
    table.add(alone(7, 1, "BETA"));
    table.add(alone(8, 2, "ALPHA"));
    assert_eq!(table.taken(50), [7, 8]);
    assert_eq!(table.taken(100), [2]);
    assert_eq!(table.taken(300), [3, 4]);
}

#[test]
fn a_job_that_handed_nothing_over_gives_its_token_back() {
    let mut table = Table::on(|terms| terms.rate = Rate::new(1, 1_000, 1));
    (0..2).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    assert_eq!(table.taken(0), [0]);
    table.ended(0, Ended::Done, 0);
    assert_eq!(table.taken(0), [1]);
}

#[test]
fn a_recipient_who_had_enough_keeps_nobody_else_waiting() {
    let mut table = Table::on(|terms| terms.rate_per_recipient = Rate::new(10, 60_000, 1));
    (0..2).for_each(|id| table.add(job(id, id, Normal)));
    table.add(alone(5, 1, "ALPHA"));
    assert_eq!(table.taken(0), [0, 5]);
    assert_eq!(table.wakes_at(), Some(6_000));
    assert_eq!(table.taken(5_999), Vec::<u128>::new());
    assert_eq!(table.taken(6_000), [1]);
}

#[test]
fn open_hand_overs_of_an_account_are_bounded_and_others_go_on() {
    let mut table = Table::on(|terms| terms.open_attempts_max = 2);
    (0..4).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    table.add(alone(9, 1, "BETA"));
    assert_eq!(table.taken(0), [0, 9, 1]);
    assert_eq!(table.wakes_at(), None);
    table.ended(1, Ended::Done, 0);
    assert_eq!(table.taken(0), [2]);
}

#[test]
fn a_pause_that_a_provider_asks_for_holds_the_whole_account() {
    let mut table = Table::new();
    (0..3).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    table.add(alone(8, 1, "BETA"));
    assert_eq!(table.take(0), Some(0));
    table.heard(0, Heard::Throttled(2_000), again(2_000), 0);
    assert_eq!(table.taken(1_999), [8]);
    assert_eq!(table.taken(2_000), [0, 1, 2], "who has waited for longest goes first");
}

/// A board whose account ALPHA has just failed often enough, with the ids from 100 on waiting.
fn broken(waiting: u128) -> Table {
    let mut table = Table::new();
    for id in 0..u128::from(BREAKER_FAILURES) {
        table.add(alone(id, 1, "ALPHA"));
        assert_eq!(table.taken(0), [id]);
        let opened = table.heard(id, Heard::Failed, Ended::Done, 0);
        assert_eq!(opened.is_some(), id + 1 == u128::from(BREAKER_FAILURES));
    }
    (100..100 + waiting).for_each(|id| table.add(alone(id, 1, "ALPHA")));
    table
}

#[test]
fn an_open_breaker_holds_messages_and_probes_with_one() {
    let mut table = broken(3);
    table.add(alone(500, 1, "BETA"));
    assert_eq!(table.taken(BREAKER_MS - 1), [500]);
    assert_eq!(table.taken(BREAKER_MS), [100]);
    table.heard(100, Heard::Failed, again(BREAKER_MS), BREAKER_MS);
    assert_eq!(table.taken(3 * BREAKER_MS - 1), Vec::<u128>::new());
    assert_eq!(table.taken(3 * BREAKER_MS), [100]);
    let closed = table.heard(100, Heard::Fine, Ended::Done, 3 * BREAKER_MS);
    assert_eq!(closed, Some(Turned::Closed));
    assert_eq!(table.taken(3 * BREAKER_MS), [101, 102]);
}

#[test]
fn a_breaker_keeps_no_message_longer_than_the_patience_with_the_channel() {
    let mut table = broken(2);
    assert_eq!(table.taken(BREAKER_MS), [100]);
    assert_eq!(table.taken(PATIENCE_MS - 1), Vec::<u128>::new());
    assert_eq!(table.taken(BREAKER_MS + PATIENCE_MS), [101], "although the probe is still out");
}

/// Its message lives until then.
fn mortal(id: u128, lane: u128, until: i64) -> Job {
    Job { expires_at: Some(Time(until)), ..job(id, lane, Normal) }
}

#[test]
fn a_message_whose_life_ends_behind_a_breaker_frees_its_lane_at_once() {
    let mut table = broken(0);
    table.add(mortal(100, 7, 10));
    table.add(Job { to: Some(Address::new("BETA", "8")), ..job(101, 7, Normal) });
    assert_eq!((table.taken(9), table.wakes_at()), (vec![], Some(10)));
    assert_eq!(table.taken(10), [100], "for its last step, which hands nothing over");
    table.ended(100, Ended::Done, 10);
    assert_eq!(table.taken(10), [101]);
}

#[test]
fn a_message_whose_life_ends_behind_another_of_its_lane_does_not_wait_for_it() {
    let mut table = broken(0);
    table.add(job(100, 7, Normal));
    table.add(mortal(101, 7, 10));
    table.add(job(102, 7, Normal));
    assert_eq!(table.taken(10), [101]);
    table.ended(101, Ended::Done, 10);
    assert_eq!(table.taken(BREAKER_MS), [100]);
    table.heard(100, Heard::Fine, Ended::Done, BREAKER_MS);
    assert_eq!(table.taken(BREAKER_MS), [102]);
}

#[test]
fn a_lane_does_not_pass_a_message_whose_end_is_under_way() {
    let mut table = Table::new();
    table.add(job(100, 7, Normal));
    table.add(mortal(101, 7, 10));
    table.add(job(102, 7, Normal));
    assert_eq!((table.taken(0), table.taken(10)), (vec![100], vec![101]));
    table.ended(100, Ended::Done, 10);
    assert_eq!(table.taken(10), Vec::<u128>::new());
    table.ended(101, Ended::Done, 10);
    assert_eq!(table.taken(10), [102]);
}

#[test]
fn a_message_whose_life_ends_before_it_is_tried_again_is_not_waited_for() {
    let mut table = Table::new();
    table.add(mortal(100, 7, 10));
    assert_eq!(table.taken(0), [100]);
    table.ended(100, again(1_000_000), 1);
    assert_eq!((table.taken(9), table.taken(10)), (vec![], vec![100]));
}

#[test]
fn a_hand_over_that_outlasts_its_message_is_looked_at_again_when_it_ended() {
    let mut table = Table::new();
    table.add(mortal(100, 7, 10));
    assert_eq!(table.taken(0), [100]);
    assert_eq!(table.taken(10), Vec::<u128>::new());
    table.ended(100, again(1_000_000), 20);
    assert_eq!((table.taken(9 + RAN_MS), table.taken(10 + RAN_MS)), (vec![], vec![100]));
    // Its attempt is open, so that nothing ends here.
    table.ended(100, again(1_000_000), 10 + RAN_MS);
    let stayed = 10 + RAN_MS + STAYED_MS;
    assert_eq!((table.taken(stayed - 1), table.taken(stayed)), (vec![], vec![100]));
    table.ended(100, Ended::Done, stayed);
    assert!(table.board.lives.is_empty());
}

#[test]
fn a_message_that_was_tried_parks_behind_a_breaker_and_one_that_was_not_keeps_its_lane() {
    let mut table = broken(0);
    table.add(job(100, 7, Normal));
    table.add(Job { to: Some(Address::new("BETA", "8")), ..job(101, 7, Normal) });
    assert_eq!(table.taken(BREAKER_MS), [100]);
    // Fails for ever, and another message is the next probe, which stays out.
    table.add(alone(99, 1, "ALPHA"));
    table.heard(100, Heard::Failed, again(4 * BREAKER_MS), BREAKER_MS);
    assert_eq!(table.taken(3 * BREAKER_MS), [99]);
    let parks_at = BREAKER_MS + LANE_HELD_MS_MAX + 1;
    assert_eq!(table.taken(parks_at - 1), Vec::<u128>::new());
    assert_eq!(table.taken(parks_at), [101]);

    let mut table = broken(0);
    table.add(alone(99, 1, "ALPHA"));
    table.add(job(100, 7, Normal));
    table.add(Job { to: Some(Address::new("BETA", "8")), ..job(101, 7, Normal) });
    assert_eq!(table.taken(parks_at), [99]);
    assert_eq!(table.taken(2 * parks_at), Vec::<u128>::new());
}

#[test]
fn a_message_that_could_not_be_read_keeps_its_lane_behind_a_pause() {
    let mut table = Table::new();
    table.add(alone(99, 1, "ALPHA"));
    table.add(job(100, 7, Normal));
    table.add(Job { to: Some(Address::new("BETA", "8")), ..job(101, 7, Normal) });
    assert_eq!(table.taken(0), [99, 100]);
    table.heard(99, Heard::Throttled(90_000), Ended::Done, 0);
    table.ended(100, Ended::Unavailable(Time(1_000)), 0);
    assert_eq!(table.taken(89_999), Vec::<u128>::new());
    assert_eq!(table.taken(90_000), [100]);
}

#[test]
fn a_failover_waits_for_its_new_sender_and_not_for_the_old_one() {
    let mut table = broken(1);
    assert_eq!(table.taken(BREAKER_MS), [100]);
    let to = Address::new("BETA", "8");
    table.heard(100, Heard::Failed, Ended::Again(Time(BREAKER_MS), Some(to)), BREAKER_MS);
    assert_eq!(table.taken(BREAKER_MS), [100]);
}

#[test]
fn a_job_whose_address_is_not_known_learns_it_and_then_waits_for_its_sender() {
    let mut table = broken(0);
    table.add(alone(99, 1, "ALPHA"));
    table.add(Job { to: None, ..job(100, 7, Normal) });
    table.add(Job { to: Some(Address::new("BETA", "8")), ..job(101, 7, Normal) });
    assert_eq!(table.taken(10), [100]);
    table.ended(100, Ended::Elsewhere(Address::new("ALPHA", "7")), 10);
    assert_eq!(table.taken(BREAKER_MS), [99]);
    // It was not tried yet, so that its lane waits, however long.
    assert_eq!(table.taken(2 * LANE_HELD_MS_MAX), Vec::<u128>::new());
    table.heard(99, Heard::Fine, Ended::Done, 2 * LANE_HELD_MS_MAX);
    assert_eq!(table.taken(2 * LANE_HELD_MS_MAX), [100]);
}

#[test]
fn a_tenant_without_work_costs_nothing() {
    let mut table = Table::on(|terms| terms.rate = Rate::new(10, 1_000, 1));
    (0..3).for_each(|id| table.add(alone(id, id, "ALPHA")));
    for id in table.taken(0) {
        table.heard(id, Heard::Fine, Ended::Done, 0);
    }
    // A bucket is full again after a moment.
    table.board.wake(Time(1_000));
    assert_eq!(table.taken(1_000), Vec::<u128>::new());
    assert!(table.board.turns.is_empty() && table.wakes_at().is_none());
}
