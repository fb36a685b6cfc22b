//! The house that tests live in: an engine over memory, two scripted channels and a scripted webhook.
//!
//! A connector's callback is a line of words (`receipt ID TOKEN|- STATUS`), so that tests can write them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use connector_api::{
    Abilities, Callback, Connector, Forged, Genuine, HttpOut, HttpRequest, HttpResponse, Inbound, Line,
    Located, OutError, Outbound, SendError, Unreadable,
};
use domain::app::{App, ChannelAccount, ProcessingMode, UnknownPolicy};
use domain::channel::{Address, Channel};
use domain::command::admin::{CreateTenant, PutApp};
use domain::command::send::{Recipient, Send};
use domain::content::{Body, Content, Media};
use domain::delivery::{Delivery, Outcome, Priority, Reason, ReasonKind, Receipt, Status};
use domain::event::{Event, Fact};
use domain::id::{AppId, Id, MessageId, TenantId};
use domain::message::Message;
use domain::record::{Key, Kind};
use domain::tenant::Tenant;
use domain::time::Time;
use engine::{Dialect, Engine, Ids, Limits, Parts, Registered, domain};
use futures_util::future::BoxFuture;
use ports::store::{Page, Row};
use ports::{Error, Reads, Store};
use testkit::memory::Trick;
use testkit::{FakeClock, MemoryFiles, MemoryStore};
use tokio::sync::oneshot;

pub const TENANT: TenantId = TenantId(Id(1));
pub const APP: AppId = AppId(Id(2));

/// What a scripted channel does with one hand-over; without a script it accepts.
pub enum Answer {
    Now(Outcome),
    /// When the test says so; never, if the sender is kept.
    Later(oneshot::Receiver<Outcome>),
}

/// A channel that follows a script and remembers what it was given.
pub struct Scripted {
    name: &'static str,
    abilities: Abilities,
    script: Mutex<VecDeque<Answer>>,
    sent: Mutex<Vec<(String, String)>>,
    parts_done: Mutex<Vec<Vec<Arc<str>>>>,
    /// Abilities may be asked so often before it panics once.
    panic_in: AtomicUsize,
}

impl Scripted {
    fn new(name: &'static str, repeating_is_safe: bool) -> Arc<Scripted> {
        let abilities = Abilities {
            repeating_is_safe,
            reports_delivered: true,
            answer_timeout_ms: 3_600_000,
            ..Abilities::default()
        };
        let panic_in = AtomicUsize::new(usize::MAX);
        let (script, sent, parts_done) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Scripted { name, abilities, script, sent, parts_done, panic_in })
    }

    pub fn will(&self, answer: Answer) {
        self.script.lock().unwrap().push_back(answer);
    }

    pub fn answers(&self, outcome: Outcome) {
        self.will(Answer::Now(outcome));
    }

    /// Panics when its abilities are asked for once more than this often.
    pub fn panics_after(&self, times: usize) {
        self.panic_in.store(times, Ordering::Relaxed);
    }

    /// The parts that each hand-over was told to leave out.
    pub fn parts_done(&self) -> Vec<Vec<String>> {
        let names = |parts: &Vec<Arc<str>>| parts.iter().map(|part| part.to_string()).collect();
        self.parts_done.lock().unwrap().iter().map(names).collect()
    }

    /// Texts, and URLs of files, in the order they were handed over.
    pub fn texts(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(text, _)| text.clone()).collect()
    }

    /// Our tokens in the order they were handed over.
    pub fn tokens(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(_, token)| token.clone()).collect()
    }
}

