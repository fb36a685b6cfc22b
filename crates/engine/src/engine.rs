//! The handle that faces and the server hold: run a command, read rows and lists, stop.
//! It decides nothing itself.

mod reads;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use connector_api::{Connector, HttpOut, Session};
use domain::channel::{Address, Channel};
use domain::command::Command;
use domain::command::consumer::Signal;
use domain::conversation::Party;
use domain::event::SignalKind;
use domain::id::{AppId, ConversationId, Id, MessageId, TenantId};
use domain::record::{Key, Pointer};
use domain::time::Time;
use ports::{Claims, Clock, Files, Inspect, Reads, Store};
use tokio::sync::{Notify, watch};

use crate::batcher::{self, Batcher, NewJobs};
use crate::cache::Shared;
use crate::dialect::Dialect;
use crate::directory::Directory;
use crate::files::Fetching;
use crate::hold::Hold;
use crate::ids::Ids;
use crate::level::Level;
use crate::limits::Limits;
use crate::links::FileLinks;
use crate::once::{Keyed, OnceFailure, OnceKey, OnceRefusal, StoredAnswer};
use crate::tail::Tail;
use crate::{courier, keeper, log, runner, watchdog};

/// A channel as the registry gives it.
#[derive(Clone)]
pub struct Registered {
    pub connector: Arc<dyn Connector>,
    pub session: Option<Arc<dyn Session>>,
}

/// Everything the engine needs from outside.
#[derive(Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub reads: Arc<dyn Reads>,
    pub claims: Arc<dyn Claims>,
    pub files: Arc<dyn Files>,
    /// What a file is that came in.
    pub inspect: Arc<dyn Inspect>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub channels: Vec<Registered>,
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// To channel providers.
    pub provider_http: Arc<dyn HttpOut>,
    /// To URLs that customers give us.
    pub callback_http: Arc<dyn HttpOut>,
    /// Where this server is reached, and how it signs links to files.
    pub links: FileLinks,
    pub limits: Limits,
}

/// Why a command has no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure<R> {
    /// It said no; nothing was kept.
    Refused(R),
    /// It could not be made durable, or too much waits. Nothing is promised; the client may repeat it.
    Unavailable(String),
}

/// The running engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    batcher: Batcher,
    cache: Shared,
    tail: Tail,
    channels: HashMap<&'static str, Registered>,
    directory: Arc<RwLock<Arc<Directory>>>,
    /// The newest committed position; readers of the log wait on it.
    head: watch::Receiver<u64>,
    /// The same for the engine's own readers.
    log: Arc<Level>,
    /// Above 0: the engine is to stop.
    stopping: Arc<Level>,
    closed: AtomicBool,
    /// Why nothing can be kept any more.
    broken: watch::Receiver<Option<Arc<str>>>,
    background: tokio::sync::Mutex<Vec<tokio::task::JoinHandle<()>>>,
    directory_changed: Arc<Notify>,
    /// Messages that a job of this process is handing over.
    held: Mutex<HashSet<MessageId>>,
    /// Whether hand-overs are paused.
    hold: Hold,
    log_name: Id,
    fetching: Fetching,
}

/// A message that one job holds; let go when dropped.
pub(crate) struct Held<'a> {
    engine: &'a Engine,
    message: MessageId,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.engine.held().remove(&self.message);
    }
}

impl Engine {
    /// Opens it for commands and questions alone: nothing is handed over, posted, fetched or forgotten.
    pub async fn open(parts: Parts) -> Result<Engine, ports::Error> {
        Engine::opened(parts).await.map(|(engine, _)| engine)
    }

    /// Loads the directory, finds open work and starts the background actors.
    pub async fn start(parts: Parts) -> Result<Engine, ports::Error> {
        let (engine, jobs) = Engine::opened(parts).await?;
        let runner = tokio::spawn(runner::run(engine.clone(), jobs));
        let courier = tokio::spawn(courier::run(engine.clone()));
        let sessions = tokio::spawn(runner::hold_sessions(engine.clone()));
        let keeper = tokio::spawn(keeper::run(engine.clone()));
        let watchdog = tokio::spawn(watchdog::run(engine.clone()));
        engine.inner.background.lock().await.extend([runner, courier, sessions, keeper, watchdog]);
        Ok(engine)
    }

