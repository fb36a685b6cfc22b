//! Our content as submits, and incoming PDUs as what they say. Pure.
//! Numbers are digits without `+`; everything that is not text is rendered as text.

use std::sync::Arc;

use connector_api::{Inbound, Outbound};
use domain::content::text;
use domain::delivery::{Reason, ReasonKind, Receipt, Status};
use domain::time::Time;
use rusmpp::pdus::{DeliverSm, SubmitSm};
use rusmpp::tlvs::{MessageSubmissionRequestTlvValue, Tlv, TlvValue};
use rusmpp::types::{EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};
use serde_json::Value;

use super::normalize;
use super::settings::{Segmentation, Settings};
use crate::dialects::smpp::alphabet::encode;
use crate::dialects::smpp::receipt::{self, Fate, IdForm};
use crate::dialects::smpp::session::c_string;

/// Operators take few; a longer text is refused rather than cut.
pub const PARTS_MAX: usize = 10;
const UDH_INDICATOR: u8 = 0x40;
const RECEIPT_WANTED: u8 = 0x01;
/// Longer validity is left to the center.
const VALIDITY_S_MAX: i64 = 30 * 86_400;

/// The submits of one message, in order.
pub fn outbound(message: &Outbound, settings: &Settings) -> Result<Vec<SubmitSm>, Reason> {
    let text = match &message.raw {
        Some(raw) => raw_text(raw)?,
        None => text::render(&message.content.body),
    };
    let encoded = encode(&text, settings.alphabet, settings.segmentation.header_octets());
    let total = encoded.parts.len();
    if total > PARTS_MAX {
        let words = format!("the text needs {total} parts, {PARTS_MAX} are allowed");
        return Err(Reason::new(ReasonKind::ContentUnsupported, words));
    }
    // The alphabet of an account may have no code but 0.
    let data_coding = encoded.alphabet.data_coding();
    let reference = reference(&message.token);
    let pieces = encoded.parts.into_iter().enumerate();
    pieces
        .map(|(at, octets)| {
            let place = (total > 1).then_some((reference, total as u8, at as u8 + 1));
            submit(message, settings, data_coding, place, octets)
        })
        .collect()
}

/// The header that tells a phone where a part belongs; empty where parameters of the protocol tell it.
fn header(segmentation: Segmentation, reference: u16, total: u8, number: u8) -> Vec<u8> {
    let [high, low] = reference.to_be_bytes();
    match segmentation {
        Segmentation::Udh8 => vec![5, 0, 3, low, total, number],
        Segmentation::Udh16 => vec![6, 8, 4, high, low, total, number],
        Segmentation::Sar => Vec::new(),
    }
}

fn submit(
    message: &Outbound,
    settings: &Settings,
    data_coding: u8,
    place: Option<(u16, u8, u8)>,
    octets: Vec<u8>,
) -> Result<SubmitSm, Reason> {
    let bad = |kind, words: &str| Reason::new(kind, words);
    let source = c_string(&settings.source.address)
        .ok_or_else(|| bad(ReasonKind::ChannelBadConfiguration, "the sender is too long"))?;
    let to = c_string(&message.to.address)
        .ok_or_else(|| bad(ReasonKind::RecipientInvalid, "the number is too long"))?;
    let segmentation = settings.segmentation;
    let mut short_message = match place {
        Some((reference, total, number)) => header(segmentation, reference, total, number),
        None => Vec::new(),
    };
    let esm_class = if short_message.is_empty() { 0 } else { UDH_INDICATOR };
    short_message.extend(octets);
    let parameters = match place {
        Some((reference, total, number)) if segmentation == Segmentation::Sar => vec![
            MessageSubmissionRequestTlvValue::SarMsgRefNum(reference),
            MessageSubmissionRequestTlvValue::SarTotalSegments(total),
            MessageSubmissionRequestTlvValue::SarSegmentSeqnum(number),
        ],
        _ => Vec::new(),
    };
    let short_message = OctetString::from_vec(short_message)
        .map_err(|_| bad(ReasonKind::ContentUnsupported, "a part is too long"))?;
    let validity = message.ttl_s.and_then(validity).unwrap_or_else(EmptyOrFullCOctetString::null);
    Ok(SubmitSm::builder()
        .source_addr_ton(Ton::from(settings.source.ton))
        .source_addr_npi(Npi::from(settings.source.npi))
        .source_addr(source)
        .dest_addr_ton(Ton::International)
        .dest_addr_npi(Npi::Isdn)
        .destination_addr(to)
        .esm_class(EsmClass::from(esm_class))
        .registered_delivery(RegisteredDelivery::from(RECEIPT_WANTED))
        .validity_period(validity)
        .data_coding(DataCoding::from(data_coding))
        .short_message(short_message)
        .tlvs(parameters)
        .build())
}

