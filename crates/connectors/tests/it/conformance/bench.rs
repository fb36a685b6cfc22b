//! One channel between its production connector and the sandbox, over real sockets: an account on both sides, a door
//! for callbacks or a held session, and everything that was heard, in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::post;
use bytes::Bytes;
use connector_api::{Callback, HttpOut, HttpRequest, HttpResponse, Inbound, Intake, Line, Outbound};
use connectors::Registered;
use domain::channel::Address;
use domain::content::{Body, Content};
use domain::delivery::{Outcome, Receipt, Status};
use domain::time::Time;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use http_out::{Client, Limits, Policy};
use sandbox::{Delays, Running, Sandbox, Settings};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::rows::{Proof, Row};

/// Beyond it something that must come will not.
const WAIT: Duration = Duration::from_secs(8);
const HEARD_MAX: usize = 1_000;

pub struct Bench {
    pub row: Row,
    pub channel: Registered,
    pub line: Line,
    pub way_out: Arc<Client>,
    pub sandbox: Running,
    door: Arc<Door>,
    heard: mpsc::Receiver<Inbound>,
    /// Dropped to end the session.
    ending: Option<oneshot::Sender<()>>,
    session: Option<tokio::task::JoinHandle<()>>,
    messages: AtomicUsize,
}

/// Where things come in, by callback or by session.
struct Door {
    channel: Registered,
    line: Line,
    heard: mpsc::Sender<Inbound>,
    callbacks: Mutex<Vec<Callback>>,
    /// How many of the next arrivals are not kept.
    refusals: AtomicUsize,
}

impl Door {
    fn refuses(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }

    async fn keep(&self, inbound: Vec<Inbound>) {
        for one in inbound {
            self.heard.send(one).await.expect("the bench listens");
        }
    }
}

impl Intake for Door {
    fn take(&self, inbound: Vec<Inbound>) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let refuses = self.refuses();
            self.keep(inbound).await;
            !refuses
        })
    }

    fn now(&self) -> Time {
        Time(1_790_000_000_000)
    }
}

