//! For the tests beside each connector: the scripted way out, lines and outbound messages, and the checks that every
//! HTTP channel goes through. Nothing here leaves the process: an unscripted request fails the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use connector_api::{
    Callback, Connector, HttpOut, HttpRequest, HttpResponse, Inbound, Line, Located, OutError, Outbound,
    SendError,
};
use domain::channel::Address;
use domain::content::{Action, Body, Card, Choice, Content, Media, Row, Section};
use domain::delivery::{Outcome, ReasonKind};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::Registered;

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
    crate::all()
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

/// A reference that came in, as `read` gives it.
pub fn reference(id: &str) -> Media {
    Media { url: format!("provider:{id}"), ..Media::default() }
}

/// Why a file was not located: the kind, and whether a later try may work.
pub fn unlocated(located: Result<Located, SendError>) -> (ReasonKind, bool) {
    match located.expect_err("nobody knows where it is") {
        SendError::Permanent(reason) => (reason.kind, false),
        SendError::Temporary { reason, .. } => (reason.kind, true),
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
    assert!(connector.authenticate(&callback(&[], "{}"), line).is_err());
}

fn owned(words: &str) -> String {
    words.to_owned()
}

fn file(mime: &str, name: &str, caption: &str) -> Body {
    let url = format!("https://cdn.example.net/{name}");
    Body::Media(Media {
        url,
        mime: owned(mime),
        name: owned(name),
        caption: owned(caption),
        ..Media::default()
    })
}

fn asks(text: &str, action: Action) -> Body {
    Body::Choice { text: owned(text), choices: vec![Choice { action, postback: String::new() }] }
}

fn reply(text: &str, postback: &str) -> Choice {
    Choice { action: Action::Reply { text: owned(text) }, postback: owned(postback) }
}

fn row(title: &str, description: &str, postback: &str) -> Row {
    Row { title: owned(title), description: owned(description), postback: owned(postback) }
}

/// The generic messages under the names by which the fixtures of requests know them.
pub fn sample(name: &str) -> Body {
    let place = |title: &str, label: &str| Body::Location {
        title: owned(title),
        label: owned(label),
        latitude: owned("51.5007"),
        longitude: owned("-0.1246"),
    };
    match name {
        "text" => Body::Text(owned("Hello")),
        "image" => file("image/jpeg", "a.jpg", "A box"),
        "document" => file("application/pdf", "bill.pdf", "The bill"),
        "audio" => file("audio/ogg; codecs=opus", "a.ogg", "Listen"),
        "animation" => file("image/gif", "a.gif", ""),
        "location" => place("Big Ben", "London"),
        "bare location" => place("", ""),
        "buttons" => Body::Choice {
            text: owned("Keep the appointment?"),
            choices: vec![reply("Yes", "p-1"), reply("No", "p-2")],
        },
        "link" => asks(
            "Track your parcel",
            Action::Link { title: owned("Track"), url: owned("https://omni.example/t/1") },
        ),
        "call" => asks("Ring us", Action::Call { title: owned("Ring"), phone: owned("+447700900456") }),
        "ask for the location" => asks("Where are you?", Action::ShareLocation { title: owned("Here") }),
        "show a location" => asks(
            "Come here",
            Action::ShowLocation { title: owned("Map"), latitude: owned("51.5"), longitude: owned("-0.1") },
        ),
        "card" => Body::Card(Card {
            title: owned("Box"),
            description: owned("Of wood"),
            media: Some(Media {
                url: owned("https://cdn.example.net/a.jpg"),
                mime: owned("image/jpeg"),
                ..Media::default()
            }),
            choices: vec![reply("Yes", "p-1")],
        }),
        "list" => Body::List {
            title: owned("Menu"),
            description: owned("Pick one"),
            sections: vec![
                Section { title: owned("Hot"), rows: vec![row("Tea", "Black", "r1")] },
                Section { title: owned("Cold"), rows: vec![row("Juice", "", "r2")] },
            ],
            menu_title: owned("Show"),
        },
        "contact" => Body::ContactCard {
            name: owned("Ada Doe"),
            phones: vec![owned("+447700900456")],
            emails: vec![owned("ada@omni.example")],
            organization: owned("Acme"),
        },
        "template" => Body::Template {
            name: owned("order_update"),
            language: owned("en_GB"),
            parameters: vec![(owned("order_no"), owned("4711"))],
        },
        other => panic!("no sample is called {other}"),
    }
}

/// The requests of a fixture file, by the name of the sample that they come from.
pub fn requests(fixture: &str) -> Vec<(String, Value)> {
    let Ok(Value::Object(mut all)) = serde_json::from_str(fixture) else { panic!("a fixture is an object") };
    assert!(all.remove("source").is_some_and(|source| source.is_string()), "a fixture names its source");
    all.into_iter().collect()
}
