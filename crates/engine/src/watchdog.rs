//! The watchdog: finds messages whose time is over and that nothing moved, and moves them.
//!
//! Jobs do that, in time; a watchdog that asked the jobs would miss the message whose job is lost. So it follows the
//! log, which each commit writes beside its jobs: a message is open from its submission on until the log says that a
//! channel has it, or how it ended. What stays open is looked at in its row now and then. What is finished is never
//! looked at. A row of its own says up to where the log holds nothing that is open, so that a start reads no more of
//! it than that.

use std::collections::BTreeMap;

use domain::command::attempt::Finish;
use domain::command::overdue::{EndOverdue, GRACE_MS, Overdue, SaveWatched, watched};
use domain::delivery::{Outcome, Phase, Status};
use domain::event::{Event, Fact};
use domain::id::{MessageId, TenantId};
use domain::message::Message;
use domain::record::{Entity as _, Key};
use domain::subscription::Cursor;
use domain::time::Time;

use crate::engine::{Engine, stopped};
use crate::runner::nature;

/// Events, or rows, read at once.
const PAGE: usize = 500;
/// Open messages that are known at once. While there are more, the log is not read on.
const OPEN_MAX: usize = 100_000;
/// Between two pages of the log that are full, in milliseconds.
const PACE_MS: i64 = 10;
/// Between looks at what the log says, while it grows, in milliseconds.
const REST_MS: i64 = 250;
/// Between rounds of looking for what is overdue, in milliseconds.
const ROUND_MS: i64 = 60_000;
/// Before an open message is looked at again, in milliseconds: the log does not say that an attempt is held.
const AGAIN_MS: i64 = 600_000;

/// Runs until the engine stops.
pub(crate) async fn run(engine: Engine) {
    let (stopping, log) = (engine.stopping(), engine.log());
    let mut watch = Watch::default();
    let mut round_at = engine.now().plus_ms(GRACE_MS);
    while !engine.is_stopping() {
        let more = watch.follow(&engine).await;
        if engine.now() >= round_at {
            watch.round(&engine).await;
            round_at = engine.now().plus_ms(ROUND_MS);
        }
        let (read, rest_ms) = if more { (0, PACE_MS) } else { (watch.position.unwrap_or(0), REST_MS) };
        let growth = async {
            log.above(read).await;
            engine.parts().clock.wait_until(engine.now().plus_ms(rest_ms)).await;
        };
        tokio::select! {
            biased;
            () = stopped(&stopping) => return,
            () = growth, if !watch.is_full() => {}
            () = engine.parts().clock.wait_until(round_at) => {}
        }
    }
}

/// A message that no channel has for good.
struct Open {
    tenant: TenantId,
    /// Of the event since which it is open.
    position: u64,
    look_at: Time,
}

/// What is open, as far as the log is read.
#[derive(Default)]
struct Watch {
    /// Up to where the log is read; `None` before it is known where to begin.
    position: Option<u64>,
    /// What is stored of that.
    saved: u64,
    open: BTreeMap<MessageId, Open>,
}

impl Watch {
    fn is_full(&self) -> bool {
        self.open.len() >= OPEN_MAX
    }

    /// Reads the log on. Says whether a page was full.
    async fn follow(&mut self, engine: &Engine) -> bool {
        if self.is_full() {
            return false;
        }
        match self.read_on(engine).await {
            Ok(count) => count == PAGE,
            Err(error) => {
                tracing::warn!(%error, "the log could not be read; the watchdog tries again");
                false
            }
        }
    }

    async fn read_on(&mut self, engine: &Engine) -> Result<usize, ports::Error> {
        let after = match self.position {
            Some(position) => position,
            None => {
                let saved = engine.row::<Cursor>(watched()).await?;
                self.saved = saved.map_or(0, |cursor| cursor.position);
                self.saved
            }
        };
        let (mut count, mut last) = (0, after);
        let directory = engine.directory();
        let report_ms = |event: &Event| {
            let app = event.app.and_then(|app| directory.app(event.tenant, app));
            app.and_then(|app| app.patience.report_s).map(|wait_s| i64::from(wait_s) * 1_000)
        };
        let take = |event: &Event| {
            (count, last) = (count + 1, event.position);
            self.take(event, report_ms);
        };
        engine.show_events(after, PAGE, take).await?;
        self.position = Some(last);
        Ok(count)
    }

