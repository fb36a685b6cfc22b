//! An engine over a store in memory with two tenants, and a client that speaks to the face's router in process.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::app::{App, ChannelAccount, ProcessingMode};
use domain::channel::Channel;
use domain::command::admin::{CreateTenant, PutApp, PutCredential};
use domain::content::Face;
use domain::id::{AppId, Id, KeyId, TenantId};
use domain::tenant::{Credential, Tenant};
use domain::time::Time;
use engine::{Engine, Ids, Limits, Parts, Registered};
use face_sinch::Settings;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{FakeClock, MemoryFiles, MemoryStore, NoHttp, PlainConnector};
use tower::ServiceExt as _;

/// 2025-03-04T05:06:07.123Z.
pub const NOW: Time = Time(1_741_064_767_123);

pub struct World {
    pub engine: Engine,
    pub store: MemoryStore,
    pub clock: FakeClock,
    pub router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub authenticate: String,
    pub body: Value,
}

pub fn tenant(number: u128) -> TenantId {
    TenantId(Id(0x1000 + number))
}

/// Of each tenant the first app converses and the second dispatches.
pub fn app(tenant: u128, number: u128) -> AppId {
    AppId(Id(0x2000 + tenant * 0x10 + number))
}

pub async fn world() -> World {
    let (store, clock) = (MemoryStore::new(), FakeClock::at(NOW));
    let channel =
        |name, scoped| Registered { connector: Arc::new(PlainConnector::new(name, scoped)), session: None };
    let engine = Engine::start(Parts {
        store: Arc::new(store.clone()),
        reads: Arc::new(store.clone()),
        claims: Arc::new(store.clone()),
        files: Arc::new(MemoryFiles::default()),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(Ids::new(7)),
        channels: vec![channel("SMS", false), channel("RCS", false), channel("MESSENGER", true)],
        dialects: vec![face_sinch::dialect()],
        provider_http: Arc::new(NoHttp),
        callback_http: Arc::new(NoHttp),
        base_url: Arc::from("http://trunkline.test"),
        limits: Limits::default(),
    })
    .await
    .unwrap();
    for number in [1, 2] {
        furnish(&engine, number).await;
    }
    let router = face_sinch::router(engine.clone(), Settings::new([9; 32]));
    World { engine, store, clock, router }
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
    for (which, mode) in [(1, ProcessingMode::Conversation), (2, ProcessingMode::Dispatch)] {
        engine.execute(PutApp(an_app(tenant, app(number, which), mode))).await.unwrap();
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
    }
}

impl World {
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status();
        let authenticate = answer.headers().get("www-authenticate");
        let authenticate = authenticate.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, authenticate, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// As the first tenant.
    pub async fn as_first(&self, method: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/projects/{}/{rest}", tenant(1).uuid());
        self.call(method, &path, &[("authorization", &basic("key-1", "s3cret"))], body.to_string()).await
    }

    pub async fn send(&self, body: Value) -> Answer {
        self.as_first("POST", "messages:send", body).await
    }

    /// A send of the plain request with members changed; `null` takes one out.
    pub async fn send_with(&self, change: Value) -> Answer {
        self.send(with(change)).await
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
