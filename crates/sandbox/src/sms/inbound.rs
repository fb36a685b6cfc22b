//! What persons write: `deliver_sm`, in several concatenated parts when long, part after part.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{BufMut, Bytes, BytesMut};

use super::pdu::{Address, ShortMessage};
use super::{NAME, Sms, text};
use crate::channel::{Person, Said};
use crate::handset::{Author, Bubble};
use crate::world::{World, now_ms};

const HEADER_INDICATOR: u8 = 0x40;

pub(super) fn say(world: &Arc<World>, sms: &Sms, person: Person, said: Said) -> String {
    let Person { account, identity } = person;
    let written = match said {
        Said::Text(text) | Said::Choice(text) => text,
        Said::Location(place) => {
            format!("https://maps.google.com/?q={},{}", place["latitude"], place["longitude"])
        }
        Said::Media { url, caption, .. } => format!("{caption} {url}").trim_start().to_owned(),
    };
    let id = format!("{:x}", world.next_id());
    let mut bubble = Bubble::new(Author::Person, "text", written.as_str());
    bubble.provider_id.clone_from(&id);
    bubble.account.clone_from(&account.id);
    bubble.at_ms = now_ms();
    world.handsets.add(NAME, &identity, bubble);
    let last = world.handsets.wrote_last(NAME, &identity).filter(|(writer, _)| *writer == account.id);
    let business = account.text("address").map(str::to_owned).or(last.and_then(|(_, address)| address));
    let business = business.unwrap_or_else(|| account.id.clone());
    let reference = sms.smsc.references.fetch_add(1, Ordering::Relaxed) as u8;
    let bodies = bodies(&identity, &business, &written, reference);
    let (shared, sms, system_id) = (world.clone(), sms.clone(), account.id.clone());
    world.callbacks.in_order(world, NAME, &identity, async move {
        for body in bodies {
            sms.smsc.deliver(&shared, &system_id, body).await;
        }
    });
    id
}

fn bodies(from: &str, to: &str, written: &str, reference: u8) -> Vec<Vec<u8>> {
    let (data_coding, parts) = text::encode(written);
    let total = parts.len() as u8;
    let deliver = |(number, part): (usize, Bytes)| {
        let mut octets = BytesMut::new();
        if total > 1 {
            octets.put_slice(&[5, 0, 3, reference, total, number as u8 + 1]);
        }
        octets.put_slice(&part);
        let message = ShortMessage {
            source: Address { ton: 1, npi: 1, digits: from.to_owned() },
            destination: address(to),
            esm_class: if total > 1 { HEADER_INDICATOR } else { 0 },
            data_coding,
            text: octets.freeze(),
            ..ShortMessage::default()
        };
        message.write()
    };
    parts.into_iter().enumerate().map(deliver).collect()
}

/// A long number is international, a short one a short code, anything else a name.
fn address(text: &str) -> Address {
    let digits = text.trim_start_matches('+');
    let numeric = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (ton, npi) = match (numeric, digits.len()) {
        (true, 0..=6) => (3, 0),
        (true, _) => (1, 1),
        (false, _) => (5, 0),
    };
    Address { ton, npi, digits: digits.to_owned() }
}
