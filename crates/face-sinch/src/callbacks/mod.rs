//! Callbacks: which events a webhook hears, in the vendor's envelope, signed and retried as documented.
//!
//! A receipt of a message with a callback URL of its own goes there and nowhere else. Since a callback is always
//! rendered for some subscription, each app has one that nobody sees and that hears exactly those receipts.

mod envelope;
mod sign;

use std::sync::Arc;

use domain::content::Face;
use domain::conversation::Standing;
use domain::event::{Event, Fact, SignalKind};
use domain::id::{AppId, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use domain::time::Time;
use engine::{Dialect, Facts, Patience, Rendered, Seal, Verdict};
use http::HeaderMap;

use crate::Settings;

/// The trigger of the subscription that carries receipts to callback URLs of messages.
const OVERRIDDEN: &str = "__overridden__";

/// First delay before a failed callback is tried again; it doubles each time.
const RETRY_DELAY_MS: i64 = 5_000;
/// Retries; the last one starts 81,920 s after the first failure.
const RETRIES_MAX: u32 = 14;
const GIVE_UP_AFTER_MS: i64 = 86_400_000;
const TIMEOUT_MS: u64 = 10_000;

/// The dialect of this face's webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sinch {
    /// 0: as many as there are.
    pub callbacks_per_second_per_app: u32,
}

/// The dialect of this face's webhooks.
pub fn dialect(settings: &Settings) -> Arc<dyn Dialect> {
    Arc::new(Sinch { callbacks_per_second_per_app: settings.rates.callbacks_per_second_per_app })
}

/// The subscription that carries an app's receipts to the callback URLs of its messages. The server makes one with
/// each app; it is in no list, and its target is always the message's own.
pub fn hidden_subscription(tenant: TenantId, app: AppId, id: SubscriptionId, now: Time) -> Subscription {
    Subscription {
        id,
        tenant,
        app: Some(app),
        number: 0,
        dialect: Face::Sinch,
        carries: None,
        target: String::new(),
        secret: String::new(),
        triggers: vec![OVERRIDDEN.to_owned()],
        settings: String::new(),
        enabled: true,
        parallel: false,
        previous: None,
        created_at: now,
    }
}

/// Whether it is such a subscription.
pub fn is_hidden(subscription: &Subscription) -> bool {
    subscription.triggers.iter().any(|trigger| trigger == OVERRIDDEN)
}

/// Whether its events are discarded (`target_type` is `DISMISS`).
pub fn is_dismissed(subscription: &Subscription) -> bool {
    subscription.settings.contains("\"DISMISS\"")
}

/// The vendor's name of what happened; `None` for what this face does not tell.
fn trigger(fact: &Fact) -> Option<&'static str> {
    Some(match fact {
        Fact::ContactCreated => "CONTACT_CREATE",
        Fact::ContactUpdated => "CONTACT_UPDATE",
        Fact::ConversationStarted => "CONVERSATION_START",
        Fact::StandingChanged { to: Standing::Resolved, .. } => "CONVERSATION_STOP",
        Fact::MessageReceived => "MESSAGE_INBOUND",
        Fact::MessageSubmitted => "MESSAGE_SUBMIT",
        Fact::DeliveryChanged(_) => "MESSAGE_DELIVERY",
        Fact::ConsentChanged { keyword, .. } if keyword.opts_out => "OPT_OUT",
        Fact::ConsentChanged { .. } => "OPT_IN",
        Fact::SignalSeen { signal: SignalKind::Composing | SignalKind::Paused, by, .. }
            if *by == domain::conversation::Party::Consumer =>
        {
            "EVENT_INBOUND"
        }
        Fact::SignalSeen { .. }
        | Fact::StandingChanged { .. }
        | Fact::ConversationUpdated
        | Fact::ConsumerReceipt { .. }
        | Fact::DeadLetter { .. }
        | Fact::ReceiptOrphaned { .. }
        | Fact::FileFetched { .. }
        | Fact::FileLost { .. }
        | Fact::SubscriptionDisabled { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::ReplayOrdered { .. } => return None,
    })
}

impl Dialect for Sinch {
    fn face(&self) -> Face {
        Face::Sinch
    }

    fn hears(&self, subscription: &Subscription, event: &Event) -> bool {
        let Some(trigger) = trigger(&event.fact) else {
            return false;
        };
        if subscription.tenant != event.tenant || !subscription.enabled || is_dismissed(subscription) {
            return false;
        }
        // Contacts belong to the project: every app's webhooks hear of them.
        let everywhere = matches!(event.fact, Fact::ContactCreated | Fact::ContactUpdated);
        if !everywhere && subscription.app.is_some() && subscription.app != event.app {
            return false;
        }
        let overridden =
            matches!(&event.fact, Fact::DeliveryChanged(change) if change.callback_url.is_some());
        if overridden || is_hidden(subscription) {
            return overridden && is_hidden(subscription);
        }
        subscription.triggers.iter().any(|wanted| wanted == trigger)
    }

    fn render(&self, facts: &Facts) -> Option<Rendered> {
        let body = envelope::render(facts)?;
        let target = match &facts.event.fact {
            Fact::DeliveryChanged(change) => change.callback_url.as_deref().map(str::to_owned),
            _ => None,
        };
        Some(Rendered { body, target, headers: HeaderMap::new() })
    }

    fn seal(&self, seal: &Seal<'_>) -> HeaderMap {
        sign::headers(seal)
    }

    fn verdict(&self, status: u16) -> Verdict {
        match status {
            200..=299 => Verdict::Delivered,
            429 | 500..=599 => Verdict::Again,
            _ => Verdict::GiveUp,
        }
    }

    fn patience(&self, _: &Subscription) -> Patience {
        let delays_ms = (0..RETRIES_MAX).map(|retry| RETRY_DELAY_MS << retry).collect();
        let (give_up_after_ms, timeout_ms) = (GIVE_UP_AFTER_MS, TIMEOUT_MS);
        let per_second_per_app = self.callbacks_per_second_per_app;
        Patience { delays_ms, give_up_after_ms, tries_max: RETRIES_MAX + 1, timeout_ms, per_second_per_app }
    }
}
