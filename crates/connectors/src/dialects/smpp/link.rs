//! The sending side of a bound session: a window of open submits, answers joined by sequence number, the certain
//! knowledge whether a request was written, and a good-bye that waits for open answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusmpp::{Command, CommandStatus, Pdu};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

const SEQUENCE_MAX: u32 = 0x7fff_ffff;
/// How long a submit may wait for a place in the window; later it comes back as not sent.
const WINDOW_WAIT: Duration = Duration::from_secs(3);

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, with the center's message id.
    Taken(String),
    Refused(u32),
    /// Not a byte of it left.
    NotSent,
    /// It may have been read, and no answer came.
    Lost,
}

struct Pending {
    answered: oneshot::Sender<Answer>,
    written: bool,
}

/// A bound session as its users see it.
pub struct Link {
    out: mpsc::Sender<Command>,
    pending: Mutex<HashMap<u32, Pending>>,
    window: Semaphore,
    sequence: AtomicU32,
    /// Wakes who waits for open requests to end.
    ended: Notify,
    /// The center said at the bind that it knows optional parameters.
    takes_parameters: AtomicBool,
    parted: AtomicBool,
}

/// Takes the entry back out when the caller goes away or gives up.
struct Entry<'a>(&'a Link, u32);

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.pending().remove(&self.1);
        self.0.ended.notify_waiters();
    }
}

impl Link {
    /// A link that writes into `out`.
    pub fn new(out: mpsc::Sender<Command>, window: usize) -> Link {
        Link {
            out,
            pending: Mutex::default(),
            window: Semaphore::new(window.max(1)),
            sequence: AtomicU32::new(1),
            ended: Notify::new(),
            takes_parameters: AtomicBool::new(false),
            parted: AtomicBool::new(false),
        }
    }

    /// Whether optional parameters may be sent.
    pub fn takes_parameters(&self) -> bool {
        self.takes_parameters.load(Ordering::Relaxed)
    }

    /// The center's answer to the bind named a version of the protocol, which has optional parameters.
    pub fn note_parameters(&self) {
        self.takes_parameters.store(true, Ordering::Relaxed);
    }

    /// An unbind was said, by either side.
    pub fn note_parting(&self) {
        self.parted.store(true, Ordering::Relaxed);
    }

    /// Whether an unbind was said already.
    pub fn parted(&self) -> bool {
        self.parted.load(Ordering::Relaxed)
    }

    /// Takes no further submits, waits for the answers to those that are open, then unbinds.
    pub async fn part(&self, answers_limit: Duration, unbind_limit: Duration) {
        self.window.close();
        let all_answered = async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                // Listens from here on, so that what ends between the look and the wait is not missed.
                ended.as_mut().enable();
                if self.pending().is_empty() {
                    return;
                }
                ended.await;
            }
        };
        // What is still open after the limit becomes unknown.
        let _ = tokio::time::timeout(answers_limit, all_answered).await;
        self.note_parting();
        self.ask(Pdu::Unbind, unbind_limit).await;
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<u32, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers from 1 to 0x7FFFFFFF, around and around.
    pub fn next_sequence(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed) % SEQUENCE_MAX + 1
    }

    /// Sends a message inside the window and waits for its answer, at most `limit` once it has its place.
    pub async fn submit(&self, pdu: Pdu, limit: Duration) -> Answer {
        let Ok(Ok(_place)) = tokio::time::timeout(WINDOW_WAIT, self.window.acquire()).await else {
            return Answer::NotSent;
        };
        self.ask(pdu, limit).await
    }

    /// Sends any request and waits for its answer.
    pub async fn ask(&self, pdu: Pdu, limit: Duration) -> Answer {
        let sequence = self.next_sequence();
        let (answered, answer) = oneshot::channel();
        self.pending().insert(sequence, Pending { answered, written: false });
        let entry = Entry(self, sequence);
        let exchange = async {
            let command = Command::new(CommandStatus::EsmeRok, sequence, pdu);
            self.out.send(command).await.ok()?;
            answer.await.ok()
        };
        let ended = tokio::time::timeout(limit, exchange).await;
        match ended {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => {
                let written = self.pending().get(&sequence).is_some_and(|pending| pending.written);
                drop(entry);
                if written { Answer::Lost } else { Answer::NotSent }
            }
        }
    }

    /// Called by the writer right before the bytes go. `false` when nobody waits any more: then it must not go.
    pub fn about_to_write(&self, sequence: u32) -> bool {
        match self.pending().get_mut(&sequence) {
            Some(pending) => {
                pending.written = true;
                true
            }
            None => false,
        }
    }

    /// Called by the reader.
    pub fn answered(&self, sequence: u32, answer: Answer) {
        if let Some(pending) = self.pending().remove(&sequence) {
            // Who no longer waits has counted it as lost.
            let _ = pending.answered.send(answer);
        }
    }

    /// The connection is gone: everybody who waits learns it.
    pub fn close(&self) {
        self.window.close();
        for (_, pending) in self.pending().drain() {
            let answer = if pending.written { Answer::Lost } else { Answer::NotSent };
            let _ = pending.answered.send(answer);
        }
    }
}