async fn knock(
    State(door): State<Arc<Door>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let callback = Callback { headers, query: query.unwrap_or_default(), body };
    door.callbacks.lock().expect("no poison").push(callback.clone());
    let connector = &door.channel.connector;
    let Ok(genuine) = connector.authenticate(&callback, &door.line) else {
        return StatusCode::UNAUTHORIZED;
    };
    let Ok(inbound) = connector.read(genuine, &door.line) else {
        return StatusCode::BAD_REQUEST;
    };
    let refuses = door.refuses();
    door.keep(inbound).await;
    if refuses { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

impl Bench {
    pub async fn new(row: Row) -> Bench {
        let delays = Delays {
            delivered_after: Duration::from_millis(5),
            read_after: Duration::from_millis(10),
            slow_answer: Duration::from_millis(150),
            callback_pause_min: Duration::from_millis(5),
            ..Delays::default()
        };
        let sandbox = Sandbox::start(Settings { delays, ..Settings::default() }).await.expect("it starts");
        let channel = connectors::all().into_iter().find(|one| one.connector.channel() == row.channel);
        let channel = channel.expect("the channel is registered");
        let policy = Policy { allow_loopback: true, ..Policy::default() };
        let way_out = Arc::new(Client::new(policy, Limits::default()));
        let settings = (row.settings)(&sandbox).into_iter().map(|(name, value)| (name.to_owned(), value));
        let line = Line::new(row.account, settings.collect(), Arc::clone(&way_out) as Arc<dyn HttpOut>);
        let (sender, heard) = mpsc::channel(HEARD_MAX);
        let door = Arc::new(Door {
            channel: channel.clone(),
            line: line.clone(),
            heard: sender,
            callbacks: Mutex::default(),
            refusals: AtomicUsize::new(0),
        });
        let mut bench = Bench {
            row,
            channel,
            line,
            way_out,
            sandbox,
            door,
            heard,
            ending: None,
            session: None,
            messages: AtomicUsize::new(0),
        };
        bench.open().await;
        bench
    }

    async fn open(&mut self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
        let url = format!("http://{}/callbacks", listener.local_addr().expect("it is bound"));
        let router = Router::new().route("/callbacks", post(knock)).with_state(Arc::clone(&self.door));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut account = (self.row.registered)();
        account["callback_url"] = url.into();
        self.ask(Method::PUT, &format!("/accounts/{}/{}", self.row.channel, self.row.account), &account)
            .await;
        if let Some(session) = self.channel.session.clone() {
            let (ending, ended) = oneshot::channel();
            let ended = Box::pin(async move { ended.await.unwrap_or_default() });
            let intake: Arc<dyn Intake> = self.door.clone();
            self.session = Some(tokio::spawn(session.hold(self.line.clone(), intake, ended)));
            self.ending = Some(ending);
            // What the first person says arrives once the session is there.
            self.says("9999", &serde_json::json!({ "text": "is anybody there" })).await;
            self.message().await;
        }
    }

    /// The sandbox's own interface.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.sandbox.url()),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
            timeout_ms: 5_000,
            answer_bytes_max: 1 << 20,
        };
        let answer = self.way_out.call(request).await.expect("the sandbox answers");
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// Any URL, as a program that fetches a file.
    pub async fn fetch(&self, url: &str, headers: HeaderMap) -> HttpResponse {
        let (url, body) = (url.to_owned(), Bytes::new());
        let request = HttpRequest {
            method: Method::GET,
            url,
            headers,
            body,
            timeout_ms: 5_000,
            answer_bytes_max: 1 << 20,
        };
        self.way_out.call(request).await.expect("an answer")
    }

    pub fn address(&self, magic: &str) -> String {
        format!("{}{magic}", self.row.person)
    }

    pub fn message_to(&self, magic: &str, body: Body) -> Outbound {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        Outbound {
            token: format!("01JTOKEN{number}/1").into(),
            to: Address::new(self.row.channel, &self.address(magic)),
            content: Content::from_body(body),
            raw: None,
            reply_to: None,
            ttl_s: None,
            parts_done: Vec::new(),
        }
    }

    pub async fn send(&self, message: &Outbound) -> Outcome {
        self.channel.connector.send(&self.line, message).await
    }

    /// What the sandbox's ledger holds for a person.
    pub async fn ledger(&self, magic: &str) -> Vec<Value> {
        let all = self.ask(Method::GET, "/ledger?after=0", &Value::Null).await;
        let to = self.address(magic);
        all.as_array()
            .expect("an array")
            .iter()
            .filter(|row| row["recipient"] == to.as_str())
            .cloned()
            .collect()
    }

    /// The texts that a person's phone shows of us.
    pub async fn phone(&self, magic: &str) -> Vec<String> {
        let path = format!("/handsets/{}/{}", self.row.channel, self.address(magic));
        let shown = self.ask(Method::GET, &path, &Value::Null).await;
        let ours = shown.as_array().expect("an array").iter().filter(|bubble| bubble["from"] == "business");
        ours.map(|bubble| bubble["text"].as_str().expect("a text").to_owned()).collect()
    }

    pub async fn says(&self, magic: &str, said: &Value) {
        let path = format!("/handsets/{}/{}/messages", self.row.channel, self.address(magic));
        self.ask(Method::POST, &path, said).await;
    }

    pub fn refuse_next(&self, count: usize) {
        self.door.refusals.store(count, Ordering::SeqCst);
    }

    /// The next thing that comes in.
    pub async fn hear(&mut self) -> Inbound {
        tokio::time::timeout(WAIT, self.heard.recv())
            .await
            .expect("it comes in time")
            .expect("the door is open")
    }

    /// What came in up to now.
    pub fn heard_already(&mut self) -> Vec<Inbound> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }

    /// The next message of a person: sender, id and body.
    pub async fn message(&mut self) -> (String, String, Body) {
        loop {
            if let Inbound::Message { from, source_id, content, .. } = self.hear().await {
                return (from.to_string(), source_id.to_string(), content.body);
            }
        }
    }

    /// The next receipt that says more than that the provider has it: its provider id, token and statement.
    pub async fn receipt(&mut self) -> (String, Option<String>, Receipt) {
        loop {
            match self.hear().await {
                Inbound::Receipt { provider_id, token, receipt, .. }
                    if receipt.status != Status::HandedOver =>
                {
                    return (provider_id.to_string(), token.map(|token| token.to_string()), receipt);
                }
                _ => {}
            }
        }
    }

    /// Genuine callbacks so far.
    pub fn callbacks(&self) -> Vec<Callback> {
        self.door.callbacks.lock().expect("no poison").clone()
    }

    /// Headers with which the provider would send a body; `None` where nothing comes by callback.
    pub fn proof(&self, secret: &str, body: &[u8]) -> Option<HeaderMap> {
        match self.row.proof {
            Proof::Session => None,
            Proof::Shown(headers) | Proof::Signed(headers) => Some(headers(secret, body)),
        }
    }

    /// Ends the session politely and waits until it is over.
    pub async fn end_session(&mut self) {
        drop(self.ending.take());
        if let Some(session) = self.session.take() {
            tokio::time::timeout(WAIT, session).await.expect("it ends in time").expect("it does not panic");
        }
    }

    /// A line of the same account whose provider is not there.
    pub async fn line_to_nobody(&self) -> Line {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
        let closed = listener.local_addr().expect("it is bound");
        drop(listener);
        let settings = (self.row.settings)(&self.sandbox).into_iter().map(|(name, value)| {
            let here = self.sandbox.http_addr.to_string();
            let value = match name {
                "port" => closed.port().to_string(),
                _ => value.replace(&here, &closed.to_string()),
            };
            (name.to_owned(), value)
        });
        Line::new(self.row.account, settings.collect(), Arc::clone(&self.way_out) as Arc<dyn HttpOut>)
    }

    /// A line of the same account with a way out that may not reach this machine.
    pub fn line_kept_in(&self) -> Line {
        let guarded: Arc<dyn HttpOut> = Arc::new(Client::new(Policy::default(), Limits::default()));
        let settings = (self.row.settings)(&self.sandbox).into_iter();
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).collect();
        Line::new(self.row.account, settings, guarded)
    }
}
