//! The bound sessions, and handing a `deliver_sm` to one of them until it is taken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::concatenation::Unfinished;
use super::pdu::{command, frame, status};
use crate::callbacks::until_taken;
use crate::world::World;

/// Unanswered `deliver_sm` per session.
const WINDOW: usize = 500;
/// A session bound for receiving is waited for this long before the pause of a retry.
const SESSION_WAIT: std::time::Duration = std::time::Duration::from_millis(500);

pub(super) struct Session {
    pub system_id: String,
    pub receives: bool,
    pub transmits: bool,
    pub out: mpsc::Sender<Bytes>,
    sequence: AtomicU32,
    window: Semaphore,
    unanswered: Mutex<HashMap<u32, oneshot::Sender<u32>>>,
}

impl Session {
    pub(super) fn new(system_id: String, bind: u32, out: mpsc::Sender<Bytes>) -> Self {
        Self {
            system_id,
            receives: bind != command::BIND_TRANSMITTER,
            transmits: bind != command::BIND_RECEIVER,
            out,
            sequence: AtomicU32::new(1),
            window: Semaphore::new(WINDOW),
            unanswered: Mutex::default(),
        }
    }

    pub(super) fn answered(&self, sequence: u32, status: u32) {
        let waiting = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
        if let Some(waiting) = waiting {
            let _ = waiting.send(status);
        }
    }

    /// Nothing will be answered any more: whoever waits tries another session.
    pub(super) fn close(&self) {
        self.window.close();
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn deliver(&self, body: &[u8], wait_max: std::time::Duration) -> bool {
        let Ok(_place) = self.window.acquire().await else {
            return false;
        };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff;
        let (answer, answered) = oneshot::channel();
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence, answer);
        if self.out.send(frame(command::DELIVER_SM, status::OK, sequence, body)).await.is_err() {
            return false;
        }
        let taken = matches!(timeout(wait_max, answered).await, Ok(Ok(status::OK)));
        if !taken {
            self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
        }
        taken
    }
}

#[derive(Default)]
pub(super) struct Smsc {
    sessions: RwLock<Vec<Arc<Session>>>,
    bound: Notify,
    turn: AtomicUsize,
    pub unfinished: Unfinished,
    pub references: AtomicU32,
}

impl Smsc {
    pub(super) fn add(&self, session: Arc<Session>) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).push(session);
        self.bound.notify_waiters();
    }

    pub(super) fn remove(&self, session: &Arc<Session>) {
        session.close();
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|other| !Arc::ptr_eq(other, session));
    }

    fn receiver(&self, system_id: &str) -> Option<Arc<Session>> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |session: &&Arc<Session>| session.receives && session.system_id == system_id;
        let count = sessions.iter().filter(fits).count();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        sessions.iter().filter(fits).nth(turn.checked_rem(count)?).cloned()
    }

    /// Repeats one `deliver_sm` until some session of the account answers ESME_ROK.
    pub(super) async fn deliver(&self, world: &Arc<World>, system_id: &str, body: Vec<u8>) {
        until_taken(world, || async {
            let bound = self.bound.notified();
            match self.receiver(system_id) {
                Some(session) => session.deliver(&body, world.settings.delays.callback_timeout).await,
                None => {
                    let _ = timeout(SESSION_WAIT, bound).await;
                    false
                }
            }
        })
        .await;
    }
}
