//! An engine over a store in memory with two tenants, and a client that speaks to the face's router in process.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::app::{App, ChannelAccount, ProcessingMode};
use domain::channel::{Address, Channel};
use domain::command::admin::{CreateTenant, PutApp, PutCredential};
use domain::command::receipt::TakeReceipt;
use domain::command::receive::Receive;
use domain::command::{Command, Person};
use domain::contact::Contact;
use domain::content::{Content, Face};
use domain::delivery::{Reason, Receipt, Status};
use domain::event::Fact;
use domain::id::{AppId, Id, KeyId, MessageId, TenantId};
use domain::message::Message;
use domain::record::Key;
use domain::tenant::{Credential, Tenant};
use domain::time::Time;
use domain::view::{Halt, View};
use engine::{Engine, Ids, Limits, Parts, Registered};
use face_sinch::Settings;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{FakeClock, MemoryFiles, MemoryStore, NoWayOut, Phone, Subscriber};
use tower::ServiceExt as _;

/// A bound on waiting for what must come, not a measure of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// 2025-03-04T05:06:07.123Z.
pub const NOW: Time = Time(1_741_064_767_123);

pub struct World {
    pub engine: Engine,
    pub store: MemoryStore,
    pub clock: FakeClock,
    pub router: Router,
    pub sms: Phone,
    pub rcs: Phone,
    pub subscriber: Subscriber,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn tenant(number: u128) -> TenantId {
    TenantId(Id(0x1000 + number))
}

/// Of each tenant the first app converses, the second dispatches, the third dispatches and retains for 7 days.
pub fn app(tenant: u128, number: u128) -> AppId {
    AppId(Id(0x2000 + tenant * 0x10 + number))
}

/// A world without the vendor's rates.
pub async fn world() -> World {
    world_of(Settings::new([9; 32])).await
}

pub async fn world_of(settings: Settings) -> World {
    let world = open(MemoryStore::new(), FakeClock::at(NOW), settings, 7).await;
    for number in [1, 2] {
        furnish(&world.engine, number).await;
    }
    world
}

async fn open(store: MemoryStore, clock: FakeClock, settings: Settings, seed: u64) -> World {
    let (sms, rcs) = (Phone::new("SMS", false), Phone::new("RCS", false));
    let subscriber = Subscriber::default();
    let channel = |phone: &Phone| Registered { connector: Arc::new(phone.clone()), session: None };
    let engine = Engine::start(Parts {
        store: Arc::new(store.clone()),
        reads: Arc::new(store.clone()),
        claims: Arc::new(store.clone()),
        files: Arc::new(MemoryFiles::default()),
        inspect: Arc::new(testkit::Believing),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(Ids::new(seed)),
        channels: vec![channel(&sms), channel(&rcs), channel(&Phone::new("MESSENGER", true))],
        dialects: vec![face_sinch::dialect(&settings)],
        provider_http: Arc::new(NoWayOut),
        callback_http: Arc::new(subscriber.clone()),
        links: engine::FileLinks::new(Arc::from("http://trunkline.test"), [0; 32]),
        limits: Limits::default(),
    })
    .await
    .unwrap();
    let router = face_sinch::router(engine.clone(), settings);
    World { engine, store, clock, router, sms, rcs, subscriber }
}

async fn furnish(engine: &Engine, number: u128) {
    let tenant = tenant(number);
    let row = Tenant {
        id: tenant,
        name: format!("tenant {number}"),
        account_number: 0,
        site_id: String::new(),
        disabled: false,
    };
    engine.execute(CreateTenant(row)).await.unwrap();
    let credential = Credential {
        id: KeyId(Id(0x3000 + number)),
        tenant,
        face: Face::Sinch,
        app: None,
        agent: None,
        public: format!("key-{number}"),
        secret_digest: Sha256::digest("s3cret").into(),
        secret: None,
        name: String::new(),
        revoked: false,
    };
    engine.execute(PutCredential(credential)).await.unwrap();
    let (converses, dispatches) = (ProcessingMode::Conversation, ProcessingMode::Dispatch);
    for (which, mode, days) in [(1, converses, 0), (2, dispatches, 0), (3, dispatches, 7)] {
        let an_app = an_app(tenant, app(number, which), mode);
        engine.execute(PutApp(App { dispatch_retention_days: days, ..an_app })).await.unwrap();
    }
}

fn an_app(tenant: TenantId, id: AppId, mode: ProcessingMode) -> App {
    let account =
        |name| ChannelAccount { channel: Channel::new(name), account: "us".to_owned(), settings: Vec::new() };
    App {
        id,
        tenant,
        number: 0,
        name: "Lockers".to_owned(),
        identifier: String::new(),
        mode,
        dispatch_retention_days: 0,
        channels: ["SMS", "RCS", "MESSENGER"].map(account).to_vec(),
        unknown_policy: None,
        override_callback_secret: Some("o".to_owned()),
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1000,
        patience: Default::default(),
    }
}

impl World {
    /// The same store behind a new engine, a minute later.
    pub async fn restarted(self) -> World {
        self.engine.shutdown().await;
        self.clock.advance_ms(60_000);
        open(self.store, self.clock, Settings::new([9; 32]), 8).await
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        self.call_with(method, path, headers, Body::from(body)).await
    }

    /// Posts bytes as the first tenant.
    pub async fn post_bytes(&self, rest: &str, body: Vec<u8>) -> Answer {
        let path = format!("/v1/projects/{}/{rest}", tenant(1).uuid());
        self.call_with("POST", &path, &[("authorization", &basic("key-1", "s3cret"))], Body::from(body)).await
    }

