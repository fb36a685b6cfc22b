//! What the message center brings, on its way to the intake, with the answer it gets.
//!
//! Nothing is answered with success before the intake said it is durable; ids for messages without one come from
//! [`Repeats`]. A part of a concatenated message waits for
//! the others; after [`PARTS_WAIT`] its answer is "come again", while the part itself is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connector_api::{Inbound, Intake};
use domain::content::{Body, Content};
use futures_util::future::BoxFuture;
use rusmpp::CommandStatus;
use rusmpp::pdus::DeliverSm;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::repeats::{Digest, Repeats};
use super::settings::Settings;
use super::{Shared, map};
use crate::dialects::smpp::alphabet::decode;
use crate::dialects::smpp::link::Link;
use crate::dialects::smpp::reassembly::{Added, Key, Part, Reassembly, split_header};
use crate::dialects::smpp::session::Owner;

const PARTS_WAIT: Duration = Duration::from_secs(30);
const UDH_INDICATOR: u8 = 0x40;

/// One account's receiving side.
pub struct Receiver {
    account: Arc<str>,
    settings: Settings,
    intake: Arc<dyn Intake>,
    shared: Arc<Shared>,
    parts: Mutex<Waiting>,
    repeats: Mutex<Repeats>,
}

/// Parts, and who waits for their message.
#[derive(Default)]
struct Waiting {
    reassembly: Reassembly,
    waiters: Vec<(Key, watch::Sender<Option<bool>>)>,
}

impl Receiver {
    pub fn new(
        account: Arc<str>,
        settings: Settings,
        intake: Arc<dyn Intake>,
        shared: Arc<Shared>,
    ) -> Receiver {
        Receiver { account, settings, intake, shared, parts: Mutex::default(), repeats: Mutex::default() }
    }

    fn parts(&self) -> MutexGuard<'_, Waiting> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn handle(&self, message: DeliverSm) -> bool {
        if map::is_receipt(&message) {
            let token = |reference, recipient: &str| {
                self.shared.references.token(reference, &self.account, recipient)
            };
            return match map::receipt(&message, self.settings.id_form, token) {
                Some(receipt) => self.intake.take(vec![receipt]).await,
                // Nobody will ever understand it better: repeating it helps nobody.
                None => true,
            };
        }
        let octets = map::octets(&message);
        let has_header = u8::from(message.esm_class) & UDH_INDICATOR != 0;
        let (concatenated, octets) = if has_header { split_header(octets) } else { (sar(&message), octets) };
        let octets = octets.to_vec();
        match concatenated {
            Some((reference, total, number)) if total > 1 && (1..=total).contains(&number) => {
                let from = message.source_addr.as_str().to_owned();
                let to = message.destination_addr.as_str().to_owned();
                let key = Key { from, to, reference, total };
                self.part(&message, Part { key, number, octets }).await
            }
            _ => self.whole(&message, &octets).await,
        }
    }

    async fn part(&self, message: &DeliverSm, part: Part) -> bool {
        let key = part.key.clone();
        let (added, told) = {
            let mut parts = self.parts();
            let added = parts.reassembly.add(part);
            let told = (added == Added::Waiting).then(|| parts.waiter(&key));
            (added, told)
        };
        let mut told = match (added, told) {
            (Added::Complete(pieces), _) => {
                let taken = self.whole(message, &pieces.concat()).await;
                self.parts().settle(key, pieces, taken);
                return taken;
            }
            (Added::Waiting, Some(told)) => told,
            (Added::Repeated | Added::Waiting, _) => return true,
        };
        let waited = tokio::time::timeout(PARTS_WAIT, told.wait_for(Option::is_some)).await;
        matches!(waited, Ok(Ok(answer)) if *answer == Some(true))
    }

    async fn whole(&self, message: &DeliverSm, octets: &[u8]) -> bool {
        let coding = u8::from(message.data_coding);
        let body = match decode(octets, coding, self.settings.alphabet) {
            Some(text) => Body::Text(text),
            None => Body::Other { text: "[binary message]".to_owned() },
        };
        let own = map::message_id(message.tlvs()).map(Arc::from);
        let source_id =
            own.clone().unwrap_or_else(|| self.repeats().id(self.digest(message, octets), self.intake.now()));
        let inbound = Inbound::Message {
            from: map::address(message.source_addr.as_str()).into(),
            name: String::new(),
            source_id: Arc::clone(&source_id),
            content: Content::from_body(body),
            reply_to: None,
            language: String::new(),
        };
        let taken = self.intake.take(vec![inbound]).await;
        if own.is_none() {
            self.repeats().answered(&source_id, taken);
        }
        taken
    }

    /// What two messages have in common when one repeats the other. Lengths keep neighbors apart.
    fn digest(&self, message: &DeliverSm, octets: &[u8]) -> Digest {
        let mut hasher = Sha256::new();
        let names = [&*self.account, message.source_addr.as_str(), message.destination_addr.as_str()];
        for field in names.map(str::as_bytes).into_iter().chain([octets]) {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        hasher.update([u8::from(message.data_coding)]);
        let mut digest = Digest::default();
        digest.copy_from_slice(&hasher.finalize()[..16]);
        digest
    }
}

impl Waiting {
    fn waiter(&mut self, key: &Key) -> watch::Receiver<Option<bool>> {
        self.waiters.retain(|(_, told)| told.receiver_count() > 0);
        match self.waiters.iter().find(|(own, _)| own == key) {
            Some((_, told)) => told.subscribe(),
            None => {
                let (told, waiter) = watch::channel(None);
                self.waiters.push((key.clone(), told));
                waiter
            }
        }
    }

    fn settle(&mut self, key: Key, pieces: Vec<Vec<u8>>, taken: bool) {
        let (told, others) = std::mem::take(&mut self.waiters).into_iter().partition(|(own, _)| *own == key);
        self.waiters = others;
        let told: Vec<(Key, watch::Sender<Option<bool>>)> = told;
        for (_, told) in told {
            told.send_replace(Some(taken));
        }
        if taken {
            self.reassembly.taken(key, pieces);
        }
    }
}

/// Concatenation by TLVs instead of a header.
fn sar(message: &DeliverSm) -> Option<(u16, u8, u8)> {
    use rusmpp::tlvs::TlvValue;
    let (mut reference, mut total, mut number) = (None, None, None);
    for tlv in message.tlvs() {
        match tlv.value() {
            Some(TlvValue::SarMsgRefNum(value)) => reference = Some(*value),
            Some(TlvValue::SarTotalSegments(value)) => total = Some(*value),
            Some(TlvValue::SarSegmentSeqnum(value)) => number = Some(*value),
            _ => {}
        }
    }
    Some((reference?, total?, number?))
}

impl Owner for Receiver {
    fn deliver(&self, message: DeliverSm) -> BoxFuture<'_, CommandStatus> {
        Box::pin(async move {
            if self.handle(message).await { CommandStatus::EsmeRok } else { CommandStatus::EsmeRxTAppn }
        })
    }

    fn bound(&self, link: &Arc<Link>) {
        self.repeats().bound();
        self.shared.links.put(&self.account, &self.settings.place, link);
    }

    fn unbound(&self, link: &Arc<Link>) {
        self.repeats().unbound();
        self.shared.links.remove(link);
    }
}