    /// Takes in what an event says. `report_ms`: how long its app waits for a channel's report.
    fn take(&mut self, event: &Event, report_ms: impl Fn(&Event) -> Option<i64>) {
        let Some(message) = event.message else { return };
        let open_for_ms = match &event.fact {
            Fact::MessageSubmitted => Some(0),
            Fact::DeliveryChanged(change) => match change.status {
                Status::Queued | Status::SwitchingChannel => Some(0),
                Status::HandedOver => report_ms(event),
                Status::Failed | Status::Delivered | Status::Read => None,
            },
            _ => return,
        };
        match open_for_ms {
            Some(ms) => {
                let look_at = event.at.plus_ms(ms).plus_ms(GRACE_MS);
                let (tenant, position) = (event.tenant, event.position);
                self.open.insert(message, Open { tenant, position, look_at });
            }
            None => drop(self.open.remove(&message)),
        }
    }

    /// Looks at what is to be looked at, and remembers how far the log is done with.
    async fn round(&mut self, engine: &Engine) {
        let now = engine.now();
        let due = self.open.iter().filter(|(_, open)| open.look_at <= now);
        let due: Vec<(TenantId, MessageId)> = due.map(|(message, open)| (open.tenant, *message)).collect();
        for page in due.chunks(PAGE) {
            if let Err(error) = self.look(engine, page).await {
                return tracing::warn!(%error, "messages could not be read; the watchdog tries again");
            }
        }
        let Some(read) = self.position else { return };
        let done = self.open.values().map(|open| open.position - 1).min().unwrap_or(read);
        if done > self.saved && engine.conclude(SaveWatched { position: done }).await.is_ok() {
            self.saved = done;
        }
    }

    /// Looks at the rows of open messages, and moves those that are overdue.
    async fn look(&mut self, engine: &Engine, page: &[(TenantId, MessageId)]) -> Result<(), ports::Error> {
        let keys = page.iter().map(|(tenant, message)| Key::id::<Message>(*tenant, message.0)).collect();
        let rows = engine.records(keys).await?;
        let now = engine.now();
        for ((tenant, id), row) in page.iter().zip(rows) {
            let message = row.as_ref().and_then(Message::unwrap);
            let delivery = message.as_ref().and_then(|message| message.delivery.as_ref());
            let Some(delivery) = delivery.filter(|delivery| !delivery.is_out_of_our_hands()) else {
                self.open.remove(id);
                continue;
            };
            let late_at = delivery.due().map_or(Time::NEVER, |due| due.plus_ms(GRACE_MS));
            // While delivery is paused an attempt that a dead process left open stays so.
            let waits = delivery.phase == Phase::Attempting && engine.delivery_is_paused();
            if late_at <= now && !waits {
                end(engine, *tenant, *id).await;
            }
            if let Some(open) = self.open.get_mut(id) {
                open.look_at = if late_at <= now { now } else { late_at.min(now.plus_ms(AGAIN_MS)) };
            }
        }
        Ok(())
    }
}

/// Does what the message's job should have done.
async fn end(engine: &Engine, tenant: TenantId, message: MessageId) {
    // A hand-over of this process that takes long is no lost one.
    let Some(_held) = engine.hold(message) else { return };
    let (tenant_id, message_id) = (tenant.ulid(), message.ulid());
    let found = match engine.conclude(EndOverdue { tenant, message }).await {
        Ok(Overdue::No) | Err(_) => return,
        Ok(found) => found,
    };
    metrics::counter!("trunkline_messages_overdue").increment(1);
    tracing::warn!(
        tenant_id,
        message_id,
        "a message was past its time and nothing had moved it; it is ended"
    );
    if let Overdue::Attempting { attempt, to } = found {
        let (outcome, nature) = (Outcome::Unknown { parts: Vec::new() }, nature(engine, &to.channel));
        let finish = Finish { tenant, message, attempt, job: None, outcome, nature };
        if engine.conclude(finish).await.is_err() {
            tracing::warn!(
                tenant_id,
                message_id,
                "how its attempt ended could not be kept; the next round tries"
            );
        }
    }
}