    async fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, headers, bytes, body }
    }

    /// As the first tenant.
    pub async fn as_first(&self, method: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/projects/{}/{rest}", tenant(1).uuid());
        self.call(method, &path, &[("authorization", &basic("key-1", "s3cret"))], body.to_string()).await
    }

    pub async fn get(&self, rest: &str) -> Answer {
        self.as_first("GET", rest, json!({})).await
    }

    pub async fn send(&self, body: Value) -> Answer {
        self.as_first("POST", "messages:send", body).await
    }

    /// The id of a message that must be accepted.
    pub async fn sent(&self, change: Value) -> String {
        let answer = self.send_with(change.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{change} {}", answer.body);
        answer.body["message_id"].as_str().unwrap().to_owned()
    }

    /// The message of a send that must be accepted, as it reads.
    pub async fn sent_message(&self, change: Value) -> Value {
        let id = self.sent(change).await;
        self.get(&format!("messages/{id}")).await.body
    }

    /// The person behind a number writes to an app of the first tenant.
    pub async fn writes(&self, which: u128, number: &str, words: &str) {
        self.says(which, number, Content::text(words)).await;
    }

    /// The same of any content.
    pub async fn says(&self, which: u128, number: &str, content: Content) {
        let receive = Receive {
            tenant: tenant(1),
            app: app(1, which),
            face: Face::Provider,
            from: Address::new("SMS", number),
            app_scoped: false,
            person: Person::default(),
            source_id: String::new(),
            content,
            reply_to: None,
            conversation: None,
            metadata: String::new(),
        };
        self.engine.execute(receive).await.unwrap();
    }

    /// The first tenant's channel reports about its first attempt at a message.
    pub async fn reports(&self, channel: &str, message: &str, status: Status, reason: Option<Reason>) {
        self.reports_of(1, channel, message, status, reason).await;
    }

    /// The same of a later attempt.
    pub async fn reports_of(
        &self,
        attempt: u32,
        channel: &str,
        message: &str,
        status: Status,
        reason: Option<Reason>,
    ) {
        let message = MessageId::parse(message).unwrap();
        let receipt = TakeReceipt {
            tenant: tenant(1),
            app: self.message(message).await.app,
            channel: Channel::new(channel),
            provider_id: Arc::from(format!("{}/{attempt}", message.ulid())),
            token: Some((message, attempt)),
            receipt: Receipt { status, reason, at: self.engine.now() },
        };
        self.engine.execute(receipt).await.unwrap();
    }

    pub async fn message(&self, id: MessageId) -> Arc<Message> {
        self.engine.get::<Message>(tenant(1), id.0).await.unwrap().unwrap()
    }

    /// Waits until a message of the first tenant has a status.
    pub async fn until(&self, id: &str, status: Status) -> Arc<Message> {
        let id = MessageId::parse(id).unwrap();
        let mut head = self.engine.head();
        loop {
            head.mark_unchanged();
            let message = self.message(id).await;
            if message.status() == status {
                return message;
            }
            tokio::time::timeout(PATIENCE, head.changed()).await.expect("the status comes").unwrap();
        }
    }

    /// The callbacks of the subscriber once there are so many, as JSON.
    pub async fn told(&self, count: usize) -> Vec<Value> {
        let got = tokio::time::timeout(PATIENCE, self.subscriber.got.at_least(count)).await;
        let got = got.expect("the callbacks come");
        assert_eq!(got.len(), count, "no more than expected");
        got.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    /// A webhook of the first tenant's app for these triggers; its id.
    pub async fn hears(&self, which: u128, triggers: &[&str]) -> String {
        let webhook = json!({"app_id": app(1, which).ulid(), "target": "https://hooks.example.org/a",
            "secret": "pepper", "triggers": triggers});
        let made = self.as_first("POST", "webhooks", webhook).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// The contact of the first tenant prefers these channels.
    pub async fn prefers(&self, contact: &str, channels: &[&str]) {
        let id = Id::parse(contact).unwrap();
        let contact = self.engine.get::<Contact>(tenant(1), id).await.unwrap().unwrap();
        let channel_priority = channels.iter().map(|name| Channel::new(name)).collect();
        self.engine.execute(Put(Contact { channel_priority, ..Contact::clone(&contact) })).await.unwrap();
    }

    /// How many times the log says so, of any tenant.
    pub fn said(&self, fact: fn(&Fact) -> bool) -> usize {
        self.store.all_events().iter().filter(|event| fact(&event.fact)).count()
    }

    /// A send of the plain request with members changed; `null` takes one out.
    pub async fn send_with(&self, change: Value) -> Answer {
        self.send(with(change)).await
    }
}

/// Writes a contact as it is, which no route here does yet.
struct Put(Contact);

impl Command for Put {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.put(Key::id::<Contact>(self.0.tenant, self.0.id.0), self.0.clone());
        Ok(())
    }
}

pub fn basic(key: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:{secret}")))
}

/// A plain request.
pub fn plain() -> Value {
    json!({
        "app_id": app(1, 1).ulid(),
        "recipient": {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": "+46 70 111"}]}},
        "message": {"text_message": {"text": "Your parcel waits"}},
    })
}

pub fn with(change: Value) -> Value {
    let patched = face_sinch::merge_patch(Some(&plain().to_string()), &change.to_string());
    serde_json::from_str(&patched).unwrap()
}
