//! `kill -9` in the middle of work, many times: nothing acknowledged is lost, nothing is sent twice, and every
//! message whose fate is open says so itself.
//!
//! Generator and sandbox live outside the killed process. Each round opens slow hand-overs (the provider answers
//! after 3 s) and many requests at once, and kills while both are open. Then every unanswered request is repeated
//! under its idempotency key, and the sandbox's ledger is compared with what was acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use sandbox::{Sandbox, Settings};
use serde_json::{Value, json};
use testkit::TempFolder;
use tokio::task::JoinSet;

use crate::program::{Server, call, free_port};

/// Kills when `TRUNKLINE_CRASH_ROUNDS` says nothing.
const ROUNDS: usize = 20;
/// Requests sent at once before each kill.
const REQUESTS: usize = 500;
/// Requests that must be open at the kill.
const OPEN_REQUESTS_MIN: usize = 200;
/// Hand-overs opened before each kill.
const SLOW: usize = 60;
/// Hand-overs that must be open at the kill.
const OPEN_ATTEMPTS_MIN: usize = 50;
/// Recipients ending so are answered after 3 s.
const SLOW_ENDING: &str = "0010";

/// What the generator knows of one message.
struct Sending {
    key: String,
    body: Bytes,
    acknowledged: Option<String>,
}

#[derive(Clone)]
struct Door {
    url: String,
    timeline: String,
    authorization: String,
    api: String,
}

