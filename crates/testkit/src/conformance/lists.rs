//! Conformance of lists and jobs: order, edges, pages.
//! Each case takes a fresh store.

use domain::id::{Id, JobId, TenantId};
use domain::record::{List, Listing};
use domain::time::Time;
use ports::Batch;
use ports::store::Page;

use super::{Whole, batch, keep, tenant};
use crate::samples::job;

const LIST: List = List::MessagesOfConversation;

fn entry(tenant: TenantId, list: List, owner: u128, position: u64) -> Listing {
    Listing { tenant, list, owner: Id(owner), position, target: Id(u128::from(position) * 10) }
}

fn whole(owner: u128) -> Page {
    let (tenant, owner) = (tenant(1), Id(owner));
    Page { tenant, list: LIST, owner, after: None, before: None, newest_first: false, limit: 100 }
}

async fn five(store: &impl Whole) {
    // Positions may have gaps and need not come in order.
    let listings = [8, 2, 6, 4, 10].map(|position| entry(tenant(1), LIST, 1, position)).into();
    keep(store, Batch { listings, ..batch(1, Vec::new()) }).await;
}

async fn positions(store: &impl Whole, page: Page) -> Vec<u64> {
    store.page(page).await.expect("the store answers").into_iter().map(|(position, _)| position).collect()
}

pub async fn pages_go_both_ways(store: &impl Whole) {
    five(store).await;
    let (up, down) = (whole(1), Page { newest_first: true, ..whole(1) });
    assert_eq!(
        store.page(Page { limit: 2, ..up }).await.expect("the store answers"),
        [(2, Id(20)), (4, Id(40))]
    );
    assert_eq!(positions(store, up).await, [2, 4, 6, 8, 10]);
    assert_eq!(positions(store, Page { after: Some(4), limit: 2, ..up }).await, [6, 8]);
    assert_eq!(positions(store, Page { limit: 2, ..down }).await, [10, 8]);
    assert_eq!(positions(store, Page { before: Some(8), limit: 2, ..down }).await, [6, 4]);
}

pub async fn pages_end_before_their_edges(store: &impl Whole) {
    five(store).await;
    let cases: [(Option<u64>, Option<u64>, &[u64]); 7] = [
        (Some(2), Some(8), &[4, 6]),
        (Some(3), Some(5), &[4]),
        (Some(4), Some(6), &[]),
        (Some(9), Some(3), &[]),
        (Some(10), None, &[]),
        (None, Some(0), &[]),
        (None, Some(u64::MAX), &[2, 4, 6, 8, 10]),
    ];
    for (after, before, wanted) in cases {
        let page = Page { after, before, ..whole(1) };
        assert_eq!(positions(store, page).await, wanted);
    }
    let none = Page { limit: 0, ..whole(1) };
    assert!(positions(store, none).await.is_empty());
}

pub async fn lists_of_others_stay_apart(store: &impl Whole) {
    let listings = vec![
        entry(tenant(1), LIST, 1, 1),
        entry(tenant(2), LIST, 1, 2),
        entry(tenant(1), LIST, 2, 3),
        entry(tenant(1), List::ConversationsOfContact, 1, 4),
    ];
    keep(store, Batch { listings, ..batch(1, Vec::new()) }).await;
    assert_eq!(positions(store, whole(1)).await, [1]);
    assert_eq!(positions(store, whole(2)).await, [3]);
    assert!(positions(store, whole(3)).await.is_empty());
}

async fn due(store: &impl Whole, due: i64, after: Option<(i64, u128)>, limit: usize) -> Vec<u128> {
    let after = after.map(|(due, id)| (Time(due), JobId(Id(id))));
    store
        .jobs(Time(due), after, limit)
        .await
        .expect("the store answers")
        .iter()
        .map(|job| job.id.0.0)
        .collect()
}

async fn jobs(store: &impl Whole) {
    let due = [(1, 30), (2, 10), (3, 20), (4, 10), (5, -5)];
    let jobs = due.map(|(id, at)| job(id, tenant(1), Time(at))).into();
    keep(store, Batch { jobs, ..batch(1, Vec::new()) }).await;
}

pub async fn jobs_are_ordered_by_due_time_and_id(store: &impl Whole) {
    jobs(store).await;
    assert_eq!(due(store, 20, None, 10).await, [5, 2, 4, 3]);
    assert_eq!(due(store, i64::MAX, None, 10).await, [5, 2, 4, 3, 1]);
    assert!(due(store, -6, None, 10).await.is_empty());
    let first = store.jobs(Time(20), None, 2).await.expect("the store answers");
    assert_eq!(first[1], job(2, tenant(1), Time(10)));
}

pub async fn jobs_are_paged(store: &impl Whole) {
    jobs(store).await;
    assert_eq!(due(store, 30, None, 2).await, [5, 2]);
    assert_eq!(due(store, 30, Some((10, 2)), 2).await, [4, 3]);
    assert_eq!(due(store, 30, Some((20, 3)), 2).await, [1]);
    assert!(due(store, 30, Some((30, 1)), 2).await.is_empty());
}

pub async fn finished_jobs_are_gone(store: &impl Whole) {
    jobs(store).await;
    // One that was made and finished within the batch leaves nothing either.
    let finished_jobs = [2, 3, 6, 99].map(|id| JobId(Id(id))).into();
    let jobs = vec![job(6, tenant(1), Time(1))];
    keep(store, Batch { jobs, finished_jobs, ..batch(2, Vec::new()) }).await;
    assert_eq!(due(store, 30, None, 10).await, [5, 4, 1]);
}
