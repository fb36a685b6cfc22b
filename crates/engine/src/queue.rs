//! Commands that wait for the batcher, tenant by tenant.
//!
//! One tenant alone gets a whole batch. Where several wait each has its turn, with a few commands a batch, so that
//! who floods the server is waited for by nobody but itself. Within a tenant the order of arrival stands.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::TenantId;
use foldhash::HashMap;
use tokio::sync::Notify;

/// Commands of one tenant in a batch while others wait too.
const TURN: usize = 16;

/// Why a command cannot wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// As many wait as may.
    Full,
    /// Nobody takes commands any more.
    Closed,
}

/// Makes an empty queue in which `most` may wait, all tenants together.
pub(crate) fn queue<T>(most: usize) -> (Sender<T>, Receiver<T>) {
    let lines = Lines { of: HashMap::default(), turns: VecDeque::new(), waiting: 0, closed: false };
    let queue = Arc::new(Queue { lines: Mutex::new(lines), came: Notify::new(), most });
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

/// The end where commands come in.
pub(crate) struct Sender<T>(Arc<Queue<T>>);

/// The end where they are taken; the queue closes with it.
pub(crate) struct Receiver<T>(Arc<Queue<T>>);

struct Queue<T> {
    lines: Mutex<Lines<T>>,
    came: Notify,
    most: usize,
}

struct Lines<T> {
    of: HashMap<TenantId, VecDeque<T>>,
    /// Tenants that wait, whose turn is next first.
    turns: VecDeque<TenantId>,
    waiting: usize,
    closed: bool,
}

impl<T> Lines<T> {
    fn put(&mut self, tenant: TenantId, one: T) {
        let turns = &mut self.turns;
        let line = self.of.entry(tenant).or_insert_with(|| {
            turns.push_back(tenant);
            VecDeque::new()
        });
        line.push_back(one);
        self.waiting += 1;
    }

    /// A turn of each tenant, or everything of the only one; `most` at most.
    fn take(&mut self, most: usize) -> Vec<T> {
        let turn = if self.turns.len() > 1 { TURN } else { most };
        let mut taken = Vec::with_capacity(self.waiting.min(most));
        for _ in 0..self.turns.len() {
            let Some(tenant) = self.turns.pop_front() else { break };
            let Some(line) = self.of.get_mut(&tenant) else { continue };
            let count = line.len().min(turn).min(most - taken.len());
            taken.extend(line.drain(..count));
            if line.is_empty() {
                self.of.remove(&tenant);
            } else {
                self.turns.push_back(tenant);
            }
            if taken.len() == most {
                break;
            }
        }
        self.waiting -= taken.len();
        taken
    }
}

impl<T> Queue<T> {
    fn lines(&self) -> MutexGuard<'_, Lines<T>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lines().closed = true;
        self.came.notify_one();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Lets a command of a tenant wait for its turn.
    pub fn put(&self, tenant: TenantId, one: T) -> Result<(), Rejected> {
        let mut lines = self.0.lines();
        if lines.closed {
            return Err(Rejected::Closed);
        }
        if lines.waiting >= self.0.most {
            return Err(Rejected::Full);
        }
        lines.put(tenant, one);
        drop(lines);
        self.0.came.notify_one();
        Ok(())
    }

    /// Lets nothing more come in; what waits is still taken.
    pub fn close(&self) {
        self.0.close();
    }
}

impl<T> Receiver<T> {
    /// Waits for commands and takes a batch of `most` at most. Nothing once the queue is closed and empty.
    pub async fn next(&mut self, most: usize) -> Vec<T> {
        loop {
            {
                let mut lines = self.0.lines();
                if lines.waiting > 0 || lines.closed {
                    return lines.take(most);
                }
            }
            self.0.came.notified().await;
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.close();
        let left = self.0.lines().take(usize::MAX);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::Id;

    fn tenant(number: u128) -> TenantId {
        TenantId(Id(number))
    }

    /// Tenant and number within it.
    type One = (u128, usize);

    fn filled(counts: &[One]) -> (Sender<One>, Receiver<One>) {
        let (sender, receiver) = queue(10_000);
        for (number, count) in counts {
            (0..*count).for_each(|one| sender.put(tenant(*number), (*number, one)).expect("there is room"));
        }
        (sender, receiver)
    }

    fn counts(batch: &[(u128, usize)]) -> Vec<(u128, usize)> {
        batch.chunk_by(|one, next| one.0 == next.0).map(|own| (own[0].0, own.len())).collect()
    }

    #[tokio::test]
    async fn one_tenant_alone_gets_the_whole_batch_in_order() {
        let (_sender, mut receiver) = filled(&[(1, 300)]);
        let batch = receiver.next(200).await;
        assert_eq!(batch, (0..200).map(|one| (1, one)).collect::<Vec<_>>());
        assert_eq!(receiver.next(200).await.len(), 100);
    }

    #[tokio::test]
    async fn whoever_comes_late_is_in_the_next_batch_whatever_another_has_waiting() {
        let (sender, mut receiver) = filled(&[(1, 5_000)]);
        assert_eq!(receiver.next(512).await.len(), 512);
        sender.put(tenant(2), (2, 0)).expect("there is room");
        assert_eq!(counts(&receiver.next(512).await), [(1, TURN), (2, 1)]);
        assert_eq!(counts(&receiver.next(512).await), [(1, 512)]);
    }

    #[tokio::test]
    async fn tenants_take_turns_and_a_full_batch_goes_on_with_the_next_one() {
        let (_sender, mut receiver) = filled(&[(1, 40), (2, 40), (3, 40)]);
        assert_eq!(counts(&receiver.next(TURN + 4).await), [(1, TURN), (2, 4)]);
        assert_eq!(counts(&receiver.next(512).await), [(3, TURN), (1, TURN), (2, TURN)]);
    }

    #[tokio::test]
    async fn every_command_is_taken_once_and_in_the_order_of_its_tenant() {
        let (_sender, mut receiver) = filled(&[(1, 100), (2, 7), (3, 333)]);
        let mut seen = std::collections::BTreeMap::<u128, Vec<usize>>::new();
        for _ in 0..100 {
            if seen.values().map(Vec::len).sum::<usize>() == 440 {
                break;
            }
            receiver.next(50).await.into_iter().for_each(|(who, one)| seen.entry(who).or_default().push(one));
        }
        for (who, count) in [(1, 100), (2, 7), (3, 333)] {
            assert_eq!(seen[&who], (0..count).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let (sender, mut receiver) = queue(3);
        (0..3).for_each(|one| sender.put(tenant(one), one).expect("there is room"));
        assert_eq!(sender.put(tenant(9), 9), Err(Rejected::Full));
        assert_eq!(receiver.next(1).await, [0]);
        assert_eq!(sender.put(tenant(9), 9), Ok(()));
    }

    #[tokio::test]
    async fn what_waits_at_the_close_is_taken_and_nothing_more_comes() {
        let (sender, mut receiver) = filled(&[(1, 2)]);
        sender.close();
        assert_eq!(sender.put(tenant(1), (1, 2)), Err(Rejected::Closed));
        assert_eq!(receiver.next(9).await.len(), 2);
        assert!(receiver.next(9).await.is_empty());
    }

    #[tokio::test]
    async fn commands_left_behind_by_the_taker_are_dropped_and_nothing_more_comes() {
        let (sender, receiver) = queue(9);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        sender.put(tenant(1), answer).expect("there is room");
        drop(receiver);
        assert!(answered.await.is_err());
        assert_eq!(sender.put(tenant(1), tokio::sync::oneshot::channel().0).unwrap_err(), Rejected::Closed);
    }
}
