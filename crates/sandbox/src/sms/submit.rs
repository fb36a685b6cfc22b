//! `submit_sm`: validation, the outcome, the phone, and the answer. SMPP 3.4, section 4.4.

use std::sync::Arc;

use super::concatenation;
use super::pdu::{ShortMessage, c_string, command, frame, status, tag};
use super::receipt::Receipt;
use super::smsc::Session;
use super::{Sms, text};
use crate::handset::{Author, Bubble};
use crate::outcome::{Plan, Verdict};
use crate::receipts;
use crate::world::{Sent, World};

const TEXT_OCTETS_MAX: usize = 254;
const ADDRESS_OCTETS_MAX: usize = 20;
const SERVICE_TYPE_OCTETS_MAX: usize = 5;
const PRIORITY_MAX: u8 = 3;
/// Receipts, acknowledgments of the person, intermediate notes.
const REGISTERED_DELIVERY_BITS: u8 = 0x1f;
const UCS2: u8 = 0x08;
const HEADER_INDICATOR: u8 = 0x40;

/// Answers one submit. `false` asks for the connection to be dropped.
pub(super) async fn receive(
    world: &Arc<World>,
    sms: &Sms,
    session: &Arc<Session>,
    message: ShortMessage,
    sequence: u32,
) -> bool {
    let to = message.destination.digits.trim_start_matches('+').to_owned();
    let raw = message.as_json();
    let split = concatenation::split(&message);
    let octets = split.as_ref().map(|(octets, _)| octets.clone()).unwrap_or_default();
    let readable = text::decode(message.data_coding, &octets);
    let id = format!("{:x}", world.next_id());
    let sent = Sent { recipient: &to, text: &readable, provider_id: &id, raw: &raw };
    if let Some(refusal) = invalid(&message, &to, split.is_some()) {
        world.record(sms, &sent, Plan::refused());
        answer(session, refusal, sequence, None).await;
        return true;
    }
    let plan = world.receive(sms, &sent);
    if plan.phone_got {
        let mut bubble = Bubble::new(Author::Business, "text", readable.as_str());
        bubble.provider_id.clone_from(&id);
        bubble.account.clone_from(&session.system_id);
        show(world, sms, &message.source.digits, &to, split.and_then(|(_, part)| part), bubble);
    }
    let receipt = Receipt::new(&message, &to, &id, &readable);
    match plan.verdict {
        Verdict::Accepted if plan.early.is_none() && plan.answer_after.is_zero() => {
            answer(session, status::OK, sequence, Some(&id)).await;
            play(world, sms, session, receipt, &plan).await;
        }
        Verdict::Accepted => {
            let (world, sms, session) = (world.clone(), sms.clone(), session.clone());
            tokio::spawn(async move {
                play(&world, &sms, &session, receipt, &plan).await;
                answer(&session, status::OK, sequence, Some(&id)).await;
            });
        }
        Verdict::Refused => answer(session, status::INVALID_DESTINATION, sequence, None).await,
        Verdict::Temporary => answer(session, status::SYSTEM_ERROR, sequence, None).await,
        Verdict::Throttled => answer(session, status::THROTTLED, sequence, None).await,
        Verdict::Hung => play(world, sms, session, receipt, &plan).await,
        Verdict::Dropped => return false,
    }
    true
}

/// An error answer has no body at all.
async fn answer(session: &Session, status: u32, sequence: u32, id: Option<&str>) {
    let body = id.map(c_string).unwrap_or_default();
    let id = command::SUBMIT_SM | command::RESPONSE;
    let _ = session.out.send(frame(id, status, sequence, &body)).await;
}

/// Why a submit breaks the specification, as the status that says so.
fn invalid(message: &ShortMessage, to: &str, header_is_whole: bool) -> Option<u32> {
    let digits = (1..=ADDRESS_OCTETS_MAX).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_digit());
    let payload = message.tlv(tag::MESSAGE_PAYLOAD);
    let sar = [tag::SAR_REFERENCE, tag::SAR_TOTAL, tag::SAR_NUMBER].map(|tag| message.tlv(tag).is_some());
    let wide = message.data_coding == UCS2 && message.esm_class & HEADER_INDICATOR == 0;
    let rules = [
        (!digits, status::INVALID_DESTINATION),
        (message.source.digits.len() > ADDRESS_OCTETS_MAX, status::INVALID_SOURCE),
        (message.service_type.len() > SERVICE_TYPE_OCTETS_MAX, status::INVALID_SERVICE_TYPE),
        (message.priority > PRIORITY_MAX, status::INVALID_PRIORITY),
        (message.registered_delivery & !REGISTERED_DELIVERY_BITS != 0, status::INVALID_REGISTERED_DELIVERY),
        (!is_time(&message.schedule), status::INVALID_SCHEDULE),
        (!is_time(&message.validity), status::INVALID_VALIDITY),
        (message.text.len() > TEXT_OCTETS_MAX, status::INVALID_MESSAGE_LENGTH),
        (payload.is_some() && !message.text.is_empty(), status::INVALID_MESSAGE_LENGTH),
        (wide && !message.octets().len().is_multiple_of(2), status::INVALID_MESSAGE_LENGTH),
        (!header_is_whole, status::INVALID_ESM_CLASS),
        (sar.contains(&true) && sar.contains(&false), status::INVALID_PARAMETER_VALUE),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, status)| status)
}