/// A relative time, `YYMMDDhhmmss000R`.
fn validity(ttl_s: i64) -> Option<EmptyOrFullCOctetString<17>> {
    if !(1..=VALIDITY_S_MAX).contains(&ttl_s) {
        return None;
    }
    let (days, hours, minutes, seconds) = (ttl_s / 86_400, ttl_s / 3_600 % 24, ttl_s / 60 % 60, ttl_s % 60);
    let text = format!("0000{days:02}{hours:02}{minutes:02}{seconds:02}000R\0");
    EmptyOrFullCOctetString::from_vec(text.into_bytes()).ok()
}

/// A per-channel raw body is a JSON string, or an object with `text`.
fn raw_text(raw: &str) -> Result<String, Reason> {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let text = value.as_str().or_else(|| value["text"].as_str());
    text.map(str::to_owned).ok_or_else(|| {
        let words = "the channel override is neither a JSON string nor an object with text";
        Reason::new(ReasonKind::ContentUnsupported, words)
    })
}

/// The same for every attempt of one message, so that a phone joins parts of two attempts.
fn reference(token: &str) -> u16 {
    let message = token.split('/').next().unwrap_or(token);
    message.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)))
}

/// The octets of a message, wherever they are.
pub fn octets(message: &DeliverSm) -> &[u8] {
    let payload = message.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessagePayload(payload)) => Some(payload.value.as_ref()),
        _ => None,
    });
    payload.unwrap_or_else(|| message.short_message().as_ref())
}

/// Our name of a number: digits where it is one.
pub fn address(written: &str) -> String {
    normalize(written).unwrap_or_else(|| written.to_owned())
}

/// The message id TLV, which a few centers also set on incoming messages. An empty one names nothing.
pub fn message_id(tlvs: &[Tlv]) -> Option<&str> {
    tlvs.iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::ReceiptedMessageId(id)) => Some(id.as_str()).filter(|id| !id.is_empty()),
        _ => None,
    })
}

/// Whether it is a statement about a message of ours rather than a message.
pub fn is_receipt(message: &DeliverSm) -> bool {
    matches!(u8::from(message.esm_class) & 0x3c, 0x04 | 0x20)
}

/// What a receipt says.
///
/// `token` knows whose submit a reference of ours and a recipient stand for.
pub fn receipt(
    message: &DeliverSm,
    id_form: IdForm,
    token: impl Fn(u16, &str) -> Option<Arc<str>>,
) -> Option<Inbound> {
    let state = message.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessageState(state)) => Some(u8::from(*state)),
        _ => None,
    });
    let text: String = octets(message).iter().map(|octet| char::from(*octet)).collect();
    let parsed = receipt::parse(&text, message_id(message.tlvs()), state)?;
    let (status, kind) = match parsed.fate {
        Fate::Pending => (Status::HandedOver, None),
        Fate::Delivered => (Status::Delivered, None),
        Fate::Expired => (Status::Failed, Some(ReasonKind::Expired)),
        Fate::Failed => (Status::Failed, Some(ReasonKind::RecipientNotReachable)),
        Fate::Rejected => (Status::Failed, Some(ReasonKind::ChannelRejected)),
    };
    let reason = kind.map(|kind| Reason {
        kind,
        description: "the message center reported a failure".to_owned(),
        channel_code: parsed.error,
    });
    let recipient = address(message.source_addr.as_str());
    let reference = message.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::UserMessageReference(reference)) => Some(reference.value),
        _ => None,
    });
    Some(Inbound::Receipt {
        provider_id: id_form.of_receipt(&parsed.id).into(),
        token: reference.and_then(|reference| token(reference, &recipient)),
        recipient: Some(recipient.into()),
        receipt: Receipt { status, reason, at: Time(parsed.done_ms) },
    })
}
