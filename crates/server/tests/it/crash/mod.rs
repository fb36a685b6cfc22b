//! `kill -9` in the middle of work, many times: nothing acknowledged is lost, nothing is sent twice, nothing arrives
//! out of order, and every message whose fate is open says so itself.
//!
//! Generator, provider and webhook sink live outside the killed process. Each round opens slow hand-overs (the
//! provider answers after 3 s) and many requests at once, and kills while both are open. Then every unanswered
//! request is repeated under its idempotency key. At the end the provider's ledger, the callbacks received and the
//! timelines are compared with what was acknowledged, and reported.
//!
//! The demo's app has no policy of its own for unknown outcomes: the channel is no place to repeat, so they are held.
//! Told to retry, it leaves none of them open, and may send twice what the provider had read without saying so: every
//! repetition stands in a timeline. Told to fail over, it leaves none open either where persons have a second channel,
//! and each second way stands there too.

mod door;
mod judge;
mod ledger;
mod story;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sandbox::{Sandbox, Settings};
use serde_json::json;
use testkit::TempFolder;
use tokio::task::JoinSet;

use self::door::Door;
use self::judge::Verdict;
use self::ledger::Ledger;
use self::story::Resolved;
use crate::program::{Server, free_port};
use crate::served::administer;
use crate::sink::Sink;

/// Kills when `TRUNKLINE_CRASH_ROUNDS` says nothing.
const ROUNDS: usize = 20;
/// Kills of an app that retries, and of one that fails over.
const ROUNDS_WITH_POLICY: usize = 4;
/// Requests sent at once before each kill, and how many of them go to one phone. One commit answers 512 at most, so that
/// enough are open when the first answers come.
const REQUESTS: usize = 800;
const PER_PHONE: usize = 5;
/// Requests that must be open at the kill.
const OPEN_REQUESTS_MIN: usize = 200;
/// Hand-overs opened before each kill.
const SLOW: usize = 60;
/// Hand-overs that must be open at the kill.
const OPEN_ATTEMPTS_MIN: usize = 50;
/// Recipients ending so are answered at once.
const QUICK_ENDING: &str = "7777";
/// Recipients ending so are answered after this time.
const SLOW_ENDING: &str = "0010";
const SLOW_MS: u64 = 3_000;
/// Rounds between two lines of progress.
const ROUNDS_A_LINE: usize = 10;
/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the generator knows of one message. Its text is its idempotency key.
struct Sending {
    phone: String,
    body: Bytes,
    /// The message id, once there was an answer.
    acknowledged: Option<String>,
}

type Sendings = HashMap<String, Sending>;

/// Whom the messages go to.
#[derive(Clone)]
struct Audience {
    app: String,
    /// In order of preference. A slow phone is slow on the first of them.
    channels: &'static [&'static str],
}

impl Audience {
    fn sending(&self, phone: String, ending: &str, text: &str) -> Sending {
        let identity = |(place, channel): (usize, &&str)| {
            let ending = if place == 0 { ending } else { QUICK_ENDING };
            json!({"channel": channel, "identity": format!("+{phone}{ending}")})
        };
        let identities: Vec<_> = self.channels.iter().enumerate().map(identity).collect();
        let body = json!({
            "app_id": self.app,
            "recipient": {"identified_by": {"channel_identities": identities}},
            "message": {"text_message": {"text": text}},
            "channel_priority_order": self.channels,
        });
        Sending { phone, body: Bytes::from(body.to_string()), acknowledged: None }
    }
}