impl Connector for Scripted {
    fn channel(&self) -> &'static str {
        self.name
    }

    fn abilities(&self) -> &Abilities {
        let left = self.panic_in.fetch_sub(1, Ordering::Relaxed);
        assert!(left > 0, "as the test wished");
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        Some(address.to_owned())
    }

    fn authenticate<'r>(&self, callback: &'r Callback, _line: &Line) -> Result<Genuine<'r>, Forged> {
        callback.token("x-token", "genuine")
    }

    fn read(&self, callback: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        let words = String::from_utf8(callback.body().to_vec()).map_err(|_| Unreadable(String::new()))?;
        let words: Vec<&str> = words.split(' ').collect();
        let (id, token, status) = match words[..] {
            ["receipt", id, token, status] => (id, token, status),
            ["message", from, source, text] => return Ok(vec![said(from, source, Content::text(text))]),
            ["file", source] => return Ok(vec![said("1", source, picture(source))]),
            _ => return Err(Unreadable("?".to_owned())),
        };
        let status = match status {
            "read" => Status::Read,
            "delivered" => Status::Delivered,
            _ => Status::Failed,
        };
        Ok(vec![Inbound::Receipt {
            provider_id: Arc::from(id),
            token: (token != "-").then(|| Arc::from(token)),
            recipient: None,
            receipt: Receipt { status, reason: None, at: Time(0) },
        }])
    }

    /// Files say by their ids how asking for them goes.
    fn locate<'a>(&'a self, _: &'a Line, media: &'a Media) -> BoxFuture<'a, Result<Located, SendError>> {
        Box::pin(async move {
            match media.url.as_str() {
                "provider:unknown" => {
                    Err(SendError::Permanent(Reason::new(ReasonKind::MediaUnavailable, "never heard of it")))
                }
                "provider:locked" => {
                    Err(SendError::Permanent(Reason::new(ReasonKind::ChannelBadConfiguration, "bad token")))
                }
                "provider:poison" => panic!("as the test wished"),
                url => Ok(Located::open(url)),
            }
        })
    }

    fn send<'a>(&'a self, _line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let words = match &message.content.body {
                Body::Text(text) => text,
                Body::Media(media) => &media.url,
                _ => panic!("tests send texts and files"),
            };
            self.sent.lock().unwrap().push((words.clone(), message.token.to_string()));
            self.parts_done.lock().unwrap().push(message.parts_done.clone());
            let next = self.script.lock().unwrap().pop_front();
            match next {
                Some(Answer::Now(outcome)) => outcome,
                Some(Answer::Later(outcome)) => {
                    outcome.await.unwrap_or(Outcome::Unknown { parts: Vec::new() })
                }
                None => accepted(&format!("{}-{}", self.name, self.sent.lock().unwrap().len())),
            }
        })
    }
}

fn said(from: &str, source: &str, content: Content) -> Inbound {
    Inbound::Message {
        from: Arc::from(from),
        name: String::new(),
        source_id: Arc::from(source),
        content,
        reply_to: None,
        language: String::new(),
    }
}

/// A picture that the provider knows by this id.
fn picture(id: &str) -> Content {
    let (url, mime) = (format!("provider:{id}"), "image/jpeg".to_owned());
    Content::from_body(Body::Media(Media { url, mime, ..Media::default() }))
}

pub fn accepted(id: &str) -> Outcome {
    Outcome::Accepted { parts: vec![Arc::from(id)] }
}

pub fn reason(words: &str) -> Reason {
    Reason::new(ReasonKind::ChannelRejected, words)
}

pub fn unknown() -> Outcome {
    Outcome::Unknown { parts: Vec::new() }
}

/// A webhook that follows a script of statuses and remembers bodies; without a script it answers 200.
#[derive(Default)]
pub struct Hook {
    pub statuses: Mutex<VecDeque<u16>>,
    bodies: Mutex<Vec<String>>,
    /// With what each call was signed.
    signers: Mutex<Vec<String>>,
    /// Tricks that the store plays right after the next call.
    pub tricks: Mutex<Option<(MemoryStore, Vec<Trick>)>>,
}

impl Hook {
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub fn signers(&self) -> Vec<String> {
        self.signers.lock().unwrap().clone()
    }

    pub fn answers(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }
}