    /// An engine that decides and commits, and the jobs that come of that.
    async fn opened(parts: Parts) -> Result<(Engine, NewJobs), ports::Error> {
        let started = batcher::start(&parts).await?;
        let hold = Hold::load(&*parts.store).await?;
        let log_name = log::name(&started.batcher, parts.ids.next(parts.clock.now())).await?;
        let channels = parts.channels.iter().map(|one| (one.connector.channel(), one.clone())).collect();
        let engine = Engine {
            inner: Arc::new(Inner {
                batcher: started.batcher,
                cache: started.cache,
                tail: started.tail,
                channels,
                directory: started.directory,
                head: started.head,
                log: started.log,
                stopping: Arc::default(),
                closed: AtomicBool::new(false),
                broken: started.broken,
                background: tokio::sync::Mutex::new(vec![started.task]),
                directory_changed: started.directory_changed,
                held: Mutex::default(),
                hold,
                log_name,
                fetching: Fetching::new(parts.limits.open_fetches_max),
                parts,
            }),
        };
        Ok((engine, started.jobs))
    }

    fn held(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message for one job. `None`: another job of this process has it, so an attempt that is open now is
    /// that job's, and not one that a crash left behind.
    pub(crate) fn hold(&self, message: MessageId) -> Option<Held<'_>> {
        let free = self.held().insert(message);
        free.then(|| Held { engine: self, message })
    }

