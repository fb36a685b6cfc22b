//! A channel that remembers what it was handed and answers by script, and a subscriber that does the same.
//! Both let a test wait for a count instead of for time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use connector_api::{
    Abilities, Callback, Connector, Forged, Genuine, HttpOut, HttpRequest, HttpResponse, Inbound, Line,
    OutError, Outbound, Unreadable,
};
use domain::delivery::Outcome;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;

use crate::PlainConnector;

/// Things that came, in order; clones share them.
#[derive(Debug)]
pub struct Came<T>(watch::Sender<Vec<T>>);

impl<T> Clone for Came<T> {
    fn clone(&self) -> Self {
        Came(self.0.clone())
    }
}

impl<T> Default for Came<T> {
    fn default() -> Self {
        Came(watch::Sender::new(Vec::new()))
    }
}

impl<T: Clone> Came<T> {
    fn push(&self, thing: T) {
        self.0.send_modify(|all| all.push(thing));
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    /// Waits until at least so many came; gives all of them.
    pub async fn at_least(&self, count: usize) -> Vec<T> {
        let mut seen = self.0.subscribe();
        // The sender is held by `self`, so that the wait cannot end early.
        let _ = seen.wait_for(|all| all.len() >= count).await;
        self.all()
    }
}

/// A channel with phone-like addresses. Hand-overs are accepted unless the script says otherwise.
#[derive(Clone)]
pub struct Phone {
    plain: PlainConnector,
    script: Arc<Mutex<VecDeque<Outcome>>>,
    pub got: Came<Outbound>,
}

impl Phone {
    /// A channel of this name; `app_scoped` as its addresses are.
    pub fn new(name: &'static str, app_scoped: bool) -> Phone {
        Phone { plain: PlainConnector::new(name, app_scoped), script: Arc::default(), got: Came::default() }
    }

    /// The outcome of the next hand-over without one.
    pub fn will(&self, outcome: Outcome) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).push_back(outcome);
    }
}

impl Connector for Phone {
    fn channel(&self) -> &'static str {
        self.plain.channel()
    }

    fn abilities(&self) -> &Abilities {
        self.plain.abilities()
    }

    fn normalize(&self, address: &str) -> Option<String> {
        self.plain.normalize(address)
    }

    fn authenticate<'r>(&self, _: &'r Callback, _: &Line) -> Result<Genuine<'r>, Forged> {
        Err(Forged)
    }

    fn read(&self, _: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        Ok(Vec::new())
    }

    fn send<'a>(&'a self, _: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        self.got.push(message.clone());
        let scripted = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let accepted = || Outcome::Accepted { parts: vec![Arc::clone(&message.token)] };
        Box::pin(ready(scripted.unwrap_or_else(accepted)))
    }
}

/// A subscriber. Callbacks are answered 200 unless the script says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Subscriber {
    script: Arc<Mutex<VecDeque<u16>>>,
    pub got: Came<HttpRequest>,
}

impl Subscriber {
    /// The statuses of the next callbacks without one.
    pub fn will(&self, statuses: &[u16]) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).extend(statuses);
    }
}

impl HttpOut for Subscriber {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        let status = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(200);
        self.got.push(request);
        let headers = http::HeaderMap::new();
        Box::pin(ready(Ok(HttpResponse { status, headers, body: Bytes::new() })))
    }
}