impl HttpOut for Hook {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            self.bodies.lock().unwrap().push(String::from_utf8_lossy(&request.body).into_owned());
            let signer = request.headers.get("x-secret").and_then(|secret| secret.to_str().ok());
            self.signers.lock().unwrap().push(signer.unwrap_or_default().to_owned());
            if let Some((store, tricks)) = self.tricks.lock().unwrap().take() {
                tricks.into_iter().for_each(|trick| store.play(trick));
            }
            let status = self.statuses.lock().unwrap().pop_front().unwrap_or(200);
            Ok(HttpResponse { status, headers: http::HeaderMap::new(), body: bytes::Bytes::new() })
        })
    }
}

/// A provider's store of files that follows a script; without a script it never answers.
#[derive(Default)]
pub struct Provider {
    answers: Mutex<VecDeque<Result<HttpResponse, OutError>>>,
    asked: Mutex<Vec<String>>,
    more: tokio::sync::Notify,
}

impl Provider {
    pub fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: &'static str) {
        let pairs = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        let body = bytes::Bytes::from_static(body.as_bytes());
        self.will(Ok(HttpResponse { status, headers: pairs.collect(), body }));
    }

    pub fn will(&self, answer: Result<HttpResponse, OutError>) {
        self.answers.lock().unwrap().push_back(answer);
        self.more.notify_waiters();
    }

    /// The URLs that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl HttpOut for Provider {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(request.url);
            loop {
                let more = self.more.notified();
                let next = self.answers.lock().unwrap().pop_front();
                match next {
                    Some(answer) => return answer,
                    None => more.await,
                }
            }
        })
    }
}

/// Reads of a memory store that can be held between reading a page of the log and giving it out.
#[derive(Clone, Default)]
pub struct HeldReads {
    pub store: MemoryStore,
    pub hold: Arc<Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>>,
}

impl Reads for HeldReads {
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>> {
        self.store.page(page)
    }

    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        Box::pin(async move {
            let page = self.store.events(tenant, after, limit).await;
            let held = self.hold.lock().unwrap().take();
            if let Some((reached, go)) = held {
                let _ = reached.send(());
                let _ = go.await;
            }
            page
        })
    }

    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        self.store.events_of_message(tenant, message)
    }

    fn rows_after(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.rows_after(kind, after, limit)
    }

    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.scan(tenant, kind)
    }
}

/// Everything around an engine; engines may come and go over it.
pub struct House {
    pub store: MemoryStore,
    pub reads: HeldReads,
    pub clock: FakeClock,
    pub alpha: Arc<Scripted>,
    pub beta: Arc<Scripted>,
    pub hook: Arc<Hook>,
    pub provider: Arc<Provider>,
    pub files: MemoryFiles,
    pub dialects: Vec<Arc<dyn Dialect>>,
    pub limits: Limits,
}

impl House {
    /// ALPHA holds what is unknown, BETA may repeat it.
    pub fn new() -> House {
        let store = MemoryStore::new();
        House {
            reads: HeldReads { store: store.clone(), ..HeldReads::default() },
            store,
            clock: FakeClock::at(Time(1_700_000_000_000)),
            alpha: Scripted::new("ALPHA", false),
            beta: Scripted::new("BETA", true),
            hook: Arc::default(),
            provider: Arc::default(),
            files: MemoryFiles::default(),
            dialects: Vec::new(),
            limits: Limits::default(),
        }
    }

    fn parts(&self, store: Arc<dyn Store>) -> Parts {
        let registered = |one: &Arc<Scripted>| Registered { connector: one.clone(), session: None };
        Parts {
            store,
            reads: Arc::new(self.reads.clone()),
            claims: Arc::new(self.store.clone()),
            files: Arc::new(self.files.clone()),
            inspect: Arc::new(testkit::Believing),
            clock: Arc::new(self.clock.clone()),
            ids: Arc::new(Ids::new(self.store.commits() + 1)),
            channels: vec![registered(&self.alpha), registered(&self.beta)],
            dialects: self.dialects.clone(),
            provider_http: self.provider.clone(),
            callback_http: self.hook.clone(),
            links: engine::FileLinks::new(Arc::from("http://localhost"), [0; 32]),
            limits: self.limits,
        }
    }