impl Door {
    fn of(server: &Server) -> Door {
        let info = server.info();
        let sinch = &info["sinch"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pair = format!("{}:{}", text(&sinch["key_id"]), text(&sinch["key_secret"]));
        Door {
            url: format!("{}/v1/projects/{}/messages:send", server.base_url, text(&sinch["project_id"])),
            timeline: format!("{}/trunkline/v1/messages", server.base_url),
            authorization: format!("Basic {}", STANDARD.encode(pair)),
            api: format!("Bearer {}", text(&info["api"]["key"])),
        }
    }

    /// The acknowledged message id; `None` when there was no answer.
    async fn send(&self, key: &str, body: Bytes) -> Option<String> {
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let (status, answer) = call(Method::POST, &self.url, &headers, body).await?;
        assert!(status == 200 || status == 503, "{status}: {answer}");
        answer["message_id"].as_str().map(str::to_owned)
    }

    async fn timeline(&self, message: &str) -> String {
        let url = format!("{}/{message}/timeline", self.timeline);
        let answer = call(Method::GET, &url, &[("authorization", &self.api)], Bytes::new()).await;
        let (status, answer) = answer.unwrap();
        assert_eq!(status, 200, "every acknowledged message has a timeline: {answer}");
        answer.to_string()
    }
}

fn body(app: &str, phone: &str, text: &str) -> Bytes {
    let identity = json!({"channel": "WHATSAPP", "identity": format!("+{phone}")});
    let recipient = json!({"identified_by": {"channel_identities": [identity]}});
    Bytes::from(
        json!({"app_id": app, "recipient": recipient, "message": {"text_message": {"text": text}}})
            .to_string(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_loses_nothing_and_repeats_nothing_silently() {
    let folder = TempFolder::new("crash");
    let running = Sandbox::start(Settings::default()).await.unwrap();
    let url = running.url();
    let port = free_port();
    let rounds = std::env::var("TRUNKLINE_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut sendings: HashMap<String, Sending> = HashMap::new();
    let mut server = Server::demo(folder.path(), port, &url).await;
    let app = server.info()["sinch"]["app_id"].as_str().unwrap().to_owned();
    for round in 0..rounds {
        slow_ones(&Door::of(&server), &app, &url, round, &mut sendings).await;
        let open = storm(Door::of(&server), &app, round, &mut sendings, server).await;
        assert!(open >= OPEN_REQUESTS_MIN, "only {open} requests were open at the kill");
        server = Server::demo(folder.path(), port, &url).await;
        repeat(&Door::of(&server), &mut sendings).await;
    }
    judge(&Door::of(&server), &url, &sendings).await;
    server.kill();
    running.shutdown().await;
}

/// Opens hand-overs that the provider answers after 3 s, and waits until it has read enough of them.
async fn slow_ones(
    door: &Door,
    app: &str,
    sandbox: &str,
    round: usize,
    sendings: &mut HashMap<String, Sending>,
) {
    let prefix = format!("slow {round} ");
    for n in 0..SLOW {
        let text = format!("{prefix}{n}");
        let body = body(app, &format!("4672{round:03}{n:03}{SLOW_ENDING}"), &text);
        let acknowledged = door.send(&text, body.clone()).await;
        assert!(acknowledged.is_some(), "a quiet server answers");
        sendings.insert(text.clone(), Sending { key: text, body, acknowledged });
    }
    let mut read = 0;
    for _ in 0..2_000 {
        let rows = ledger(sandbox).await;
        read = rows.iter().filter(|row| row["text"].as_str().unwrap().starts_with(&prefix)).count();
        if read >= OPEN_ATTEMPTS_MIN {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("only {read} attempts were open");
}

/// Sends many at once and kills while most are unanswered. Returns how many were open at the kill.
async fn storm(
    door: Door,
    app: &str,
    round: usize,
    sendings: &mut HashMap<String, Sending>,
    server: Server,
) -> usize {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut open = JoinSet::new();
    for n in 0..REQUESTS {
        let text = format!("storm {round} {n}");
        let body = body(app, &format!("4673{round:03}{n:04}7"), &text);
        let (door, answered) = (door.clone(), answered.clone());
        open.spawn(async move {
            let acknowledged = door.send(&text, body.clone()).await;
            answered.fetch_add(1, Ordering::SeqCst);
            (text.clone(), Sending { key: text, body, acknowledged })
        });
    }
    while answered.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    let unanswered = REQUESTS - answered.load(Ordering::SeqCst);
    server.kill();
    while let Some(ended) = open.join_next().await {
        let (text, sending) = ended.unwrap();
        sendings.insert(text, sending);
    }
    unanswered
}

/// Repeats what got no answer, under the same key.
async fn repeat(door: &Door, sendings: &mut HashMap<String, Sending>) {
    for sending in sendings.values_mut().filter(|sending| sending.acknowledged.is_none()) {
        sending.acknowledged = door.send(&sending.key, sending.body.clone()).await;
        assert!(sending.acknowledged.is_some(), "a quiet server answers");
    }
}

async fn ledger(sandbox: &str) -> Vec<Value> {
    let answer = call(Method::GET, &format!("{sandbox}/ledger?after=0"), &[], Bytes::new()).await;
    answer.unwrap().1.as_array().unwrap().clone()
}

/// Every message arrived once, or says itself that its outcome is unknown.
async fn judge(door: &Door, sandbox: &str, sendings: &HashMap<String, Sending>) {
    let mut open: Vec<&Sending> = sendings.values().collect();
    let mut arrived: HashMap<String, usize> = HashMap::new();
    let mut unknown = 0;
    for _ in 0..600 {
        arrived.clear();
        for row in ledger(sandbox).await {
            *arrived.entry(row["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        open.retain(|sending| !arrived.contains_key(&sending.key));
        let mut still = Vec::new();
        for sending in open {
            if door.timeline(sending.acknowledged.as_ref().unwrap()).await.contains("unknown") {
                unknown += 1;
            } else {
                still.push(sending);
            }
        }
        open = still;
        if open.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let lost: Vec<&str> = open.iter().map(|sending| sending.key.as_str()).collect();
    let mut twice = Vec::new();
    for sending in sendings.values().filter(|sending| arrived.get(&sending.key) > Some(&1)) {
        if !door.timeline(sending.acknowledged.as_ref().unwrap()).await.contains("unknown") {
            twice.push(sending.key.as_str());
        }
    }
    let attempted = sendings.len();
    let report =
        format!("{attempted} attempted and acknowledged, {unknown} unknown and never read by the provider");
    assert!(lost.is_empty(), "{report}; {} lost: {:?}", lost.len(), lost.first());
    assert!(twice.is_empty(), "{report}; {} sent twice without a word: {:?}", twice.len(), twice.first());
}
