//! A server in memory: one account with an agent, a key and a token, one API inbox, one contact who has written.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::agent::{Agent, Role};
use domain::app::{App, ProcessingMode};
use domain::channel::{Address, Channel};
use domain::command::Person;
use domain::command::admin::{CreateTenant, PutAgent, PutApp, PutCredential, PutSubscription};
use domain::command::fetch::{Ended, Finish};
use domain::command::receive::Receive;
use domain::content::{Body as Saying, Content, Face, Media};
use domain::conversation::Conversation;
use domain::id::{AgentId, AppId, FileId, Id, JobId, KeyId, MessageId, SubscriptionId, TenantId};
use domain::message::Message;
use domain::record::List;
use domain::subscription::Subscription;
use domain::tenant::{Credential, Tenant};
use domain::time::Time;
use engine::{Engine, HttpOut, HttpRequest, HttpResponse, Ids, Limits, OutError, Parts};
use face_livedesk::Settings;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use testkit::{FakeClock, MemoryFiles, MemoryStore};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

pub const TENANT: TenantId = TenantId(Id(14));
pub const APP: AppId = AppId(Id(79));
pub const KEY: &str = "Basic a2V5LTE6c2VjcmV0OjE="; // key-1:secret:1
pub const TOKEN: &str = "tok-3";
pub const NOW: Time = Time(1_762_331_029_000);

/// Takes every callback and shows it to the test.
struct Hook(mpsc::Sender<HttpRequest>);

impl HttpOut for Hook {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            let _ = self.0.send(request).await;
            Ok(HttpResponse { status: 200, headers: HeaderMap::new(), body: Bytes::new() })
        })
    }
}

pub struct World {
    pub engine: Engine,
    settings: Settings,
    parts: Parts,
    pub router: Router,
    pub clock: FakeClock,
    pub hooks: mpsc::Receiver<HttpRequest>,
}

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }
}

impl World {
    /// A message of the first conversation.
    pub async fn message(&self, number: u64) -> Option<Arc<Message>> {
        let conversations = (List::ConversationsOfTenant, TENANT.0);
        let first = self.engine.at::<Conversation>(TENANT, conversations, 1).await.unwrap()?;
        let messages = (List::MessagesOfConversation, first.id.0);
        self.engine.at::<Message>(TENANT, messages, number).await.unwrap()
    }

    pub async fn new(settings: Settings) -> World {
        let settings = Settings { signing_key: [7; 32], ..settings };
        let (store, clock) = (Arc::new(MemoryStore::new()), FakeClock::at(NOW));
        let (sender, hooks) = mpsc::channel(64);
        let http = Arc::new(Hook(sender));
        let parts = Parts {
            reads: store.clone(),
            claims: store.clone(),
            store,
            files: Arc::new(MemoryFiles::default()),
            inspect: Arc::new(testkit::Believing),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(Ids::new(4)),
            channels: Vec::new(),
            dialects: vec![face_livedesk::dialect(&settings)],
            provider_http: http.clone(),
            callback_http: http,
            links: engine::FileLinks::new(Arc::from("http://desk.test"), [0; 32]),
            limits: Limits::default(),
        };
        let engine = Engine::start(parts.clone()).await.unwrap();
        let router = face_livedesk::router(engine.clone(), settings.clone());
        let world = World { engine, settings, parts, router, clock, hooks };
        world.furnish().await;
        world.say("hello").await;
        world
    }

    async fn furnish(&self) {
        let tenant = |id, number| Tenant {
            id,
            name: "Depot".to_owned(),
            account_number: number,
            site_id: String::new(),
            disabled: false,
        };
        self.engine.execute(CreateTenant(tenant(TENANT, 14))).await.unwrap();
        self.engine.execute(CreateTenant(tenant(TenantId(Id(15)), 15))).await.unwrap();
        self.engine.execute(PutApp(app())).await.unwrap();
        let agent = |id, name: &str, role| Agent {
            id: AgentId(Id(id)),
            tenant: TENANT,
            number: 0,
            name: name.to_owned(),
            email: "test@example.org".to_owned(),
            avatar_url: String::new(),
            role,
        };
        self.engine.execute(PutAgent(agent(3, "TEST", Role::Administrator))).await.unwrap();
        self.engine.execute(PutAgent(agent(4, "Mate", Role::Agent))).await.unwrap();
        let token = hex::encode(Sha256::digest(TOKEN));
        self.engine
            .execute(PutCredential(credential(1, "key-1", Sha256::digest("secret:1").into())))
            .await
            .unwrap();
        self.engine.execute(PutCredential(credential(2, &token, [0; 32]))).await.unwrap();
    }

    /// Stops the engine and starts another over the same store.
    pub async fn restart(&mut self) {
        self.engine.shutdown().await;
        self.engine = Engine::start(self.parts.clone()).await.unwrap();
        self.router = face_livedesk::router(self.engine.clone(), self.settings.clone());
    }

    /// A second account with its own key (`key-15`), token (`tok-15`), agent and inbox.
    pub async fn furnish_second(&self) {
        let tenant = TenantId(Id(15));
        let agent = Agent {
            id: AgentId(Id(0x15)),
            tenant,
            number: 0,
            name: "Other".to_owned(),
            email: String::new(),
            avatar_url: String::new(),
            role: Role::Administrator,
        };
        self.engine.execute(PutAgent(agent)).await.unwrap();
        self.engine.execute(PutApp(App { id: AppId(Id(0x15)), tenant, ..app() })).await.unwrap();
        let token = hex::encode(Sha256::digest("tok-15"));
        let key: [u8; 32] = Sha256::digest("secret:1").into();
        for (id, public, digest) in [(0x151, "key-15", key), (0x152, token.as_str(), [0; 32])] {
            let own = Credential { tenant, agent: Some(AgentId(Id(0x15))), ..credential(id, public, digest) };
            self.engine.execute(PutCredential(own)).await.unwrap();
        }
    }