    pub async fn start_over(&self, store: Arc<dyn Store>) -> Engine {
        Engine::start(self.parts(store)).await.unwrap()
    }

    /// An engine for commands alone.
    pub async fn open_alone(&self) -> Engine {
        Engine::open(self.parts(Arc::new(self.store.clone()))).await.unwrap()
    }

    /// An engine over what is there.
    pub async fn start(&self) -> Engine {
        self.start_over(Arc::new(self.store.clone())).await
    }

    /// An engine with a tenant and its app.
    pub async fn open(&self) -> Engine {
        let engine = self.start().await;
        found(&engine, None).await;
        engine
    }

    /// What the log says of deliveries, in order.
    pub fn statuses(&self) -> Vec<Status> {
        let facts = self.store.all_events().into_iter().map(|event| event.fact);
        facts
            .filter_map(
                |fact| {
                    if let Fact::DeliveryChanged(change) = fact { Some(change.status) } else { None }
                },
            )
            .collect()
    }

    pub fn submitted(&self) -> usize {
        self.store.all_events().iter().filter(|event| event.fact == Fact::MessageSubmitted).count()
    }
}

pub async fn found(engine: &Engine, unknown_policy: Option<UnknownPolicy>) {
    let tenant = Tenant {
        id: TENANT,
        name: "one".to_owned(),
        account_number: 0,
        site_id: String::new(),
        disabled: false,
    };
    engine.execute(CreateTenant(tenant)).await.unwrap();
    let account = |channel: &str| ChannelAccount {
        channel: Channel::new(channel),
        account: "us".to_owned(),
        settings: Vec::new(),
    };
    let app = App {
        id: APP,
        tenant: TENANT,
        number: 0,
        name: "shop".to_owned(),
        identifier: "shop".to_owned(),
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: vec![account("ALPHA"), account("BETA"), account(Channel::CONNECTOR)],
        unknown_policy,
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1_000,
        patience: Default::default(),
    };
    engine.execute(PutApp(app)).await.unwrap();
}

/// A text to `person` over these channels, in this order.
pub fn text(person: &str, text: &str, channels: &[&str]) -> Send {
    let addresses = channels.iter().map(|channel| (Address::new(channel, person), false));
    Send {
        tenant: TENANT,
        app: APP,
        recipient: Recipient::Identities(addresses.collect()),
        content: Content::text(text),
        order: Vec::new(),
        callback_url: None,
        metadata: String::new(),
        conversation_metadata: None,
        correlation_id: None,
        priority: Priority::Normal,
        ttl_s: None,
        dispatch_only: false,
        class: Default::default(),
        shown_agent: String::new(),
    }
}

pub async fn send(engine: &Engine, command: Send) -> MessageId {
    engine.execute(command).await.unwrap().message
}

pub async fn delivery(engine: &Engine, message: MessageId) -> Delivery {
    let message = engine.get::<Message>(TENANT, message.0).await.unwrap().unwrap();
    message.delivery.clone().unwrap()
}

pub async fn until_status(engine: &Engine, message: MessageId, status: Status) {
    until(async || delivery(engine, message).await.status == status).await;
}

/// Lets everything else run until this holds.
pub async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..20_000 {
        if holds().await {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("what was waited for did not come");
}

/// Lets everything that can run, run.
pub async fn quiet() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

pub async fn callback(engine: &Engine, channel: &str, words: &str) {
    engine.provider_callback(channel, APP, genuine(words)).await.unwrap();
}

pub fn genuine(words: &str) -> Callback {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-token", http::HeaderValue::from_static("genuine"));
    Callback { headers, query: String::new(), body: bytes::Bytes::from(words.to_owned()) }
}

/// One process: everything that it runs dies with it, in the middle of whatever it does.
pub fn life<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run)
}
