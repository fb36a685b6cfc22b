//! Threads that read, each on a connection of its own.
//!
//! Each question sees one moment: the backlog, and the tables in a read transaction that begins while the backlog is
//! held still. That moment comes after the question was asked, so it sees everything acknowledged before.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ports::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{failed, stopped};
use crate::backlog::{Backlog, State};
use crate::schema;
use crate::settings::Settings;

type Question = Box<dyn FnOnce(&Connection) + Send>;
type Inbox = Arc<Mutex<mpsc::Receiver<Question>>>;

/// The reading threads' handle; dropping it waits for what was asked.
pub struct Readers {
    backlog: Arc<Backlog>,
    questions: Option<mpsc::Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections, at least one, and starts the threads. The file must exist.
    pub fn start(path: &Path, backlog: Arc<Backlog>, settings: &Settings) -> Result<Readers, Error> {
        let (questions, inbox) = mpsc::channel(settings.reader_queue);
        let inbox: Inbox = Arc::new(Mutex::new(inbox));
        let mut threads = Vec::new();
        for number in 0..settings.readers.max(1) {
            let connection = schema::open_reader(path)?;
            let inbox = Arc::clone(&inbox);
            let thread = std::thread::Builder::new()
                .name(format!("sqlite-reader-{number}"))
                .spawn(move || work(&connection, &inbox))
                .map_err(|error| {
                    Error::new(ErrorKind::Unavailable, "cannot start a reader").because(error)
                })?;
            threads.push(thread);
        }
        Ok(Readers { backlog, questions: Some(questions), threads })
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
        let questions = self.questions.as_ref().ok_or_else(stopped)?;
        questions.send(question).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.questions = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, inbox: &Inbox) {
    loop {
        let question = inbox.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(question) = question else { return };
        question(connection);
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
