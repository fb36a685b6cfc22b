//! The patient provider: callbacks are repeated until taken, or for ten minutes.
//!
//! What a person does goes out in order per handset: each handset has a lane, and a lane works on one thing at a
//! time. Receipts of different messages do not wait for each other. The account is looked up again for every
//! attempt, so a server that comes back on another port gets what it missed there.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::channel::Channel;
use crate::world::World;

/// Callbacks under way at once; more wait their turn, as a provider's workers would.
const CALLBACKS_AT_ONCE_MAX: usize = 256;

type Lane = (&'static str, String);

pub(crate) struct Callbacks {
    client: Client<HttpConnector, Full<Bytes>>,
    at_once: Semaphore,
    lanes: Mutex<HashMap<Lane, VecDeque<BoxFuture<'static, ()>>>>,
}

impl Callbacks {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is a provider of its own and does not use our ways out"
    )]
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            at_once: Semaphore::new(CALLBACKS_AT_ONCE_MAX),
            lanes: Mutex::default(),
        }
    }

    /// One plain HTTP request of the provider's own, as for fetching a person's file.
    pub(crate) async fn get(&self, url: &str) -> Result<http::Response<Bytes>, String> {
        let request = http::Request::get(url).body(Full::default()).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| format!("{url}: {error}"))?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| format!("{url}: {error}"))?.to_bytes();
        Ok(http::Response::from_parts(parts, bytes))
    }

    async fn attempt(&self, world: &World, request: http::Request<Full<Bytes>>) -> bool {
        let Ok(_turn) = self.at_once.acquire().await else {
            return false;
        };
        let exchange = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status();
            // Reading the body to its end is what lets the connection be used again.
            response.into_body().collect().await.ok()?;
            Some(status.is_success())
        };
        timeout(world.settings.delays.callback_timeout, exchange).await.ok().flatten().unwrap_or(false)
    }

    /// Does `job` after everything that was put on this handset's lane before.
    pub(crate) fn in_order(
        &self,
        world: &Arc<World>,
        channel: &'static str,
        identity: &str,
        job: impl Future<Output = ()> + Send + 'static,
    ) {
        let lane = (channel, identity.to_owned());
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = lanes.get_mut(&lane) {
            waiting.push_back(Box::pin(job));
            return;
        }
        lanes.insert(lane.clone(), VecDeque::from([Box::pin(job) as BoxFuture<'static, ()>]));
        drop(lanes);
        tokio::spawn(run_lane(world.clone(), lane));
    }
}

async fn run_lane(world: Arc<World>, lane: Lane) {
    loop {
        let job = {
            let mut lanes = world.callbacks.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            match lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
                Some(job) => job,
                None => {
                    lanes.remove(&lane);
                    return;
                }
            }
        };
        job.await;
    }
}

/// Posts a webhook body until the account takes it.
pub(crate) async fn deliver(world: &Arc<World>, channel: &dyn Channel, account: &str, body: Bytes) {
    until_taken(world, || async {
        let account = world.accounts.get(channel.name(), account);
        let request = account.and_then(|account| channel.callback(&account, &body));
        match request {
            Some(request) => world.callbacks.attempt(world, request).await,
            None => false,
        }
    })
    .await;
}

/// Repeats an attempt, with growing pauses, until it succeeds or patience ends.
pub(crate) async fn until_taken<F, R>(world: &Arc<World>, attempt: F)
where
    F: Fn() -> R,
    R: Future<Output = bool>,
{
    let delays = &world.settings.delays;
    let give_up_at = Instant::now() + delays.callback_patience;
    let mut pause = delays.callback_pause_min;
    while !world.closing.is_cancelled() && !attempt().await {
        if Instant::now() + pause > give_up_at {
            tracing::warn!("a callback was never taken");
            return;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = world.closing.cancelled() => return,
        }
        pause = (pause * 2).min(delays.callback_pause_max);
    }
}
