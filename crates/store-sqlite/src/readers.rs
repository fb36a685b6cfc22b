//! Threads that read, each on a connection of its own.
//!
//! Each question runs in one read transaction, so it sees one moment; it begins after the question was asked, so it
//! sees everything acknowledged before.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ports::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{failed, stopped};
use crate::schema;
use crate::settings::Settings;

type Question = Box<dyn FnOnce(&Connection) + Send>;
type Inbox = Arc<Mutex<mpsc::Receiver<Question>>>;

/// The reading threads' handle; dropping it waits for what was asked.
pub struct Readers {
    questions: Option<mpsc::Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections, at least one, and starts the threads. The file must exist.
    pub fn start(path: &Path, settings: &Settings) -> Result<Readers, Error> {
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
        Ok(Readers { questions: Some(questions), threads })
    }

    /// Runs a question on some reader.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            let _ = answer.send(in_one_moment(connection, question));
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

fn in_one_moment<T>(
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = connection.unchecked_transaction().map_err(|error| failed("begin a read", error))?;
    let answer = question(&transaction);
    // Nothing was written; the transaction ends here whatever it says.
    let _ = transaction.finish();
    answer
}
