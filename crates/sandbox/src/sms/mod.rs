//! SMS: an SMSC speaking SMPP 3.4 on a socket of its own.
//!
//! An account is a `system_id` with `password`, and optionally `address`, the number that persons write to (default:
//! whoever wrote to them last). Binds of one account share its receipts and inbound messages. The codec is our own,
//! so that a connector built on a library is not tested against that same library.
//! Contract: SMPP protocol specification v3.4, issue 1.2. Not played: query_sm, cancel_sm, replace_sm, data_sm,
//! submit_multi, scheduled delivery, validity periods.

mod concatenation;
mod inbound;
mod pdu;
mod receipt;
mod session;
mod smsc;
mod submit;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;

use crate::channel::{Channel, Person, Said};
use crate::outcome::Status;
use crate::world::World;

pub(crate) const NAME: &str = "SMS";

/// Cheap to copy: all copies are the same SMSC.
#[derive(Clone, Default)]
pub(crate) struct Sms {
    smsc: Arc<smsc::Smsc>,
}

impl Channel for Sms {
    fn name(&self) -> &'static str {
        NAME
    }

    fn listen<'a>(&'a self, world: &'a Arc<World>) -> BoxFuture<'a, io::Result<Option<SocketAddr>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(world.settings.smpp_listen).await?;
            let addr = listener.local_addr()?;
            world.tasks.spawn(session::serve(world.clone(), self.clone(), listener));
            Ok(Some(addr))
        })
    }

    /// Both outcomes are final; nobody tells an SMSC that a text was read.
    fn reports(&self) -> &'static [Status] {
        &[Status::Delivered, Status::Failed]
    }

    fn say(&self, world: &Arc<World>, person: Person, said: Said) -> String {
        inbound::say(world, self, person, said)
    }
}
