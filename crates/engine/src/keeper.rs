//! The keeper: forgets what has outlived its use, a page at a time, so that it never holds anybody up.
//!
//! Answers kept under a client's key go when their life is over; receipts that nothing claimed go after theirs and
//! leave an orphan event; records of callbacks go after as long as the log is kept; the log goes when it is old enough and no live subscription still has to hear it. A
//! subscription that is a week behind does not hold the log any longer: it is disabled, with an event.

use std::sync::Arc;

use domain::command::forget::Forget;
use domain::command::route::{DisableSubscription, Disabling};
use domain::id::TenantId;
use domain::record::{Key, Kind, Record};
use domain::subscription::{Cursor, Subscription};
use domain::time::Time;

use crate::engine::{Engine, stopped};

/// Rows or events looked at in one step.
const PAGE: usize = 500;
/// Between steps while there is more, in milliseconds.
const PACE_MS: i64 = 1_000;
/// Between rounds, in milliseconds.
const REST_MS: i64 = 600_000;
/// How far behind a live subscription may be and still hold the log, in milliseconds.
const BEHIND_MS_MAX: i64 = 7 * 86_400_000;
/// The kinds of rows that say themselves when their time is over, or whose owner may go before them.
const KINDS: [Kind; 5] = [Kind::Once, Kind::EarlyReceipts, Kind::Callback, Kind::CallbackPage, Kind::Parked];

/// Runs until the engine stops.
pub(crate) async fn run(engine: Engine) {
    let stopping = engine.stopping();
    let mut rounds = KINDS.map(|kind| Round { kind, after: None });
    loop {
        let mut more = cut(&engine).await;
        for round in &mut rounds {
            more |= round.step(&engine).await;
        }
        let pause_ms = if more { PACE_MS } else { REST_MS };
        tokio::select! {
            biased;
            () = stopped(&stopping) => return,
            () = engine.parts().clock.wait_until(engine.now().plus_ms(pause_ms)) => {}
        }
    }
}

/// A walk through all rows of a kind.
struct Round {
    kind: Kind,
    after: Option<Key>,
}

impl Round {
    /// Forgets what is over in one page. Says whether the round goes on.
    async fn step(&mut self, engine: &Engine) -> bool {
        let page = match engine.parts().reads.rows_after(self.kind, self.after.take(), PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "rows could not be read; the next round looks again");
                return false;
            }
        };
        let (full, now) = (page.len() == PAGE, engine.now());
        self.after = page.last().filter(|_| full).map(|row| row.key.clone());
        let directory = engine.directory();
        let over = |tenant: TenantId, record: &Record| match record {
            Record::Once(once) => once.expires_at <= now,
            Record::EarlyReceipts(early) => early.expires_at <= now,
            Record::Callback(callback) => callback.kept_until <= now,
            Record::CallbackPage(page) => page.kept_until <= now,
            // Its subscription was deleted.
            Record::Parked(parked) => directory.subscription(tenant, parked.subscription).is_none(),
            _ => false,
        };
        let keys: Vec<Key> = page
            .into_iter()
            .filter(|row| row.record.as_ref().is_some_and(|record| over(row.key.tenant, record)))
            .map(|row| row.key)
            .collect();
        if !keys.is_empty() && engine.conclude(Forget { keys }).await.is_err() {
            tracing::warn!("rows could not be forgotten; the next round tries again");
        }
        full
    }
}

/// Cuts one page off the log. Says whether there may be more.
async fn cut(engine: &Engine) -> bool {
    match old(engine).await {
        Ok(Some(through)) => match engine.parts().store.cut_log(through, PAGE).await {
            Ok(count) => {
                engine.log_was_cut(through);
                return count == PAGE;
            }
            Err(error) => tracing::warn!(%error, "the log could not be cut"),
        },
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the log's age could not be told"),
    }
    false
}

/// The newest position of the oldest page that may go.
async fn old(engine: &Engine) -> Result<Option<u64>, ports::Error> {
    let kept_ms = engine.parts().limits.log_kept_s.saturating_mul(1_000);
    let horizon = engine.now().plus_ms(-kept_ms);
    let page = engine.parts().reads.events(None, 0, PAGE).await?;
    let Some(mut through) =
        page.iter().take_while(|event| event.at <= horizon).last().map(|last| last.position)
    else {
        return Ok(None);
    };
    let oldest = page.first().map_or(0, |first| first.position);
    for subscription in engine.directory().subscriptions().filter(|one| one.enabled) {
        if let Some((position, at)) = first_unheard(engine, subscription, through).await? {
            let behind = engine.now().since_ms(at) >= BEHIND_MS_MAX;
            if !(behind && disable(engine, subscription).await) {
                through = through.min(position.saturating_sub(1));
            }
        }
    }
    Ok((through >= oldest).then_some(through))
}

/// The first event up to a position that a subscription still has to hear, and its time.
async fn first_unheard(
    engine: &Engine,
    subscription: &Arc<Subscription>,
    through: u64,
) -> Result<Option<(u64, Time)>, ports::Error> {
    let (tenant, id) = (subscription.tenant, subscription.id.0);
    let Some(cursor) = engine.get::<Cursor>(tenant, id).await? else {
        return Ok(None);
    };
    let parked = engine.parked(tenant, subscription.id).await?;
    let parked = parked.iter().map(|parked| parked.position().saturating_sub(1));
    let heard = parked.chain([cursor.position]).min().unwrap_or(cursor.position);
    if heard >= through {
        return Ok(None);
    }
    let next = engine.events(tenant, heard, 1).await?;
    Ok(next.first().filter(|event| event.position <= through).map(|event| (event.position, event.at)))
}

/// Whether the subscription is switched off, and the log says so.
async fn disable(engine: &Engine, subscription: &Subscription) -> bool {
    let (tenant, id) = (subscription.tenant, subscription.id);
    tracing::warn!(subscription = id.ulid(), "a subscription is too far behind and is disabled");
    engine.conclude(DisableSubscription { tenant, subscription: id, why: Disabling::Behind }).await.is_ok()
}
