//! The scripted way out, lines and outbound messages, and the checks that every HTTP channel goes through.
//! Nothing here leaves the process: an unscripted request fails the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use connector_api::{
    Callback, Connector, HttpOut, HttpRequest, HttpResponse, Inbound, Line, OutError, Outbound,
};
use connectors::Registered;
use domain::channel::Address;
use domain::content::{Body, Content};
use domain::delivery::{Outcome, ReasonKind};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

pub const SECRET: &str = "S3CRET";

/// Answers in order; what was asked is kept.
#[derive(Default)]
pub struct Script {
    answers: Mutex<VecDeque<Result<HttpResponse, OutError>>>,
    pub asked: Mutex<Vec<HttpRequest>>,
}

impl Script {
    pub fn answer(&self, status: u16, body: &str) {
        self.answer_with(status, body, HeaderMap::new());
    }

    pub fn answer_with(&self, status: u16, body: &str, headers: HeaderMap) {
        let body = Bytes::from(body.to_owned());
        self.answers.lock().expect("tests have loopback and no poisoned lock").push_back(Ok(HttpResponse {
            status,
            headers,
            body,
        }));
    }

    pub fn fail(&self, error: OutError) {
        self.answers.lock().expect("tests have loopback and no poisoned lock").push_back(Err(error));
    }

    /// URL and JSON body of every request so far.
    pub fn seen(&self) -> Vec<(String, Value)> {
        let asked = self.asked.lock().expect("tests have loopback and no poisoned lock");
        asked
            .iter()
            .map(|request| (request.url.clone(), serde_json::from_slice(&request.body).unwrap_or_default()))
            .collect()
    }
}

impl HttpOut for Script {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            self.asked.lock().expect("tests have loopback and no poisoned lock").push(request);
            self.answers
                .lock()
                .expect("tests have loopback and no poisoned lock")
                .pop_front()
                .expect("an answer is scripted for every request")
        })
    }

    fn addresses(&self, host: String) -> BoxFuture<'_, Result<Vec<std::net::IpAddr>, OutError>> {
        let address = host.parse().map_err(|_| OutError::NotSent("tests know no names".to_owned()));
        Box::pin(std::future::ready(address.map(|address| vec![address])))
    }
}

pub fn registered(channel: &str) -> Registered {
    connectors::all()
        .into_iter()
        .find(|one| one.connector.channel() == channel)
        .expect("the channel is registered")
}

pub fn line(account: &str, settings: &[(&str, &str)], http: &Arc<Script>) -> Line {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Line::new(account, settings, Arc::clone(http) as Arc<dyn HttpOut>)
}

pub fn outbound(channel: &str, to: &str, body: Body) -> Outbound {
    Outbound {
        token: "01JTOKEN/1".into(),
        to: Address::new(channel, to),
        content: Content::from_body(body),
        raw: None,
        reply_to: None,
        ttl_s: None,
        parts_done: Vec::new(),
    }
}

pub fn callback(headers: &[(&'static str, &str)], body: &str) -> Callback {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"))
    });
    Callback { headers: headers.collect(), query: String::new(), body: Bytes::from(body.to_owned()) }
}

/// Reads twice: a replay says the same, so that the core can drop it by its ids.
pub fn read(connector: &dyn Connector, callback: &Callback, line: &Line) -> Vec<Inbound> {
    let once =
        connector.read(connector.authenticate(callback, line).expect("genuine"), line).expect("readable");
    let again =
        connector.read(connector.authenticate(callback, line).expect("genuine"), line).expect("readable");
    assert_eq!(once, again);
    once
}

/// The kind, and whether a later try may work.
pub fn kind(outcome: &Outcome) -> (ReasonKind, Option<i64>, bool) {
    match outcome {
        Outcome::Refused(reason) => (reason.kind, None, false),
        Outcome::Temporary { reason, retry_after_ms } => (reason.kind, *retry_after_ms, true),
        other => panic!("neither refused nor temporary: {other:?}"),
    }
}

/// What holds for every channel over HTTP: classes of answers, and silence about secrets.
pub async fn conforms(connector: &dyn Connector, line: &Line, http: &Script, message: &Outbound) {
    http.fail(OutError::NoAnswer("dropped".to_owned()));
    assert_eq!(connector.send(line, message).await, Outcome::Unknown { parts: vec![] });
    http.fail(OutError::NotSent("no connection".to_owned()));
    assert!(kind(&connector.send(line, message).await).2);
    http.fail(OutError::Forbidden("not public".to_owned()));
    assert_eq!(
        kind(&connector.send(line, message).await),
        (ReasonKind::ChannelBadConfiguration, None, false)
    );
    http.answer(200, "not what was promised");
    assert_eq!(connector.send(line, message).await, Outcome::Unknown { parts: vec![] });
    for status in [500, 502, 503] {
        http.answer(status, "<html>");
        assert_eq!(kind(&connector.send(line, message).await), (ReasonKind::ChannelFailure, None, true));
    }
    let mut headers = HeaderMap::new();
    headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("7"));
    http.answer_with(429, "{}", headers);
    assert_eq!(kind(&connector.send(line, message).await), (ReasonKind::RateLimited, Some(7_000), true));
    let shown = format!(
        "{line:?} {:?} {message:?}",
        http.asked.lock().expect("tests have loopback and no poisoned lock")
    );
    assert!(!shown.contains(SECRET), "a secret shows: {shown}");
    let forged =
        callback(&[("x-hub-signature-256", "sha256=00"), ("x-telegram-bot-api-secret-token", "no")], "{}");
    assert!(connector.authenticate(&forged, line).is_err());
    assert!(connector.authenticate(&callback(&[], "{}"), line).is_err());
}
