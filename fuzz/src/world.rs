//! A server in memory: every face over one engine, one account known to all of them, providers and subscribers that
//! say yes.
//!
//! Nothing comes from the machine: time stands, ids and keys are fixed, so that an input does the same each time. A
//! world is used for some inputs and then begun anew, because it keeps what it is told.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use connector_api::{HttpOut, HttpRequest, HttpResponse, OutError};
use domain::time::Time;
use engine::{Engine, FileLinks, Ids, Limits, Parts, Registered};
use futures_util::future::{BoxFuture, ready};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{FakeClock, MemoryFiles, MemoryStore};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::keys::{self, Key};
use crate::rows::{self, APP, SITE};

/// Inputs that one world takes.
const INPUTS_MAX: usize = 200;
/// Longer waits for an answer than any face allows.
const PATIENCE: Duration = Duration::from_secs(120);
pub const NOW: Time = Time(1_767_225_600_000);
const KEY: [u8; 32] = [9; 32];

/// One server.
pub struct World {
    pub engine: Engine,
    router: Router,
    /// What stands for the names of things that the server gave out, in inputs.
    names: Vec<(&'static str, String)>,
    /// What opens the server's doors.
    pub keys: Vec<Key>,
    /// Authorization by the beginning of a path.
    credentials: Vec<(&'static str, HeaderName, HeaderValue)>,
    // Last, so that it outlives what runs on it.
    runtime: Runtime,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

thread_local!(static WORLD: RefCell<Option<(World, usize)>> = const { RefCell::new(None) });

/// Lends the world of this thread.
pub fn with<T>(task: impl FnOnce(&World) -> T) -> T {
    WORLD.with_borrow_mut(|slot| {
        let fresh = slot.take().filter(|(_, used)| *used < INPUTS_MAX);
        let (world, used) = slot.insert(fresh.unwrap_or_else(|| (World::new(), 0)));
        *used += 1;
        task(world)
    })
}

impl World {
    /// A furnished server.
    pub fn new() -> World {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        // Waiting takes no time: the timer runs on as soon as nothing else can run.
        let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
        let (engine, router) = runtime.block_on(start());
        let credentials = Vec::new();
        let mut world = World { engine, router, names: Vec::new(), keys: Vec::new(), credentials, runtime };
        world.keys = keys::credentials(&world);
        world.sign_in();
        world.speak();
        world.keys.extend(keys::links(&world));
        world
    }

    /// Asks, as the account where the request names nobody, and waits until what the request caused has been done.
    pub fn call(&self, mut request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        for (_, name, value) in self.credentials.iter().filter(|(of, ..)| path.starts_with(of)) {
            request.headers_mut().entry(name).or_insert(value.clone());
        }
        self.ask(request)
    }

    /// Asks with what the request holds and nothing else.
    pub fn ask(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("a router answers");
            let (parts, body) = response.into_parts();
            // A stream of events never ends.
            let whole = tokio::time::timeout(PATIENCE, body.collect()).await;
            let bytes = whole.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
            rest().await;
            Answer { status: parts.status, headers: parts.headers, bytes }
        })
    }

    /// Runs anything on the world's time.
    pub fn run<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            let done = task.await;
            rest().await;
            done
        })
    }

    /// The input with the server's names in the place of what stands for them.
    pub fn named(&self, input: &[u8]) -> Vec<u8> {
        let mut named = input.to_vec();
        for (placeholder, name) in &self.names {
            while let Some(at) =
                named.windows(placeholder.len()).position(|own| own == placeholder.as_bytes())
            {
                named.splice(at..at + placeholder.len(), name.bytes());
            }
        }
        named
    }

    fn sign_in(&mut self) {
        const PATHS: [&str; 5] = ["/v1/projects", "/api/v2", "/api/v1", "/trunkline", "/api/account"];
        for key in &self.keys {
            let path = PATHS.into_iter().find(|path| key.target.starts_with(path));
            let (Some(path), Some((name, before))) = (path, &key.header) else { continue };
            let value = HeaderValue::try_from(format!("{before}{}", key.text)).expect("keys are ASCII");
            // The administrator's is for one path alone.
            let path = if key.target.contains("/configuration/") {
                "/api/account/70000001/configuration"
            } else {
                path
            };
            self.credentials.push((path, name.clone(), value));
        }
        self.credentials.sort_by_key(|(path, ..)| std::cmp::Reverse(path.len()));
    }

    /// Everybody has said something, and everybody hears what is said.
    fn speak(&mut self) {
        let project = rows::project();
        let said = |target: &str, body: Value| {
            let answer = self.call(post(target, &body));
            assert!(answer.status.is_success(), "{target}: {answer:?}");
            answer.json()
        };
        let webhook = json!({ "app_id": APP, "target": "https://hooks.test/sinch", "secret": "s", "triggers": rows::TRIGGERS });
        said(&format!("/v1/projects/{project}/webhooks"), webhook);
        said("/api/v1/accounts/1/webhooks", json!({ "url": "https://hooks.test/desk" }));
        let install = format!("/api/account/{SITE}/configuration/app-install/installations/client?v=1.0");
        let mut install = post(&install, &rows::manifest());
        *install.method_mut() = Method::PUT;
        assert!(self.call(install).status.is_success());
        let identity = json!({ "channel": rows::CHANNEL, "identity": "+447700900123" });
        let recipient = json!({ "identified_by": { "channel_identities": [identity] } });
        let message = json!({ "text_message": { "text": "Your parcel waits" } });
        let send = json!({ "app_id": APP, "recipient": recipient, "message": message });
        let sent = said(&format!("/v1/projects/{project}/messages:send"), send);
        let open = json!([
            { "kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": { "firstName": "Kim" } },
            { "kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation", "body": { "brandId": SITE } },
        ]);
        let opened = said(&format!("/api/account/{SITE}/messaging/consumer/conversation?v=3"), open);
        self.names = vec![
            ("$PROJECT", project),
            ("$APP", APP.to_owned()),
            ("$MESSAGE", text(&sent["message_id"])),
            ("$CONVERSATION", text(&opened[1]["body"]["conversationId"])),
        ];
    }
}

