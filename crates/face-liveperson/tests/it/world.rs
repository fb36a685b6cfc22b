//! An engine over a store in memory with two accounts, a client that speaks to the router in process, and a
//! subscriber that keeps the webhooks it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::body::Body;
use domain::app::{App, ProcessingMode};
use domain::command::admin::{CreateTenant, PutApp, PutCredential};
use domain::command::reply::Reply;
use domain::contact::Contact;
use domain::content::{Content, Face};
use domain::conversation::Conversation;
use domain::id::{AppId, ConversationId, Id, KeyId, TenantId};
use domain::message::Message;
use domain::record::List;
use domain::tenant::{Credential, Tenant};
use domain::time::Time;
use engine::{Engine, Ids, Limits, Parts};
use engine::{HttpOut, HttpRequest, HttpResponse, OutError};
use face_liveperson::Settings;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testkit::{FakeClock, MemoryFiles, MemoryStore};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

pub const ACCOUNT: &str = "70000001";
pub const KEY: [u8; 32] = [9; 32];
const NOW: Time = Time(1_700_000_000_040);

pub struct World {
    pub engine: Engine,
    /// The log's end before any request.
    pub position_when_furnished: u64,
    pub clock: FakeClock,
    pub webhooks: mpsc::Receiver<HttpRequest>,
    /// What subscribers answer.
    pub subscriber: Arc<Subscriber>,
    router: Router,
    parts: Parts,
    settings: Settings,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A subscriber that answers 200 until it is told otherwise, and shows what it was sent.
pub struct Subscriber {
    seen: mpsc::Sender<HttpRequest>,
    pub status: AtomicU16,
}

impl HttpOut for Subscriber {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            let kept = self.seen.send(request).await;
            kept.map_err(|_| OutError::NotSent("the test is over".to_owned()))?;
            let status = self.status.load(Ordering::SeqCst);
            Ok(HttpResponse { status, headers: HeaderMap::new(), body: bytes::Bytes::new() })
        })
    }
}

pub fn tenant(number: u128) -> TenantId {
    TenantId(Id(0x1000 + number))
}

pub async fn world() -> World {
    world_with(Settings::new(KEY)).await
}

pub async fn world_with(settings: Settings) -> World {
    let settings = Settings { public_authority: Some("lp.example.test:8443".to_owned()), ..settings };
    let (store, clock) = (MemoryStore::new(), FakeClock::at(NOW));
    let (sender, webhooks) = mpsc::channel(64);
    let subscriber = Arc::new(Subscriber { seen: sender, status: AtomicU16::new(200) });
    let parts = Parts {
        store: Arc::new(store.clone()),
        reads: Arc::new(store.clone()),
        claims: Arc::new(store.clone()),
        files: Arc::new(MemoryFiles::default()),
        inspect: Arc::new(testkit::Believing),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(Ids::new(7)),
        channels: Vec::new(),
        dialects: vec![face_liveperson::dialect(&settings)],
        provider_http: subscriber.clone(),
        callback_http: subscriber.clone(),
        links: engine::FileLinks::new(Arc::from("http://trunkline.test"), [0; 32]),
        limits: Limits::default(),
    };
    let engine = Engine::start(parts.clone()).await.unwrap();
    for number in [1, 2] {
        furnish(&engine, number).await;
    }
    let router = face_liveperson::router(engine.clone(), settings.clone());
    let position_when_furnished = engine.position();
    World { engine, position_when_furnished, clock, webhooks, subscriber, router, parts, settings }
}

async fn furnish(engine: &Engine, number: u128) {
    let tenant = tenant(number);
    let site_id = format!("7000000{number}");
    let row = Tenant { id: tenant, name: site_id.clone(), account_number: 0, site_id, disabled: false };
    engine.execute(CreateTenant(row)).await.unwrap();
    let app = AppId(Id(0x2000 + number));
    let logins = [
        (format!("client-{number}"), "s3cret", Some(app)),
        (format!("admin:7000000{number}:root"), "pass", None),
    ];
    for (place, (public, secret, app)) in logins.into_iter().enumerate() {
        let credential = Credential {
            id: KeyId(Id(0x3000 + number * 0x10 + place as u128)),
            tenant,
            face: Face::LivePerson,
            app,
            agent: None,
            public,
            secret_digest: Sha256::digest(secret).into(),
            secret: Some(secret.to_owned()),
            name: "bridge".to_owned(),
            revoked: false,
        };
        engine.execute(PutCredential(credential)).await.unwrap();
    }
    engine.execute(PutApp(an_app(tenant, app))).await.unwrap();
}

