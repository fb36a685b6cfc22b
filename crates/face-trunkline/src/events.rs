//! `GET /trunkline/v1/events`: the tenant's log, page by page, by long poll, or as a stream of server-sent events.
//!
//! A cursor is opaque and names the place behind an event. Reading on from `next` misses nothing and repeats nothing.
//! With `wait_s` an empty page is held back until something happens. With `Accept: text/event-stream` the answer never
//! ends; a browser that reconnects goes on behind the `Last-Event-ID` that it saw.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::event::Event;
use domain::id::{Id, TenantId};
use engine::{Engine, domain};
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::auth::Caller;
use crate::cursor;
use crate::error::{Refusal, unavailable};
use crate::print;

/// Events of a page where the caller names no limit.
const LIMIT: usize = 100;
/// Most events of a page.
pub(crate) const LIMIT_MAX: usize = 500;
/// Longest wait of a long poll, in seconds.
pub(crate) const WAIT_S_MAX: u64 = 30;

/// What the caller asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub after: u64,
    pub limit: usize,
    pub wait_s: u64,
}

/// Answers with a page, or begins a stream.
pub(crate) async fn list(
    caller: Caller,
    State(engine): State<Engine>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let log = engine.log_name();
    let mut wanted = parse(log, query.as_deref().unwrap_or_default())?;
    if text(&headers, ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/event-stream")) {
        if let Some(seen) = text(&headers, "last-event-id") {
            wanted.after = cursor::read(log, seen)?;
        }
        let keep = KeepAlive::new().interval(Duration::from_secs(15));
        return Ok(Sse::new(stream_of(engine, caller.tenant, wanted.after)).keep_alive(keep).into_response());
    }
    let events = page(&engine, caller.tenant, &wanted).await?;
    let next = events.last().map_or(wanted.after, |event| event.position);
    let printed: Vec<Value> =
        events.iter().map(|event| print::event(event, &cursor::write(log, event.position))).collect();
    Ok(Json(json!({ "events": printed, "next": cursor::write(log, next) })).into_response())
}

/// A page; an empty one only after the wait is over.
async fn page(engine: &Engine, tenant: TenantId, wanted: &Wanted) -> Result<Vec<Event>, Refusal> {
    let until_found = async {
        // Taken before the first read: what is committed after the read is a change of this head.
        let mut head = engine.head();
        loop {
            head.mark_unchanged();
            let events = engine.events(tenant, wanted.after, wanted.limit).await.map_err(unavailable)?;
            if !events.is_empty() || wanted.wait_s == 0 || head.changed().await.is_err() {
                return Ok(events);
            }
        }
    };
    let wait = Duration::from_secs(wanted.wait_s.max(WAIT_S_MAX * u64::from(wanted.wait_s == 0)));
    tokio::time::timeout(wait, until_found).await.unwrap_or(Ok(Vec::new()))
}

/// Where a stream stands.
struct Streaming {
    engine: Engine,
    tenant: TenantId,
    after: u64,
    head: watch::Receiver<u64>,
    ready: VecDeque<Event>,
}

fn stream_of(
    engine: Engine,
    tenant: TenantId,
    after: u64,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let head = engine.head();
    let streaming = Streaming { engine, tenant, after, head, ready: VecDeque::new() };
    stream::unfold(streaming, |mut streaming| async move {
        let event = streaming.next().await?;
        let place = cursor::write(streaming.engine.log_name(), event.position);
        let data = print::event(&event, &place).to_string();
        Some((Ok(sse::Event::default().id(place).event("event").data(data)), streaming))
    })
}

impl Streaming {
    /// The next event; `None` ends the stream, and the client comes back with its last id.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.position;
                return Some(event);
            }
            self.head.mark_unchanged();
            match self.engine.events(self.tenant, self.after, LIMIT).await {
                Ok(events) if events.is_empty() => self.head.changed().await.ok()?,
                Ok(events) => self.ready.extend(events),
                Err(error) => {
                    unavailable(error);
                    return None;
                }
            }
        }
    }
}

pub(crate) fn parse(log: Id, query: &str) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted { after: 0, limit: LIMIT, wait_s: 0 };
    for pair in query.split('&') {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("after", "") => wanted.after = 0,
            ("after", given) => wanted.after = cursor::read(log, given)?,
            ("limit", number) => {
                let limit = number.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                wanted.limit = limit.ok_or(Refusal::BadNumber("limit"))?;
            }
            ("wait_s", number) => {
                let wait_s = number.parse().ok().filter(|wait_s| *wait_s <= WAIT_S_MAX);
                wanted.wait_s = wait_s.ok_or(Refusal::BadNumber("wait_s"))?;
            }
            // Unknown parameters are left alone, as everywhere on the web.
            _ => {}
        }
    }
    Ok(wanted)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