/// A text that must be there.
pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// Until nothing is left to do: then the timer runs on.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// A request with a JSON body.
pub fn post(target: &str, body: &Value) -> Request<Body> {
    let request = Request::post(target).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).expect("our own requests are well formed")
}

async fn start() -> (Engine, Router) {
    let store = Arc::new(MemoryStore::new());
    let liveperson = face_liveperson::Settings::new(KEY);
    let sinch = face_sinch::Settings::new(KEY);
    let livedesk = face_livedesk::Settings { signing_key: KEY, ..face_livedesk::Settings::default() };
    let channels = connectors::all().into_iter();
    let engine = Engine::start(Parts {
        reads: store.clone(),
        claims: store.clone(),
        store,
        files: Arc::new(MemoryFiles::default()),
        inspect: Arc::new(testkit::Believing),
        clock: Arc::new(FakeClock::at(NOW)),
        ids: Arc::new(Ids::new(7)),
        // Sessions are held over sockets: there are none here.
        channels: channels.map(|one| Registered { connector: one.connector, session: None }).collect(),
        dialects: vec![
            face_liveperson::dialect(&liveperson),
            face_sinch::dialect(&sinch),
            face_livedesk::dialect(&livedesk),
        ],
        provider_http: Arc::new(Yes),
        callback_http: Arc::new(Yes),
        links: FileLinks::new(Arc::from("http://trunkline.test"), KEY),
        limits: Limits::default(),
    })
    .await
    .expect("an empty store opens");
    rows::furnish(&engine).await;
    let router = face_liveperson::router(engine.clone(), liveperson)
        .merge(face_sinch::router(engine.clone(), sinch))
        .merge(face_livedesk::router(engine.clone(), livedesk))
        .merge(face_trunkline::router(engine.clone()));
    (engine, router)
}

/// Providers and subscribers: what they are sent is JSON wherever it says so, and they take it.
struct Yes;

impl HttpOut for Yes {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        let kind = request.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if kind.starts_with(b"application/json") {
            let read: Result<Value, _> = serde_json::from_slice(&request.body);
            read.unwrap_or_else(|error| panic!("{error} in what {} is sent", request.url));
        }
        let taken = json!({ "messages": [{ "id": "p1" }], "ok": true, "result": { "message_id": 1, "chat": { "id": 1 } } });
        let body = Bytes::from(taken.to_string());
        Box::pin(ready(Ok(HttpResponse { status: 200, headers: HeaderMap::new(), body })))
    }
}
