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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::settings::Settings;

    /// How often a callback was tried that is taken at the given try, and for how long.
    async fn tries(taken_at: u32) -> (u32, Duration) {
        let world = Arc::new(World::new(Settings::default()).expect("no file to read"));
        let (count, started) = (AtomicU32::new(0), Instant::now());
        until_taken(&world, || async { count.fetch_add(1, Ordering::Relaxed) + 1 == taken_at }).await;
        (count.into_inner(), started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn callbacks_are_repeated_until_taken_and_for_ten_minutes_at_most() {
        assert_eq!(tries(1).await, (1, Duration::ZERO));
        assert_eq!(tries(3).await, (3, Duration::from_millis(300)), "pauses grow");
        let (count, patience) = tries(0).await;
        assert!(count > 300, "{count}");
        let limit = Duration::from_mins(10);
        assert!(patience <= limit && patience > limit - Duration::from_secs(2), "{patience:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_handset_says_stays_in_order_while_others_go_on() {
        let world = Arc::new(World::new(Settings::default()).expect("no file to read"));
        let (said, mut heard) = tokio::sync::mpsc::channel(8);
        for (identity, word, pause_s) in [("1", "first", 5), ("1", "second", 0), ("2", "other", 1)] {
            let said = said.clone();
            world.callbacks.in_order(&world, "SMS", identity, async move {
                sleep(Duration::from_secs(pause_s)).await;
                said.send(word).await.expect("the test listens");
            });
        }
        for expected in ["other", "first", "second"] {
            assert_eq!(heard.recv().await, Some(expected));
        }
    }
}
