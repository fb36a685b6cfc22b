//! Ids for incoming messages, which have none of their own in SMPP: a message that may be a repetition of one already
//! taken gets that one's id again, so that the core drops it; every other gets a new one.
//!
//! A center repeats a message only when it did not read our answer. On a living session it does read it, so an equal
//! message is a new one there (people write "ok" twice), unless the first has been waiting for its answer for as long
//! as a center is patient. When a session ends, answers of the last minute may be lost: an older one was followed by
//! an `enquire_link` that the center answered, so it was read. Messages in doubt match for [`DOUBT`] after the next
//! bind. Across a crash there is no memory; there the id itself holds: it is made of the message, the five minutes in
//! which it came, and its place among equal ones in them, so what is repeated soon gets the same id. The price, after a
//! crash alone: a repetition on the other side of such a boundary shows twice, and an equal message that is new
//! within the same five minutes is taken for a repetition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Time;
use tokio::time::Instant;

/// How long a center waits for our answer before it may send again on the same session.
const CENTER_PATIENCE: Duration = Duration::from_secs(5);
/// An answer this old when its session ends was read: longer than the session's interval and time-out of
/// `enquire_link` together.
const PROVEN: Duration = Duration::from_secs(60);
/// How long after a bind a message in doubt may still be repeated.
const DOUBT: Duration = Duration::from_secs(600);
const BUCKET_MS: i64 = 300_000;
const REMEMBERED_MAX: usize = 4_096;

/// What makes two messages equal.
pub type Digest = [u8; 16];

#[derive(Clone, Copy)]
enum State {
    /// Being handled, since then.
    Open(Instant),
    /// Our answer was written to a session that lives.
    Answered(Instant),
    /// The center may not have read our answer.
    Doubtful(Instant),
}

struct Heard {
    digest: Digest,
    bucket: i64,
    place: u32,
    id: Arc<str>,
    state: State,
}

/// Recent messages of one account, the oldest first.
#[derive(Default)]
pub struct Repeats {
    recent: VecDeque<Heard>,
    bound_at: Option<Instant>,
}

impl Repeats {
    /// The id of a message that came just now.
    pub fn id(&mut self, digest: Digest, now: Time) -> Arc<str> {
        let here = Instant::now();
        let bound_at = self.bound_at;
        let in_doubt = |heard: &&mut Heard| match heard.state {
            State::Open(since) => here - since >= CENTER_PATIENCE,
            State::Answered(_) => false,
            State::Doubtful(since) => here < bound_at.unwrap_or(here).max(since) + DOUBT,
        };
        let mut equal = self.recent.iter_mut().filter(|heard| heard.digest == digest);
        if let Some(first) = equal.find(in_doubt) {
            first.state = State::Open(here);
            return Arc::clone(&first.id);
        }
        let bucket = now.0.div_euclid(BUCKET_MS);
        let equal = self.recent.iter().filter(|heard| heard.digest == digest && heard.bucket == bucket);
        let place = equal.map(|heard| heard.place + 1).max().unwrap_or(0);
        let id: Arc<str> = format!("{:032x}-{bucket:x}-{place}", u128::from_be_bytes(digest)).into();
        if self.recent.len() == REMEMBERED_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Heard { digest, bucket, place, id: Arc::clone(&id), state: State::Open(here) });
        id
    }

    /// The message was answered; `taken` as the answer said. What was not taken will be repeated.
    pub fn answered(&mut self, id: &str, taken: bool) {
        let here = Instant::now();
        if let Some(heard) = self.recent.iter_mut().rev().find(|heard| &*heard.id == id) {
            heard.state = if taken { State::Answered(here) } else { State::Doubtful(here) };
        }
    }

    /// A session begins.
    pub fn bound(&mut self) {
        self.bound_at = Some(Instant::now());
    }

    /// The session is gone, and with it answers that were on their way.
    pub fn unbound(&mut self) {
        let here = Instant::now();
        for heard in &mut self.recent {
            let lost = match heard.state {
                State::Open(_) => true,
                State::Answered(at) => here - at < PROVEN,
                State::Doubtful(_) => false,
            };
            if lost {
                heard.state = State::Doubtful(here);
            }
        }
        self.bound_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Digest = [7; 16];
    const NOON: Time = Time(43_200_000);

    fn answered(repeats: &mut Repeats) -> Arc<str> {
        let id = repeats.id(OK, NOON);
        repeats.answered(&id, true);
        id
    }

    #[tokio::test(start_paused = true)]
    async fn equal_messages_on_a_living_session_are_new_ones() {
        let mut repeats = Repeats::default();
        repeats.bound();
        let ids =
            [answered(&mut repeats), answered(&mut repeats), repeats.id(OK, NOON), repeats.id(OK, NOON)];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{id}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_answered_is_the_same_message() {
        let mut repeats = Repeats::default();
        repeats.bound();
        let waiting = repeats.id(OK, NOON);
        tokio::time::advance(CENTER_PATIENCE).await;
        assert_eq!(repeats.id(OK, NOON), waiting);
        repeats.answered(&waiting, false);
        assert_eq!(repeats.id(OK, NOON), waiting);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_lost_with_their_session_make_repetitions() {
        let mut repeats = Repeats::default();
        repeats.bound();
        let read = answered(&mut repeats);
        tokio::time::advance(PROVEN).await;
        let lost = answered(&mut repeats);
        repeats.unbound();
        tokio::time::advance(DOUBT * 2).await;
        repeats.bound();
        assert_eq!(answered(&mut repeats), lost);
        let new = answered(&mut repeats);
        assert!(new != lost && new != read);
        repeats.unbound();
        repeats.bound();
        tokio::time::advance(DOUBT).await;
        let later = answered(&mut repeats);
        assert!(later != lost && later != new, "doubt ends");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_crash_the_same_minutes_give_the_same_ids() {
        let (mut before, mut after) = (Repeats::default(), Repeats::default());
        assert_eq!(
            [answered(&mut before), answered(&mut before)],
            [answered(&mut after), answered(&mut after)]
        );
        let next = NOON.plus_ms(BUCKET_MS);
        assert!(Repeats::default().id(OK, next) != Repeats::default().id(OK, NOON));
        assert!(Repeats::default().id([8; 16], NOON) != Repeats::default().id(OK, NOON));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let mut repeats = Repeats::default();
        for number in 0..=REMEMBERED_MAX {
            let mut digest = OK;
            digest[..8].copy_from_slice(&number.to_be_bytes());
            repeats.id(digest, NOON);
        }
        assert_eq!(repeats.recent.len(), REMEMBERED_MAX);
    }
}