/// Empty, or `YYMMDDhhmmsstnn` with its sign. SMPP 3.4, section 7.1.1.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let whole = bytes.len() == 16 && bytes[..15].iter().all(u8::is_ascii_digit);
    text.is_empty() || whole && matches!(bytes[15], b'+' | b'-' | b'R')
}

async fn play(world: &Arc<World>, sms: &Sms, session: &Session, receipt: Receipt, plan: &Plan) {
    let (shared, sms, system_id) = (world.clone(), sms.clone(), session.system_id.clone());
    let receipt = Arc::new(receipt);
    receipts::play(world, plan, move |status| {
        let (world, sms, system_id, receipt) =
            (shared.clone(), sms.clone(), system_id.clone(), receipt.clone());
        async move { receipt.report(&world, &sms, &system_id, status).await }
    })
    .await;
}

/// On the phone once all parts are there.
fn show(
    world: &World,
    sms: &Sms,
    source: &str,
    to: &str,
    part: Option<concatenation::Part>,
    mut bubble: Bubble,
) {
    if let Some(part) = part {
        match sms.smsc.unfinished.add(source, to, part, &bubble.text) {
            Some(whole) => bubble.text = whole,
            None => return,
        }
    }
    bubble.silent = true;
    world.show(sms, to, Some(source), bubble);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::pdu::Address;
    use super::*;

    fn check(change: impl FnOnce(&mut ShortMessage)) -> Option<u32> {
        let mut message = ShortMessage {
            destination: Address { ton: 1, npi: 1, digits: "447700900123".to_owned() },
            text: Bytes::from_static(b"hi"),
            ..ShortMessage::default()
        };
        change(&mut message);
        let to = message.destination.digits.clone();
        invalid(&message, &to, true)
    }

    #[test]
    fn limits_of_the_specification_hold_at_their_edges() {
        assert_eq!(check(|_| {}), None);
        assert_eq!(check(|it| it.text = vec![b'a'; 254].into()), None);
        assert_eq!(check(|it| it.text = vec![b'a'; 255].into()), Some(status::INVALID_MESSAGE_LENGTH));
        assert_eq!(check(|it| it.destination.digits = "1".repeat(20)), None);
        assert_eq!(check(|it| it.destination.digits = "1".repeat(21)), Some(status::INVALID_DESTINATION));
        assert_eq!(check(|it| it.destination.digits.clear()), Some(status::INVALID_DESTINATION));
        assert_eq!(check(|it| it.source.digits = "A".repeat(21)), Some(status::INVALID_SOURCE));
        assert_eq!(check(|it| it.service_type = "123456".to_owned()), Some(status::INVALID_SERVICE_TYPE));
        assert_eq!(check(|it| it.priority = 3), None);
        assert_eq!(check(|it| it.priority = 4), Some(status::INVALID_PRIORITY));
        assert_eq!(check(|it| it.registered_delivery = 0x20), Some(status::INVALID_REGISTERED_DELIVERY));
        assert_eq!(check(|it| it.validity = "000000001000000R".to_owned()), None);
        assert_eq!(check(|it| it.validity = "10 minutes".to_owned()), Some(status::INVALID_VALIDITY));
        assert_eq!(check(|it| it.schedule = "2".repeat(16)), Some(status::INVALID_SCHEDULE));
        assert_eq!(
            check(|it| {
                it.data_coding = UCS2;
                it.text = Bytes::from_static(b"odd");
            }),
            Some(status::INVALID_MESSAGE_LENGTH)
        );
        let payload = || (tag::MESSAGE_PAYLOAD, Bytes::from_static(b"hi"));
        assert_eq!(check(|it| it.tlvs = vec![payload()]), Some(status::INVALID_MESSAGE_LENGTH));
        let lone = vec![(tag::SAR_TOTAL, Bytes::from_static(&[2]))];
        assert_eq!(check(|it| it.tlvs = lone), Some(status::INVALID_PARAMETER_VALUE));
    }
}
