//! The conformance suite: what every store promises, as tests that run against any of them.
//!
//! `store_conformance!(name, factory)` makes a module of tests. The factory is an async function that returns a
//! fresh store; what it returns lives as long as the test, so it may carry its folder along.

pub mod commits;
pub mod lists;
pub mod log;
pub mod rows;

use domain::id::{Id, TenantId};
use domain::record::{Counter, Key, Record};
use ports::store::Write;
use ports::{Batch, Claims, Commit, Reads, Store, Version};

/// Everything a store implements.
pub trait Whole: Store + Reads + Claims {}

impl<T: Store + Reads + Claims> Whole for T {}

/// Makes the tests of one store.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $factory:expr) => {
        mod $name {
            use super::*;

            $crate::store_conformance!(@cases $factory;
                rows: absent_rows_have_version_0,
                rows: versions_count_writes,
                rows: deletes_leave_nothing,
                rows: a_row_that_was_kept_is_never_called_absent,
                rows: tenants_do_not_share_names,
                rows: text_and_id_names_never_collide,
                rows: kinds_do_not_share_names,
                rows: large_bodies_come_back_whole,
                rows: secrets_come_back_open,
                rows: scans_list_a_kind,
                rows: a_kind_is_walked_a_page_at_a_time,
                rows: a_walk_sees_the_newest_of_each_row,
                commits: a_stale_write_keeps_nothing,
                commits: a_stale_reliance_keeps_nothing,
                commits: absence_can_be_relied_on,
                commits: a_row_that_is_there_is_not_made_again,
                commits: every_stale_row_is_named,
                commits: a_kept_batch_is_found_by_its_id,
                commits: a_thousand_batches_are_remembered,
                commits: a_batch_id_serves_once,
                commits: the_highest_time_is_kept,
                commits: commits_at_once_all_happen,
                log: events_come_back_in_order,
                log: a_gap_in_the_log_is_refused,
                log: events_of_a_tenant_stay_its_own,
                log: events_of_a_message_are_found,
                log: a_cut_forgets_the_oldest_and_no_more_than_asked,
                log: what_is_cut_is_in_no_read,
                log: positions_go_on_after_a_cut,
                lists: pages_go_both_ways,
                lists: pages_end_before_their_edges,
                lists: lists_of_others_stay_apart,
                lists: jobs_are_ordered_by_due_time_and_id,
                lists: jobs_are_paged,
                lists: finished_jobs_are_gone,
            );
        }
    };
    (@cases $factory:expr; $($group:ident: $case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            let store = $factory().await;
            $crate::conformance::$group::$case(&store).await;
        }
    )*};
}

/// A tenant by a number.
pub(crate) fn tenant(number: u128) -> TenantId {
    TenantId(Id(number))
}

/// A write of a counter: the smallest row.
pub(crate) fn write(key: &Key, version: Version, value: u64) -> Write {
    Write { key: key.clone(), version, record: Some(Record::Counter(Counter(value).into())) }
}

/// A batch of writes.
pub(crate) fn batch(id: u128, writes: Vec<Write>) -> Batch {
    Batch { id: Id(id), writes, ..Batch::default() }
}

/// Commits what must be kept.
pub(crate) async fn keep(store: &impl Whole, batch: Batch) {
    assert_eq!(store.commit(batch).await.expect("the store answers"), Commit::Committed);
}

/// A counter's version and value.
pub(crate) async fn counter(store: &impl Whole, key: &Key) -> (Version, Option<u64>) {
    let rows = store.load(vec![key.clone()]).await.expect("the store answers");
    let value = rows[0].record.as_ref().map(|record| match record {
        Record::Counter(counter) => counter.0,
        other => panic!("another kind: {:?}", other.kind()),
    });
    (rows[0].version, value)
}