    /// Decides and commits a command. The answer comes after everything is durable. Refused after a stop.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Answer, Failure<C::Refusal>> {
        if !self.is_ready() {
            return Err(Failure::Unavailable("the server is shutting down".to_owned()));
        }
        self.conclude(command).await
    }

    /// The same for what is under way already: it is kept until the batcher itself closes.
    pub(crate) async fn conclude<C: Command>(&self, command: C) -> Result<C::Answer, Failure<C::Refusal>> {
        if !self.has_room_for::<C>() {
            return Err(full());
        }
        self.inner.batcher.execute(command).await
    }

    /// Decides a command whose answer is remembered under a key: the same request gets it again.
    pub async fn execute_once<C, F>(
        &self,
        key: OnceKey,
        command: C,
        render: F,
    ) -> Result<StoredAnswer, OnceFailure<C::Refusal>>
    where
        C: Command,
        F: Fn(&C::Answer) -> StoredAnswer + Send + 'static,
    {
        let (kept_s, has_room) = (self.inner.parts.limits.answers_kept_s, self.has_room_for::<C>());
        match self.execute(Keyed { key, kept_s, has_room, command, render }).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Unavailable(why)) => Err(OnceFailure::Failed(Failure::Unavailable(why))),
            Err(Failure::Refused(OnceRefusal::Reused)) => Err(OnceFailure::Reused),
            Err(Failure::Refused(OnceRefusal::Full)) => Err(OnceFailure::Failed(full())),
            Err(Failure::Refused(OnceRefusal::Inner(refusal))) => {
                Err(OnceFailure::Failed(Failure::Refused(refusal)))
            }
        }
    }

    /// Whether the store takes what a command brings.
    fn has_room_for<C: Command>(&self) -> bool {
        !C::BRINGS_CONTENT || self.inner.parts.store.has_room()
    }

    /// The snapshot of tenants, apps, agents, credentials and subscriptions.
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest committed position of the log, to wait on.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.inner.head.clone()
    }

    /// The newest committed position as a number, where a new subscription starts.
    pub fn position(&self) -> u64 {
        *self.inner.head.borrow()
    }

    /// Which log this is: positions of another one, such as that of the server a backup came from, say nothing here.
    pub fn log_name(&self) -> Id {
        self.inner.log_name
    }

    pub(crate) fn delivery_hold(&self) -> &Hold {
        &self.inner.hold
    }

    /// A channel's connector: abilities, address forms.
    pub fn connector(&self, channel: &str) -> Option<Arc<dyn Connector>> {
        self.inner.channels.get(channel).map(|one| one.connector.clone())
    }

    /// Names of the channels that this server knows, in registry order.
    pub fn channels(&self) -> Vec<&'static str> {
        self.inner.parts.channels.iter().map(|one| one.connector.channel()).collect()
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Time {
        self.inner.parts.clock.now()
    }

    /// A fresh id, for entities that a face makes whole (files, credentials, apps).
    pub fn new_id(&self) -> Id {
        self.inner.parts.ids.next(self.now())
    }

    /// Where this server is reached, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.inner.parts.links.base_url()
    }

    /// Links to stored files for those who hold no key.
    pub fn links(&self) -> &FileLinks {
        &self.inner.parts.links
    }

    /// Whether commands are accepted.
    pub fn is_ready(&self) -> bool {
        self.inner.stopping.height() == 0 && !self.is_over()
    }

    /// Whether nothing can be kept any more: the batcher is closed, or the store broken.
    pub(crate) fn is_over(&self) -> bool {
        self.inner.closed.load(Ordering::Acquire) || self.inner.broken.borrow().is_some()
    }

    /// Returns, with the reason, once the store failed so that nothing after it can be trusted. Whoever runs the
    /// engine must then end the process; what was acknowledged is found again at the next start.
    pub async fn broken(&self) -> Arc<str> {
        let mut broken = self.inner.broken.clone();
        let told = async {
            match broken.wait_for(Option::is_some).await.map(|why| why.clone()) {
                Ok(Some(why)) => why,
                // The batcher ended in peace.
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            why = told => why,
            error = self.inner.parts.store.failure() => error.to_string().into(),
        }
    }

    /// The person behind an address types, or stops: told to subscribers of the active conversation, if any.
    pub async fn consumer_signal(
        &self,
        tenant: TenantId,
        app: AppId,
        scoped: bool,
        from: Address,
        signal: SignalKind,
    ) {
        let identity = Key::identity(tenant, scoped.then_some(app), &from);
        let Ok(Some(contact)) = self.row::<Pointer>(identity).await else {
            return;
        };
        let contact = domain::id::ContactId(contact.target);
        let active = Key::active_conversation(tenant, app, contact);
        let Ok(Some(conversation)) = self.row::<Pointer>(active).await else {
            return;
        };
        let conversation = ConversationId(conversation.target);
        let by = Party::Consumer;
        let command =
            Signal { tenant, conversation, address: Some(from), signal, by, contact: Some(contact) };
        // A signal that is lost is no loss: the next one follows.
        drop(self.execute(command).await);
    }

    /// Refuses new commands, lets open attempts and callbacks finish within the limit, then stops the batcher. What
    /// is open beyond the limit is left as a crash would leave it: found again at the next start.
    pub async fn shutdown(&self) {
        self.inner.stopping.rise(1);
        let mut tasks = std::mem::take(&mut *self.inner.background.lock().await);
        let batcher = tasks.remove(0);
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task ended badly");
            }
        }
        self.inner.closed.store(true, Ordering::Release);
        self.inner.batcher.close();
        if let Err(error) = batcher.await {
            tracing::error!(%error, "the batcher ended badly");
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn fetching(&self) -> &Fetching {
        &self.inner.fetching
    }

    pub(crate) fn provider_http(&self) -> Arc<dyn HttpOut> {
        self.inner.parts.provider_http.clone()
    }

    pub(crate) fn registered(&self, channel: &Channel) -> Option<&Registered> {
        self.inner.channels.get(channel.as_str())
    }

    pub(crate) fn stopping(&self) -> Arc<Level> {
        self.inner.stopping.clone()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.inner.stopping.height() > 0
    }

    /// Waits until what was open at the stop must end.
    pub(crate) async fn patience_is_over(&self) {
        let until = self.now().plus_ms(self.inner.parts.limits.shutdown_ms_max);
        self.inner.parts.clock.wait_until(until).await;
    }

    /// The newest committed position, to wait on within the engine.
    pub(crate) fn log(&self) -> Arc<Level> {
        self.inner.log.clone()
    }

    pub(crate) fn directory_changed(&self) -> Arc<Notify> {
        self.inner.directory_changed.clone()
    }
}

/// The answer to what brings content when there is no room for it.
fn full<R>() -> Failure<R> {
    metrics::counter!("trunkline_refused_for_room_total").increment(1);
    Failure::Unavailable("the database has no room for more".to_owned())
}

/// Returns once the engine is asked to stop.
pub(crate) async fn stopped(stopping: &Level) {
    stopping.above(0).await;
}
