//! Times-to-live by the monotonic timer: within one life no message expires early, and none waits on when its time is
//! over, whatever the wall clock is set to. Across a restart wall time counts, so nothing of an earlier life is judged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use engine::domain::delivery::{Phase, ReasonKind};
use engine::domain::event::Fact;
use engine::domain::id::{MessageId, TenantId};
use engine::domain::message::Message;
use engine::domain::record::{Entity as _, Key};
use engine::domain::time::Time;
use ports::Batch;
use tokio::time::Instant;

use crate::fate::Fate;
use crate::store::ChaosStore;

/// The share by which the engine's time may differ from the timer's while it makes up for a jump: one in so many.
const SLEW: i64 = 20;
/// From a decision to its commit, in milliseconds.
const EARLY_MS: i64 = 1_000;
/// How late the end may come when the store was ill at that moment, in milliseconds.
const LATE_MS: i64 = 120_000;

/// Messages with a time-to-live that were accepted in this life.
#[derive(Clone, Default)]
pub struct Deadlines(Arc<Mutex<BTreeMap<MessageId, Limited>>>);

struct Limited {
    tenant: TenantId,
    since: Instant,
    ttl_ms: i64,
}

impl Deadlines {
    /// A life begins.
    pub fn begin(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Reads what is about to be committed.
    pub fn read(&self, batch: &Batch, fate: &Fate) {
        let mut known = self.0.lock().unwrap();
        for event in &batch.events {
            let Some(id) = event.message else { continue };
            match &event.fact {
                Fact::MessageSubmitted => {
                    let key = Key::id::<Message>(event.tenant, id.0);
                    let write = batch.writes.iter().find(|write| write.key == key);
                    let row = write.and_then(|write| write.record.as_ref()).and_then(Message::unwrap);
                    let limit =
                        row.and_then(|row| Some((row.accepted_at, row.delivery.as_ref()?.expires_at)));
                    if let Some((from, until)) = limit.filter(|(_, until)| *until < Time::NEVER) {
                        let (tenant, since, ttl_ms) = (event.tenant, Instant::now(), until.since_ms(from));
                        known.insert(id, Limited { tenant, since, ttl_ms });
                    }
                }
                Fact::DeliveryChanged(change) => {
                    let expired =
                        change.reason.as_ref().is_some_and(|reason| reason.kind == ReasonKind::Expired);
                    if let Some(limited) = known.get(&id).filter(|_| expired) {
                        let passed_ms = limited.since.elapsed().as_millis() as i64;
                        let soonest_ms = limited.ttl_ms / (SLEW + 1) * SLEW - EARLY_MS;
                        let early = format_args!("{id:?} expired after {passed_ms} of {} ms", limited.ttl_ms);
                        fate.demand(passed_ms >= soonest_ms, early);
                    }
                }
                _ => {}
            }
        }
    }

    /// Looks at those whose time is over.
    pub fn nobody_is_late(&self, store: &ChaosStore, fate: &Fate) {
        let over = |limited: &Limited| {
            let latest_ms = (limited.ttl_ms / (SLEW - 1)).saturating_mul(SLEW).saturating_add(LATE_MS);
            limited.since.elapsed().as_millis() as i64 > latest_ms
        };
        self.0.lock().unwrap().retain(|id, limited| {
            if !over(limited) {
                return true;
            }
            let row = store.row::<Message>(limited.tenant, id.0);
            let phase = row.and_then(|row| row.delivery.as_ref().map(|delivery| delivery.phase));
            let waits = matches!(phase, Some(Phase::Waiting { .. }));
            fate.demand(!waits, format_args!("{id:?} waits long after its {} ms", limited.ttl_ms));
            false
        });
    }
}
