//! `submit_sm`: validation, the outcome, the phone, and the answer. SMPP 3.4, section 4.4.

use std::sync::Arc;

use super::concatenation;
use super::pdu::{ShortMessage, c_string, command, frame, status};
use super::receipt::Receipt;
use super::smsc::Session;
use super::{Sms, text};
use crate::handset::{Author, Bubble};
use crate::outcome::{Plan, Verdict};
use crate::receipts;
use crate::world::{Sent, World};

const TEXT_OCTETS_MAX: usize = 254;
const DESTINATION_DIGITS_MAX: usize = 20;

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

fn invalid(message: &ShortMessage, to: &str, header_is_whole: bool) -> Option<u32> {
    let digits =
        !to.is_empty() && to.len() <= DESTINATION_DIGITS_MAX && to.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Some(status::INVALID_DESTINATION);
    }
    if message.text.len() > TEXT_OCTETS_MAX {
        return Some(status::INVALID_MESSAGE_LENGTH);
    }
    (!header_is_whole).then_some(status::INVALID_ESM_CLASS)
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
