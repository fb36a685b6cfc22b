//! Delivery receipts: a `deliver_sm` with the customary text and the parameters that say the same.
//! SMPP 3.4, appendix B, and section 5.3.2.

use std::sync::Arc;

use bytes::Bytes;

use super::pdu::{Address, ShortMessage, c_string, tag};
use super::{NAME, Sms};
use crate::outcome::Status;
use crate::world::{World, now_ms};

const RECEIPT_CLASS: u8 = 0x04;
const TEXT_SHOWN_MAX: usize = 20;

pub(super) struct Receipt {
    source: Address,
    destination: Address,
    id: String,
    recipient: String,
    shown: String,
    /// Bits 0 and 1 of registered_delivery.
    wanted: u8,
    /// Echoed: it joins a receipt to a submit whose answer was lost.
    reference: Option<Bytes>,
    submitted: String,
}

impl Receipt {
    pub(super) fn new(message: &ShortMessage, recipient: &str, id: &str, text: &str) -> Self {
        let printable = |c: char| {
            if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }
        };
        Self {
            source: message.destination.clone(),
            destination: message.source.clone(),
            id: id.to_owned(),
            recipient: recipient.to_owned(),
            shown: text.chars().take(TEXT_SHOWN_MAX).map(printable).collect(),
            wanted: message.registered_delivery & 0x03,
            reference: message.tlv(tag::USER_MESSAGE_REFERENCE).cloned(),
            submitted: stamp(),
        }
    }

    pub(super) async fn report(&self, world: &Arc<World>, sms: &Sms, system_id: &str, status: Status) {
        let failed = status == Status::Failed;
        if !failed {
            world.handsets.mark(NAME, &self.recipient, &self.id, "delivered");
        }
        let wanted = match self.wanted {
            0 => false,
            1 => true,
            2 => failed,
            _ => !failed,
        };
        if wanted {
            sms.smsc.deliver(world, system_id, self.message(failed).write()).await;
        }
    }

    fn message(&self, failed: bool) -> ShortMessage {
        let (count, state, word, error) =
            if failed { ("000", 5, "UNDELIV", "001") } else { ("001", 2, "DELIVRD", "000") };
        let text = format!(
            "id:{} sub:001 dlvrd:{count} submit date:{} done date:{} stat:{word} err:{error} text:{}",
            self.id,
            self.submitted,
            stamp(),
            self.shown
        );
        let network_error = Bytes::from_static(if failed { &[3, 0, 1] } else { &[3, 0, 0] });
        let mut tlvs = vec![
            (tag::RECEIPTED_MESSAGE_ID, Bytes::from(c_string(&self.id))),
            (tag::MESSAGE_STATE, Bytes::copy_from_slice(&[state])),
            (tag::NETWORK_ERROR_CODE, network_error),
        ];
        tlvs.extend(self.reference.clone().map(|reference| (tag::USER_MESSAGE_REFERENCE, reference)));
        ShortMessage {
            source: self.source.clone(),
            destination: self.destination.clone(),
            esm_class: RECEIPT_CLASS,
            text: text.into(),
            tlvs,
            ..ShortMessage::default()
        }
    }
}

fn stamp() -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms() as i64).unwrap_or_default();
    now.strftime("%y%m%d%H%M").to_string()
}
