//! The thread that alone writes.
//!
//! It takes whole batches in the order handed in, one transaction each; the answer goes out after the sync. When the
//! disk itself fails it stops for good: a sync that failed once may falsely succeed when asked again, so nothing
//! after it could be trusted. The server then ends the process.

use std::path::Path;
use std::thread::JoinHandle;

use domain::id::Id;
use ports::{Commit, Committed, Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{disk_failed, failed, stopped};
use crate::schema;
use crate::settings::Settings;
use crate::transaction::{Prepared, is_kept};

type Answer<T> = oneshot::Sender<Result<T, Error>>;

enum Order {
    Commit(Box<Prepared>, Answer<Commit>),
    /// Goes the same way as commits, so that it cannot overtake the one it asks about.
    LookUp(Id, Answer<Committed>),
}

/// The writer thread's handle; dropping it waits for what was handed in.
pub struct Writer {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the database and starts the thread.
    pub fn start(path: &Path, settings: &Settings) -> Result<Writer, Error> {
        let connection = schema::open_writer(path, settings)?;
        let (orders, inbox) = mpsc::channel(settings.writer_queue);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(&connection, inbox))
            .map_err(|error| Error::new(ErrorKind::Unavailable, "cannot start the writer").because(error))?;
        Ok(Writer { orders: Some(orders), thread: Some(thread) })
    }

    /// Commits a batch.
    pub async fn commit(&self, batch: Prepared) -> Result<Commit, Error> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Commit(Box::new(batch), answer)).await?;
        answered.await.map_err(|_| stopped())?
    }

    /// Looks a batch up, after all commits handed in before.
    pub async fn look_up(&self, batch: Id) -> Result<Committed, Error> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::LookUp(batch, answer)).await?;
        answered.await.map_err(|_| stopped())?
    }

    async fn order(&self, order: Order) -> Result<(), Error> {
        let orders = self.orders.as_ref().ok_or_else(stopped)?;
        orders.send(order).await.map_err(|_| stopped())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been answered with errors already.
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, mut inbox: mpsc::Receiver<Order>) {
    while let Some(order) = inbox.blocking_recv() {
        match order {
            Order::LookUp(batch, answer) => {
                let kept = is_kept(connection, batch);
                let _ = answer.send(kept.map(|kept| if kept { Committed::Yes } else { Committed::No }));
            }
            Order::Commit(batch, answer) => {
                let outcome = commit(connection, &batch);
                let fatal = outcome.as_ref().is_err_and(is_fatal);
                let _ = answer.send(outcome);
                if fatal {
                    tracing::error!("the disk failed under the database; it takes no more commits");
                    return;
                }
            }
        }
    }
}

fn is_fatal(error: &Error) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref());
    source.is_some_and(disk_failed)
}

fn commit(connection: &Connection, batch: &Prepared) -> Result<Commit, Error> {
    let run = |sql, doing| {
        let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map_err(|error| failed(doing, error))
    };
    run("BEGIN IMMEDIATE", "begin a batch")?;
    let outcome = batch.execute(connection).and_then(|commit| {
        if commit == Commit::Committed {
            run("COMMIT", "keep a batch")?;
        }
        Ok(commit)
    });
    // Some errors, a full disk among them, have rolled back already.
    if !connection.is_autocommit() {
        run("ROLLBACK", "undo a batch")?;
    }
    outcome
}