fn an_app(tenant: TenantId, id: AppId) -> App {
    App {
        id,
        tenant,
        number: 0,
        name: "Lockers".to_owned(),
        identifier: String::new(),
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: Vec::new(),
        unknown_policy: None,
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1000,
        patience: Default::default(),
    }
}

impl World {
    /// Stops the engine and starts another over the same store.
    pub async fn restart(&mut self) {
        self.engine.shutdown().await;
        self.engine = Engine::start(self.parts.clone()).await.unwrap();
        self.router = face_liveperson::router(self.engine.clone(), self.settings.clone());
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || json!(String::from_utf8_lossy(&bytes));
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { status, headers, body }
    }

    pub async fn app_token(&self, number: u128) -> String {
        let path = format!(
            "/sentinel/api/account/7000000{number}/app/token?v=1.0&grant_type=client_credentials\
             &client_id=client-{number}&client_secret=s3cret"
        );
        let answer = self.call("POST", &path, &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn consumer_token(&self, number: u128, external: &str) -> String {
        let app = self.app_token(number).await;
        let path = format!("/api/account/7000000{number}/consumer?v=1.0");
        let body = json!({ "ext_consumer_id": external }).to_string();
        let answer = self.call("POST", &path, &[("authorization", &app)], body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// CREATE or SEND (with `/send`) as a consumer of the first account.
    pub async fn speak(&self, consumer: &str, tail: &str, body: &Value) -> Answer {
        self.speak_with(consumer, tail, &[], body.to_string()).await
    }

    /// The same with further headers and any bytes.
    pub async fn speak_with(
        &self,
        consumer: &str,
        tail: &str,
        further: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let app = self.app_token(1).await;
        let consumer = self.consumer_token(1, consumer).await;
        let path = format!("/api/account/{ACCOUNT}/messaging/consumer/conversation{tail}?v=3");
        let mut headers = vec![("authorization", app.as_str()), ("X-LP-ON-BEHALF", consumer.as_str())];
        headers.extend(further);
        self.call("POST", &path, &headers, body).await
    }

    /// SEND under an idempotency key.
    pub async fn send_once(&self, consumer: &str, key: &str, body: &Value) -> Answer {
        self.speak_with(consumer, "/send", &[("Idempotency-Key", key)], body.to_string()).await
    }

    /// Changes a field of a conversation, or several.
    pub async fn set_field(&self, consumer: &str, conversation: &str, field: Value) -> Answer {
        self.speak(consumer, "/send", &update_field(conversation, field)).await
    }

    /// A message of the first account and what it says, as every face reads it.
    pub async fn message(&self, number: u64) -> Option<(Arc<Message>, Arc<Content>)> {
        let (tenants, mut found) = ((List::ConversationsOfTenant, tenant(1).0), None);
        for conversation in 1.. {
            let conversation =
                self.engine.at::<Conversation>(tenant(1), tenants, conversation).await.unwrap()?;
            let messages = (List::MessagesOfConversation, conversation.id.0);
            found = self.engine.at::<Message>(tenant(1), messages, number).await.unwrap();
            if found.is_some() {
                break;
            }
        }
        let message = found?;
        let content = self.engine.get::<Content>(tenant(1), message.id.0).await.unwrap().unwrap();
        Some((message, content))
    }

    /// A contact of the first account.
    pub async fn contact(&self, number: u64) -> Arc<Contact> {
        let contacts = (List::ContactsOfTenant, tenant(1).0);
        self.engine.at::<Contact>(tenant(1), contacts, number).await.unwrap().unwrap()
    }

    /// An agent writes through the agents' side; gives the message.
    pub async fn reply(&self, conversation: &str, content: Content) -> Arc<Message> {
        let reply = Reply {
            tenant: tenant(1),
            conversation: ConversationId::parse(conversation).unwrap(),
            agent: None,
            private: false,
            content,
            in_reply_to: None,
            attributes: String::new(),
            source_id: String::new(),
        };
        self.engine.execute(reply).await.unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// Uploads a file as a consumer of the first account; gives its path.
    pub async fn upload(&self, consumer: &str, bytes: &[u8]) -> String {
        let body = json!({ "fileSize": bytes.len(), "fileType": "PNG" });
        let request = json!({ "id": "3", "type": "ms.GenerateURLForUploadFile", "body": body });
        let answer = self.speak(consumer, "/send", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let put = self.call("PUT", &signed_url(&answer.body["body"]), &[], bytes.to_vec()).await;
        assert_eq!(put.status, 201);
        answer.body["body"]["relativePath"].as_str().unwrap().to_owned()
    }

    /// Waits until the installation's webhooks are held back after so many tries.
    pub async fn held_back(&self, attempts: u32) {
        let subscription = self.engine.directory().subscriptions_of(tenant(1)).next().unwrap().id;
        for _ in 0..100_000 {
            let parked = self.engine.parked(tenant(1), subscription).await.unwrap();
            if parked.iter().any(|parked| parked.attempts == attempts) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("no webhook was tried {attempts} times");
    }

    /// The bearer of an account's administrator.
    pub async fn bearer(&self, number: u128) -> String {
        let login = json!({ "username": "root", "password": "pass" }).to_string();
        let path = format!("/api/account/7000000{number}/login?v=1.3");
        let answer = self.call("POST", &path, &[], login).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("Bearer {}", answer.body["bearer"].as_str().unwrap())
    }

    /// Opens a conversation; gives its id.
    pub async fn open(&self, consumer: &str) -> String {
        let answer = self.speak(consumer, "", &smallest()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body[1]["body"]["conversationId"].as_str().unwrap().to_owned()
    }

    /// Publishes an event.
    pub async fn publish(&self, consumer: &str, conversation: &str, event: Value) -> Answer {
        self.speak(consumer, "/send", &publishing(conversation, event)).await
    }

    /// Registers webhooks for all event types through the administrator's interface.
    pub async fn install(&self) {
        self.install_with(&manifest()).await;
    }

    /// Registers a manifest.
    pub async fn install_with(&self, manifest: &Value) {
        let bearer = self.bearer(1).await;
        let path = format!("{INSTALLATIONS}/client-1?v=1.0");
        let put = self.call("PUT", &path, &[("authorization", &bearer)], manifest.to_string()).await;
        assert_eq!(put.status, 200, "{}", put.body);
    }

    /// The next webhook, as (last part of its path, request, body).
    pub async fn webhook(&mut self) -> (String, HttpRequest, Value) {
        let request = self.webhooks.recv().await.unwrap();
        let body = serde_json::from_slice(&request.body).unwrap();
        (request.url.rsplit('/').next().unwrap().to_owned(), request, body)
    }
}

/// Where the first account's installations are administered.
pub const INSTALLATIONS: &str = "/api/account/70000001/configuration/app-install/installations";

/// A path with the parameters that sign it, as the answers that draw URLs and the files in webhooks give them.
pub fn signed_url(file: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let query = &file["queryParams"];
    let (signature, expires) = (text(&query["temp_url_sig"]), text(&query["temp_url_expires"]));
    format!("{}?temp_url_sig={signature}&temp_url_expires={expires}", text(&file["relativePath"]))
}

/// A manifest with webhooks for all event types.
pub fn manifest() -> Value {
    let endpoint = |name: &str| {
        json!({ "endpoint": format!("https://bridge.test/{name}"), "max_retries": 3,
            "headers": [{ "header_name": "X-Tenant", "header_value": "blue" }] })
    };
    let webhooks = json!({
        "ms.MessagingEventNotification.ContentEvent": endpoint("content"),
        "ms.MessagingEventNotification.RichContentEvent": endpoint("rich"),
        "ms.MessagingEventNotification.AcceptStatusEvent": endpoint("accept"),
        "ms.MessagingEventNotification.ChatStateEvent": endpoint("chat"),
        "cqm.ExConversationChangeNotification": endpoint("cqm"),
    });
    json!({ "client_name": "bridge", "scope": "msg.consumer", "enabled": true, "capabilities": { "webhooks": webhooks } })
}

/// A `ms.PublishEvent` element.
pub fn publishing(conversation: &str, event: Value) -> Value {
    json!({ "kind": "req", "id": "1", "type": "ms.PublishEvent",
        "body": { "dialogId": conversation, "event": event } })
}

/// A `cm.UpdateConversationField` element.
pub fn update_field(conversation: &str, field: Value) -> Value {
    json!({ "kind": "req", "id": "12", "type": "cm.UpdateConversationField",
        "body": { "conversationId": conversation, "conversationField": field } })
}

/// The field that closes a conversation.
pub fn closing() -> Value {
    json!({ "field": "ConversationStateField", "conversationState": "CLOSE" })
}

/// The smallest CREATE.
pub fn smallest() -> Value {
    json!([
        { "kind": "req", "id": "p", "type": "userprofile.SetUserProfile", "body": {} },
        { "kind": "req", "id": "c", "type": "cm.ConsumerRequestConversation", "body": { "brandId": ACCOUNT } }
    ])
}

/// A text.
pub fn text(message: &str) -> Value {
    json!({ "type": "ContentEvent", "contentType": "text/plain", "message": message })
}
