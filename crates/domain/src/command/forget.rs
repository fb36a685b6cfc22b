//! Rows that have outlived their use: answers kept under a client's key, receipts that nothing ever claimed, records of
//! callbacks, lanes of subscriptions that are gone.

use super::Command;
use crate::channel::Channel;
use crate::event::Fact;
use crate::id::{AppId, Id, TenantId};
use crate::once::Once;
use crate::record::{EarlyReceipts, Key, Kind, Name};
use crate::subscription::{Callback, CallbackPage, Parked, Subscription};
use crate::view::{About, Halt, View};

/// Deletes those of these rows whose time is over. Each unclaimed receipt is told as an orphan first.
#[derive(Clone, Debug)]
pub struct Forget {
    /// Rows of these kinds; others stay.
    pub keys: Vec<Key>,
}

impl Command for Forget {
    /// How many were deleted.
    type Answer = usize;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.keys.first().map_or(TenantId(Id(0)), |key| key.tenant)
    }

    fn decide(&self, view: &mut View<'_>) -> Result<usize, Halt<Self::Refusal>> {
        view.want(&self.keys)?;
        let mut forgotten = 0;
        for key in &self.keys {
            if is_over(view, key)? {
                view.delete(key.clone());
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

/// Whether a row's time is over, or its owner gone. Receipts that nobody claimed are told as orphans.
fn is_over(view: &mut View<'_>, key: &Key) -> Result<bool, Halt<std::convert::Infallible>> {
    let now = view.now();
    Ok(match key.kind {
        Kind::Once => view.get::<Once, _>(key)?.is_some_and(|once| once.expires_at <= now),
        Kind::EarlyReceipts => {
            let early = view.get::<EarlyReceipts, _>(key)?.filter(|early| early.expires_at <= now);
            if let Some(early) = &early {
                orphaned(view, key, early);
            }
            early.is_some()
        }
        Kind::Callback => view.get::<Callback, _>(key)?.is_some_and(|callback| callback.kept_until <= now),
        Kind::CallbackPage => view.get::<CallbackPage, _>(key)?.is_some_and(|page| page.kept_until <= now),
        Kind::Parked => match view.get::<Parked, _>(key)? {
            Some(parked) => view.by_id::<Subscription, _>(key.tenant, parked.subscription.0)?.is_none(),
            None => false,
        },
        _ => false,
    })
}

fn orphaned(view: &mut View<'_>, key: &Key, early: &EarlyReceipts) {
    let Some((app, channel, provider_id)) = named(key) else {
        return;
    };
    for receipt in &early.receipts {
        let (channel, provider_id, status) = (Channel::new(channel), provider_id.into(), receipt.status);
        let about = About { app, ..About::default() };
        view.emit(key.tenant, about, Fact::ReceiptOrphaned { channel, provider_id, status });
    }
}

/// App, channel and provider id, as [`Key::early_receipts`] wrote them. The id may hold slashes.
fn named(key: &Key) -> Option<(Option<AppId>, &str, &str)> {
    let Name::Text(name) = &key.name else {
        return None;
    };
    let (app, rest) = name.split_once('/')?;
    let (channel, provider_id) = rest.split_once('/')?;
    Some((AppId::parse(app), channel, provider_id))
}