#[expect(clippy::disallowed_methods, reason = "the number of rounds comes from `make crash`")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_loses_nothing_and_repeats_nothing_silently() {
    let rounds = std::env::var("TRUNKLINE_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let verdict = play(rounds, None).await;
    verdict.assert_kept(rounds);
    assert_eq!(verdict.duplicated(), 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_retries_leaves_nothing_unknown_and_says_what_it_repeated() {
    let verdict = play(ROUNDS_WITH_POLICY, Some("retry")).await;
    verdict.assert_kept(ROUNDS_WITH_POLICY);
    assert_eq!(verdict.resolved(Resolved::Held), 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_fails_over_leaves_nothing_unknown_and_says_what_went_two_ways() {
    let verdict = play(ROUNDS_WITH_POLICY, Some("fail-over")).await;
    verdict.assert_kept(ROUNDS_WITH_POLICY);
    assert!(verdict.resolved(Resolved::ByFailover) > 0, "{verdict}");
    assert_eq!(verdict.resolved(Resolved::Held), 0, "{verdict}");
}

/// Kills so many times, and judges; `unknown_outcomes` is the app's policy, if it gets one. A second channel takes what
/// is to fail over.
async fn play(rounds: usize, unknown_outcomes: Option<&str>) -> Verdict {
    let folder = TempFolder::new("crash");
    let provider = Sandbox::start(Settings::default()).await.unwrap();
    let sink = Sink::open().await;
    let port = free_port();
    let began = tokio::time::Instant::now();
    let mut ledger = Ledger::of(provider.url());
    let mut sendings = Sendings::new();
    let mut server = Server::demo(folder.path(), port, &provider.url()).await;
    let app = server.info()["sinch"]["app_id"].as_str().unwrap().to_owned();
    if let Some(policy) = unknown_outcomes {
        let tenant = server.info()["sinch"]["project_id"].as_str().unwrap().to_owned();
        administer(folder.path(), &["app", "set", "--tenant", &tenant, &app, "--unknown-outcomes", policy]);
    }
    Door::of(&server).subscribe(&app, &sink.url).await;
    let channels: &[_] =
        if unknown_outcomes == Some("fail-over") { &["WHATSAPP", "SMS"] } else { &["WHATSAPP"] };
    let audience = Audience { app, channels };
    for round in 0..rounds {
        let mut fresh = slow_ones(&Door::of(&server), &audience, round, &mut ledger).await;
        let open = storm(&Door::of(&server), &audience, round, &mut fresh, server).await;
        let attempts = ledger.open_at_the_kill(&format!("slow {round} ")).await;
        assert!(open >= OPEN_REQUESTS_MIN, "only {open} requests were open at the kill");
        assert!(attempts >= OPEN_ATTEMPTS_MIN, "only {attempts} attempts were open at the kill");
        server = Server::demo(folder.path(), port, &provider.url()).await;
        repeat(&Door::of(&server), &mut fresh).await;
        sendings.extend(fresh);
        if (round + 1) % ROUNDS_A_LINE == 0 {
            let (messages, seconds) = (sendings.len(), began.elapsed().as_secs());
            println!("round {} of {rounds}: {messages} messages acknowledged in {seconds} s", round + 1);
        }
    }
    let verdict = judge::judge(&Door::of(&server), &mut ledger, &sink, &sendings).await;
    println!("{rounds} kills in {} s\n{verdict}", began.elapsed().as_secs());
    server.kill();
    provider.shutdown().await;
    verdict
}

/// Opens hand-overs that the provider answers late, and waits until it has read enough of them.
async fn slow_ones(door: &Door, audience: &Audience, round: usize, ledger: &mut Ledger) -> Sendings {
    let mut fresh = Sendings::new();
    let mut open = JoinSet::new();
    for n in 0..SLOW {
        let text = format!("slow {round} {n}");
        let sending = audience.sending(format!("4672{round:03}{n:03}"), SLOW_ENDING, &text);
        let door = door.clone();
        open.spawn(async move {
            let acknowledged = Some(door.send_until_answered(&text, &sending.body).await);
            (text, Sending { acknowledged, ..sending })
        });
    }
    while let Some(sent) = open.join_next().await {
        fresh.extend([sent.unwrap()]);
    }
    let prefix = format!("slow {round} ");
    let until = tokio::time::Instant::now() + PATIENCE;
    while ledger.refresh().await.with_prefix(&prefix) < OPEN_ATTEMPTS_MIN {
        assert!(tokio::time::Instant::now() < until, "the provider did not read enough hand-overs");
        tokio::task::yield_now().await;
    }
    fresh
}

/// Sends many at once and kills while most are unanswered. Returns how many were open at the kill.
async fn storm(
    door: &Door,
    audience: &Audience,
    round: usize,
    fresh: &mut Sendings,
    server: Server,
) -> usize {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut open = JoinSet::new();
    for n in 0..REQUESTS {
        let text = format!("storm {round} {n}");
        let sending = audience.sending(format!("4673{round:03}{:03}", n / PER_PHONE), QUICK_ENDING, &text);
        let (door, answered) = (door.clone(), answered.clone());
        open.spawn(async move {
            let acknowledged = door.send(&text, &sending.body).await;
            answered.fetch_add(1, Ordering::SeqCst);
            (text, Sending { acknowledged, ..sending })
        });
    }
    while answered.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    let unanswered = REQUESTS - answered.load(Ordering::SeqCst);
    server.kill();
    while let Some(ended) = open.join_next().await {
        fresh.extend([ended.unwrap()]);
    }
    unanswered
}

/// Repeats what got no answer, under the same key.
async fn repeat(door: &Door, fresh: &mut Sendings) {
    for (key, sending) in fresh.iter_mut().filter(|(_, sending)| sending.acknowledged.is_none()) {
        sending.acknowledged = Some(door.send_until_answered(key, &sending.body).await);
    }
}