    /// The log's end, once what runs in the background has come to rest.
    pub async fn position(&self) -> u64 {
        let mut position = self.engine.position();
        loop {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            let now = self.engine.position();
            if std::mem::replace(&mut position, now) == now {
                return now;
            }
        }
    }

    /// Any call under an idempotency key.
    pub async fn once(
        &self,
        method: &str,
        path: &str,
        key: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = request(method, path, kind, body.into());
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        self.send(request).await
    }

    /// The contact writes.
    pub async fn say(&self, text: &str) {
        self.say_in(TENANT, APP, text).await;
    }

    /// A contact of the second account writes.
    pub async fn say_in_second(&self, text: &str) {
        self.say_in(TenantId(Id(15)), AppId(Id(0x15)), text).await;
    }

    /// A person sends a picture over a channel that the inbox does not have, so that only the test fetches it. The
    /// second conversation is theirs.
    pub async fn picture(&self) -> (MessageId, FileId) {
        let (url, mime) = ("provider:7".to_owned(), "image/png".to_owned());
        let receive = Receive {
            tenant: TENANT,
            app: APP,
            face: Face::Provider,
            from: Address::new("ALPHA", "1"),
            app_scoped: false,
            person: Person { name: "Ben".to_owned(), language: String::new() },
            source_id: "s1".to_owned(),
            content: Content::from_body(Saying::Media(Media { url, mime, ..Media::default() })),
            reply_to: None,
            conversation: None,
            metadata: String::new(),
        };
        let message = self.engine.execute(receive).await.unwrap().message;
        let content = self.engine.get::<Content>(TENANT, message.0).await.unwrap().unwrap();
        (message, content.body.media()[0].file.unwrap())
    }

    /// A try to fetch it ended so.
    pub async fn fetched(&self, picture: (MessageId, FileId), ended: Ended) {
        let (message, file) = picture;
        let job = JobId(Id(1));
        self.engine.execute(Finish { tenant: TENANT, message, file, job, ended }).await.unwrap();
    }

    async fn say_in(&self, tenant: TenantId, app: AppId, text: &str) {
        let receive = Receive {
            tenant,
            app,
            face: Face::LiveDesk,
            from: Address::new(Channel::API, "crm-9"),
            app_scoped: true,
            person: Person { name: "Ola".to_owned(), language: String::new() },
            source_id: String::new(),
            content: Content::text(text),
            reply_to: None,
            conversation: None,
            metadata: String::new(),
        };
        self.engine.execute(receive).await.unwrap();
    }

    /// The inbox's own webhook.
    pub async fn subscribe(&self, number: u128, carries: bool, triggers: &[&str]) {
        let subscription = Subscription {
            id: SubscriptionId(Id(number)),
            tenant: TENANT,
            app: carries.then_some(APP),
            number: 0,
            dialect: Face::LiveDesk,
            carries: carries.then(|| Channel::new(Channel::API)),
            target: format!("http://hook.test/{number}"),
            secret: "whsec".to_owned(),
            triggers: triggers.iter().map(|&trigger| trigger.to_owned()).collect(),
            settings: String::new(),
            enabled: true,
            parallel: false,
            previous: None,
            created_at: NOW,
        };
        let from = *self.engine.head().borrow();
        self.engine.execute(PutSubscription { subscription, from }).await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// JSON to the LiveDesk dialect.
    pub async fn desk(&self, path: &str, body: &str) -> Answer {
        self.send(request(
            "POST",
            &format!("/api/v2/accounts{path}"),
            "application/json",
            Body::from(body.to_owned()),
        ))
        .await
    }

    /// JSON to the Chatwoot dialect.
    pub async fn chat(&self, path: &str, body: &str) -> Answer {
        let path = format!("/api/v1/accounts/14{path}");
        self.send(request("POST", &path, "application/json", Body::from(body.to_owned()))).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, "", Body::empty())).await
    }
}

/// A request with this dialect's good credentials.
pub fn request(method: &str, path: &str, kind: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    let request = if path.starts_with("/api/v2/") {
        request.header("authorization", KEY)
    } else {
        request.header("api_access_token", TOKEN)
    };
    request.body(body).unwrap()
}

fn app() -> App {
    App {
        id: APP,
        tenant: TENANT,
        number: 0,
        name: "Parcel API".to_owned(),
        identifier: "inbox".to_owned(),
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: Vec::new(),
        unknown_policy: None,
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1_000,
        patience: Default::default(),
    }
}

fn credential(id: u128, public: &str, secret_digest: [u8; 32]) -> Credential {
    Credential {
        id: KeyId(Id(id)),
        tenant: TENANT,
        face: Face::LiveDesk,
        app: None,
        agent: Some(AgentId(Id(3))),
        public: public.to_owned(),
        secret_digest,
        secret: None,
        name: String::new(),
        revoked: false,
    }
}

/// A multipart body: name, file name (empty for none), bytes of each part.
pub fn multipart(parts: &[(&str, &str, &[u8])]) -> (String, Body) {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        body.extend_from_slice(b"--cut\r\n");
        let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
        body.extend_from_slice(
            format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    ("multipart/form-data; boundary=cut".to_owned(), Body::from(body))
}
