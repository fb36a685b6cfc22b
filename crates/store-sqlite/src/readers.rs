//! Threads that read, each on a connection of its own.
//!
//! Each question sees one moment: the backlog, and the tables in a read transaction that begins while the backlog is
//! held still. That moment comes after the question was asked, so it sees everything acknowledged before.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use ports::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::answers::{failed, stopped};
use crate::backlog::{Backlog, State};
use crate::schema;
use crate::settings::Settings;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The reading threads' handle; dropping it waits for what was asked.
pub struct Readers {
    backlog: Arc<Backlog>,
    inbox: Arc<Inbox>,
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// Where questions wait. Each wakes one thread, and whoever is awake takes the oldest.
#[derive(Default)]
struct Inbox {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    questions: VecDeque<(Question, OwnedSemaphorePermit)>,
    closed: bool,
}

impl Inbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, question: Question, place: OwnedSemaphorePermit) {
        self.waiting().questions.push_back((question, place));
        self.came.notify_one();
    }

    /// The next question, which makes room for another; `None` once it is closed and empty.
    fn take(&self) -> Option<Question> {
        let idle = |waiting: &mut Waiting| waiting.questions.is_empty() && !waiting.closed;
        let mut waiting = self.came.wait_while(self.waiting(), idle).unwrap_or_else(PoisonError::into_inner);
        waiting.questions.pop_front().map(|(question, _)| question)
    }

    fn close(&self) {
        self.waiting().closed = true;
        self.came.notify_all();
    }
}

impl Readers {
    /// Opens the connections, at least one, and starts the threads. The file must exist.
    pub fn start(path: &Path, backlog: Arc<Backlog>, settings: &Settings) -> Result<Readers, Error> {
        let mut readers = Readers {
            backlog,
            inbox: Arc::default(),
            places: Arc::new(Semaphore::new(settings.reader_queue)),
            threads: Vec::new(),
        };
        for number in 0..settings.readers.max(1) {
            let connection = schema::open_reader(path)?;
            let inbox = Arc::clone(&readers.inbox);
            let thread = std::thread::Builder::new()
                .name(format!("sqlite-reader-{number}"))
                .spawn(move || {
                    while let Some(question) = inbox.take() {
                        question(&connection);
                    }
                })
                .map_err(|error| {
                    Error::new(ErrorKind::Unavailable, "cannot start a reader").because(error)
                })?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Runs a question on some reader: `gather` takes what it needs from the backlog, `answer` lays that over the
    /// tables.
    pub async fn ask<G, T>(
        &self,
        gather: impl FnOnce(&State) -> G + Send + 'static,
        answer: impl FnOnce(&Connection, G) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let backlog = Arc::clone(&self.backlog);
        let question: Question = Box::new(move |connection| {
            let _ = reply.send(in_one_moment(connection, &backlog, gather, answer));
        });
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| stopped())?;
        self.inbox.put(question, place);
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.inbox.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn in_one_moment<G, T>(
    connection: &Connection,
    backlog: &Backlog,
    gather: impl FnOnce(&State) -> G,
    answer: impl FnOnce(&Connection, G) -> Result<T, Error>,
) -> Result<T, Error> {
    let state = backlog.state();
    let transaction = failed_to_begin(connection.unchecked_transaction())?;
    // The transaction's moment is that of its first read.
    let touched = transaction.prepare_cached("SELECT 1 FROM head").and_then(|mut head| head.exists([]));
    failed_to_begin(touched)?;
    let gathered = gather(&state);
    drop(state);
    let answer = answer(&transaction, gathered);
    // Nothing was written; the transaction ends here whatever it says.
    let _ = transaction.finish();
    answer
}

fn failed_to_begin<T>(begun: rusqlite::Result<T>) -> Result<T, Error> {
    begun.map_err(|error| failed("begin a read", error))
}
