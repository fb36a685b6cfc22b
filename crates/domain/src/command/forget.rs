//! Rows that have outlived their use: answers kept under a client's key, receipts that nothing ever claimed.

use super::Command;
use crate::channel::Channel;
use crate::event::Fact;
use crate::id::AppId;
use crate::once::Once;
use crate::record::{EarlyReceipts, Key, Name};
use crate::view::{About, Halt, View};

/// Deletes those of these rows whose time is over. Each unclaimed receipt is told as an orphan first.
#[derive(Clone, Debug)]
pub struct Forget {
    /// Rows of answers and of early receipts.
    pub keys: Vec<Key>,
}

impl Command for Forget {
    /// How many were deleted.
    type Answer = usize;
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<usize, Halt<Self::Refusal>> {
        view.want(&self.keys)?;
        let mut forgotten = 0;
        for key in &self.keys {
            if let Some(once) = view.get::<Once, Self::Refusal>(key)? {
                if once.expires_at <= view.now() {
                    view.delete(key.clone());
                    forgotten += 1;
                }
            } else if let Some(early) = view.get::<EarlyReceipts, Self::Refusal>(key)?
                && early.expires_at <= view.now()
            {
                orphaned(view, key, &early);
                view.delete(key.clone());
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
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
