//! Everything the providers share: the state of the sandbox, in memory, behind one handle.
//!
//! `receive` is the one way by which a send enters: it decides the outcome and writes the ledger row, before the
//! provider answers. Ids never repeat across restarts, because they start from the time of this run.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Accounts;
use crate::callbacks::Callbacks;
use crate::channel::{Channel, registry};
use crate::handset::{Author, Bubble, Handsets};
use crate::ledger::{Ledger, Row};
use crate::media::MediaStore;
use crate::outcome::{Faults, Plan, Verdict};
use crate::settings::Settings;

pub(crate) struct World {
    pub settings: Settings,
    pub channels: Vec<Arc<dyn Channel>>,
    pub accounts: Accounts,
    pub handsets: Handsets,
    pub ledger: Ledger,
    pub faults: Faults,
    pub media: MediaStore,
    pub callbacks: Callbacks,
    pub closing: CancellationToken,
    pub tasks: TaskTracker,
    /// Where the session channel listens, once it does.
    pub session_listener: OnceLock<SocketAddr>,
    ids: AtomicU64,
    small_ids: AtomicU64,
}

/// One send request as a provider read it.
pub(crate) struct Sent<'a> {
    pub recipient: &'a str,
    pub text: &'a str,
    pub provider_id: &'a str,
    pub raw: &'a Value,
}

impl World {
    pub(crate) fn new(settings: Settings) -> io::Result<Self> {
        let started_ms = now_ms();
        Ok(Self {
            ledger: Ledger::open(settings.ledger.as_deref())?,
            channels: registry(),
            accounts: Accounts::default(),
            handsets: Handsets::default(),
            faults: Faults::default(),
            media: MediaStore::default(),
            callbacks: Callbacks::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            session_listener: OnceLock::new(),
            ids: AtomicU64::new(started_ms << 20),
            small_ids: AtomicU64::new((started_ms / 1000).saturating_sub(1_750_000_000) * 16),
            settings,
        })
    }

    pub(crate) fn channel(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.channels.iter().find(|channel| channel.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// For providers whose ids must fit 31 bits.
    pub(crate) fn next_small_id(&self) -> u64 {
        self.small_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A valid send: the table or a script decides.
    pub(crate) fn receive(&self, channel: &dyn Channel, sent: &Sent<'_>) -> Plan {
        let plan = self.faults.plan(channel.name(), sent.recipient, sent.text, &self.settings.delays);
        self.record(channel, sent, plan)
    }

    /// A send whose outcome is decided by the provider's rules.
    pub(crate) fn record(&self, channel: &dyn Channel, sent: &Sent<'_>, mut plan: Plan) -> Plan {
        let has = channel.reports();
        plan.steps.retain(|(_, status)| has.contains(status));
        plan.early = plan.early.filter(|status| has.contains(status));
        let known = matches!(plan.verdict, Verdict::Accepted | Verdict::Hung);
        self.ledger.append(&Row {
            channel: channel.name(),
            recipient: sent.recipient,
            text: sent.text,
            provider_id: known.then_some(sent.provider_id),
            received_at_ms: now_ms(),
            outcome: plan.verdict.as_str(),
            phone_got: plan.phone_got,
            raw: sent.raw,
        });
        plan
    }

    /// Puts a message of the business on the phone and remembers who wrote.
    pub(crate) fn show(
        &self,
        channel: &dyn Channel,
        recipient: &str,
        from: Option<&str>,
        mut bubble: Bubble,
    ) {
        bubble.at_ms = now_ms();
        debug_assert!(bubble.from == Author::Business, "persons write through `say`");
        self.handsets.set_wrote_last(channel.name(), recipient, &bubble.account, from);
        self.handsets.add(channel.name(), recipient, bubble);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the sandbox, a separate world, reads the time"
)]
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
