//! A provider's statement about a message of ours.
//!
//! Joined by our own token where the provider echoes it, else by the provider's id. A statement about an id that
//! nobody knows yet is kept for 72 hours and joined when the send answer arrives.

use std::sync::Arc;

use super::{Command, settle, thread};
use crate::app::{App, UnknownPolicy};
use crate::channel::{Channel, Nature};
use crate::delivery::Receipt;
use crate::id::{AppId, MessageId, TenantId};
use crate::message::Message;
use crate::record::{EarlyReceipts, Key, Pointer};
use crate::view::{Halt, View};

/// How long an unclaimed receipt is kept, in seconds.
pub const EARLY_S: i64 = 72 * 3600;
/// Unclaimed receipts kept for one provider id.
pub const EARLY_MAX: usize = 16;

/// A channel that has just reported reports.
const OF_REPORTING: Nature =
    Nature { unknown: UnknownPolicy::Hold, reports_delivered: true, patience_over: false };

/// One statement.
#[derive(Clone, Debug)]
pub struct TakeReceipt {
    pub tenant: TenantId,
    pub app: AppId,
    pub channel: Channel,
    pub provider_id: Arc<str>,
    /// Our token, when the provider echoed it.
    pub token: Option<(MessageId, u32)>,
    pub receipt: Receipt,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Joined,
    KeptForLater,
}

impl Command for TakeReceipt {
    type Answer = Taken;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Taken, Halt<Self::Refusal>> {
        let channel = self.channel.as_str();
        view.want(&self.wanted())?;
        let known = match self.token {
            Some((message, attempt)) => Some(Pointer { target: message.0, attempt }),
            None => {
                let key = Key::provider_id(self.tenant, self.app, channel, &self.provider_id);
                view.get::<Pointer, _>(&key)?.map(|pointer| *pointer)
            }
        };
        let message = match known {
            Some(pointer) => {
                view.by_id::<Message, _>(self.tenant, pointer.target)?.map(|found| (found, pointer))
            }
            None => None,
        };
        let Some((message, pointer)) = message.filter(|(message, _)| message.app == self.app) else {
            return self.keep(view);
        };
        let mut message = Arc::unwrap_or_clone(message);
        if message.delivery.is_none() {
            return self.keep(view);
        }
        let app = thread::app(view, self.tenant, self.app)?;
        let rules = settle::rules(app.as_deref(), OF_REPORTING, &message, pointer.attempt);
        let Some(delivery) = message.delivery.as_mut() else {
            return self.keep(view);
        };
        let waited = delivery.is_queued();
        let moved =
            delivery.receipt(pointer.attempt, &self.provider_id, self.receipt.clone(), rules, view.now());
        let again = delivery.is_queued() && !waited;
        settle::settle(view, &mut message, &moved)?;
        if again {
            settle::send_again(view, &message);
        }
        Ok(Taken::Joined)
    }
}

impl TakeReceipt {
    fn wanted(&self) -> Vec<Key> {
        let channel = self.channel.as_str();
        let by_id = Key::provider_id(self.tenant, self.app, channel, &self.provider_id);
        let by_token = |(message, _): (MessageId, u32)| Key::id::<Message>(self.tenant, message.0);
        let named = self.token.map_or(by_id, by_token);
        vec![named, Key::id::<App>(self.tenant, self.app.0), Key::queue(self.tenant, self.app)]
    }

    fn keep<R>(&self, view: &mut View<'_>) -> Result<Taken, Halt<R>> {
        let key = Key::early_receipts(self.tenant, self.app, self.channel.as_str(), &self.provider_id);
        let mut receipts =
            view.get::<EarlyReceipts, R>(&key)?.map(|kept| kept.receipts.clone()).unwrap_or_default();
        if receipts.len() < EARLY_MAX && !receipts.contains(&self.receipt) {
            receipts.push(self.receipt.clone());
        }
        view.put(key, EarlyReceipts { receipts, expires_at: view.now().plus_s(EARLY_S) });
        Ok(Taken::KeptForLater)
    }
}
