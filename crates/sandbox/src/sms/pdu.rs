//! SMPP framing and the few PDUs that are needed, as bytes. SMPP 3.4, sections 3.2 and 4.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde_json::{Value, json};

pub(super) const HEADER_BYTES: usize = 16;
/// Beyond it framing is taken for lost.
pub(super) const PDU_BYTES_MAX: usize = 70_000;

pub(super) mod command {
    pub const RESPONSE: u32 = 0x8000_0000;
    pub const GENERIC_NACK: u32 = 0x8000_0000;
    pub const BIND_RECEIVER: u32 = 1;
    pub const BIND_TRANSMITTER: u32 = 2;
    pub const SUBMIT_SM: u32 = 4;
    pub const DELIVER_SM: u32 = 5;
    pub const UNBIND: u32 = 6;
    pub const BIND_TRANSCEIVER: u32 = 9;
    pub const ENQUIRE_LINK: u32 = 0x15;
}

pub(super) mod status {
    pub const OK: u32 = 0;
    pub const INVALID_MESSAGE_LENGTH: u32 = 1;
    pub const INVALID_COMMAND_LENGTH: u32 = 2;
    pub const INVALID_COMMAND_ID: u32 = 3;
    pub const INVALID_BIND_STATUS: u32 = 4;
    pub const ALREADY_BOUND: u32 = 5;
    pub const INVALID_PRIORITY: u32 = 6;
    pub const INVALID_REGISTERED_DELIVERY: u32 = 7;
    pub const SYSTEM_ERROR: u32 = 8;
    pub const INVALID_SOURCE: u32 = 0x0a;
    pub const INVALID_DESTINATION: u32 = 0x0b;
    pub const INVALID_PASSWORD: u32 = 0x0e;
    pub const INVALID_SYSTEM_ID: u32 = 0x0f;
    pub const INVALID_SERVICE_TYPE: u32 = 0x15;
    pub const INVALID_ESM_CLASS: u32 = 0x43;
    pub const THROTTLED: u32 = 0x58;
    pub const INVALID_SCHEDULE: u32 = 0x61;
    pub const INVALID_VALIDITY: u32 = 0x62;
    pub const INVALID_PARAMETER_VALUE: u32 = 0xc4;
}

pub(super) mod tag {
    pub const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
    pub const USER_MESSAGE_REFERENCE: u16 = 0x0204;
    pub const SAR_REFERENCE: u16 = 0x020c;
    pub const SAR_TOTAL: u16 = 0x020e;
    pub const SAR_NUMBER: u16 = 0x020f;
    pub const SC_INTERFACE_VERSION: u16 = 0x0210;
    pub const NETWORK_ERROR_CODE: u16 = 0x0423;
    pub const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub const MESSAGE_STATE: u16 = 0x0427;
}

#[derive(Debug)]
pub(super) struct Frame {
    pub id: u32,
    pub status: u32,
    pub sequence: u32,
    pub body: Bytes,
}

/// Takes one frame off the front, if it is whole. `Err` means that framing is lost.
pub(super) fn next_frame(buffer: &mut BytesMut) -> Result<Option<Frame>, ()> {
    if buffer.len() < HEADER_BYTES {
        return Ok(None);
    }
    let length = u32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    if !(HEADER_BYTES..=PDU_BYTES_MAX).contains(&length) {
        return Err(());
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut frame = buffer.split_to(length).freeze();
    frame.advance(4);
    let (id, status, sequence) = (frame.get_u32(), frame.get_u32(), frame.get_u32());
    Ok(Some(Frame { id, status, sequence, body: frame }))
}

pub(super) fn frame(id: u32, status: u32, sequence: u32, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEADER_BYTES + body.len());
    bytes.put_u32((HEADER_BYTES + body.len()) as u32);
    bytes.put_u32(id);
    bytes.put_u32(status);
    bytes.put_u32(sequence);
    bytes.put_slice(body);
    bytes.freeze()
}

pub(super) fn c_string(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

pub(super) fn tlv(tag: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag.to_be_bytes().to_vec();
    bytes.put_u16(value.len() as u16);
    bytes.extend_from_slice(value);
    bytes
}

fn take_c_string(body: &mut Bytes) -> Option<String> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let text = body.split_to(end);
    body.advance(1);
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn take_u8(body: &mut Bytes) -> Option<u8> {
    body.has_remaining().then(|| body.get_u8())
}

pub(super) struct Bind {
    pub system_id: String,
    pub password: String,
}

impl Bind {
    pub(super) fn read(mut body: Bytes) -> Option<Self> {
        Some(Self { system_id: take_c_string(&mut body)?, password: take_c_string(&mut body)? })
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Address {
    pub ton: u8,
    pub npi: u8,
    pub digits: String,
}

impl Address {
    fn read(body: &mut Bytes) -> Option<Self> {
        Some(Self { ton: take_u8(body)?, npi: take_u8(body)?, digits: take_c_string(body)? })
    }

    fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&[self.ton, self.npi]);
        body.extend_from_slice(&c_string(&self.digits));
    }
}

/// `submit_sm` and `deliver_sm`, which share their layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ShortMessage {
    pub service_type: String,
    pub source: Address,
    pub destination: Address,
    pub esm_class: u8,
    pub protocol_id: u8,
    pub priority: u8,
    pub schedule: String,
    pub validity: String,
    pub registered_delivery: u8,
    pub replace_if_present: u8,
    pub data_coding: u8,
    pub text: Bytes,
    pub tlvs: Vec<(u16, Bytes)>,
}

impl ShortMessage {
    pub(super) fn read(mut body: Bytes) -> Option<Self> {
        let body = &mut body;
        let mut message = Self {
            service_type: take_c_string(body)?,
            source: Address::read(body)?,
            destination: Address::read(body)?,
            esm_class: take_u8(body)?,
            protocol_id: take_u8(body)?,
            priority: take_u8(body)?,
            schedule: take_c_string(body)?,
            validity: take_c_string(body)?,
            registered_delivery: take_u8(body)?,
            replace_if_present: take_u8(body)?,
            data_coding: take_u8(body)?,
            ..Self::default()
        };
        take_u8(body)?;
        let length = usize::from(take_u8(body)?);
        message.text = (body.len() >= length).then(|| body.split_to(length))?;
        while body.has_remaining() {
            if body.len() < 4 {
                return None;
            }
            let (tag, length) = (body.get_u16(), usize::from(body.get_u16()));
            message.tlvs.push((tag, (body.len() >= length).then(|| body.split_to(length))?));
        }
        Some(message)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut body = c_string(&self.service_type);
        self.source.write(&mut body);
        self.destination.write(&mut body);
        body.extend_from_slice(&[self.esm_class, self.protocol_id, self.priority]);
        body.extend_from_slice(&c_string(&self.schedule));
        body.extend_from_slice(&c_string(&self.validity));
        body.extend_from_slice(&[self.registered_delivery, self.replace_if_present, self.data_coding, 0]);
        body.push(self.text.len() as u8);
        body.extend_from_slice(&self.text);
        for (tag, value) in &self.tlvs {
            body.extend_from_slice(&tlv(*tag, value));
        }
        body
    }

    pub(super) fn tlv(&self, tag: u16) -> Option<&Bytes> {
        self.tlvs.iter().find(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    /// The text's octets, header included, wherever they are.
    pub(super) fn octets(&self) -> Bytes {
        self.tlv(tag::MESSAGE_PAYLOAD).filter(|_| self.text.is_empty()).unwrap_or(&self.text).clone()
    }

    pub(super) fn as_json(&self) -> Value {
        let tlvs = self.tlvs.iter().map(|(tag, value)| (format!("{tag:#06x}"), hex::encode(value).into()));
        json!({
            "command": "submit_sm",
            "service_type": self.service_type,
            "source_addr_ton": self.source.ton,
            "source_addr_npi": self.source.npi,
            "source_addr": self.source.digits,
            "dest_addr_ton": self.destination.ton,
            "dest_addr_npi": self.destination.npi,
            "destination_addr": self.destination.digits,
            "esm_class": self.esm_class,
            "protocol_id": self.protocol_id,
            "priority_flag": self.priority,
            "schedule_delivery_time": self.schedule,
            "validity_period": self.validity,
            "registered_delivery": self.registered_delivery,
            "replace_if_present_flag": self.replace_if_present,
            "data_coding": self.data_coding,
            "short_message": hex::encode(&self.text),
            "tlvs": tlvs.collect::<serde_json::Map<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_bytes_are_read_and_written_back() {
        let bytes = hex::decode(
            "00000039 00000004 00000000 00000003 00050041 636d6500 01013434 37373030 39303031 32330000 00000000 \
             01000000 08486920 0020351b 65"
                .replace(' ', ""),
        )
        .expect("hex");
        let mut buffer = BytesMut::from(bytes.as_slice());
        let read = next_frame(&mut buffer).expect("framing").expect("whole");
        assert_eq!((read.id, read.status, read.sequence), (command::SUBMIT_SM, 0, 3));
        let message = ShortMessage::read(read.body).expect("submit_sm");
        assert_eq!((message.source.ton, message.source.digits.as_str()), (5, "Acme"));
        assert_eq!((message.destination.digits.as_str(), message.registered_delivery), ("447700900123", 1));
        assert_eq!(frame(command::SUBMIT_SM, 0, 3, &message.write()), bytes);
    }

    #[test]
    fn short_frames_wait_and_absurd_lengths_end_the_framing() {
        assert!(next_frame(&mut BytesMut::from(&[0_u8, 0, 0, 16, 0][..])).expect("waits").is_none());
        assert!(next_frame(&mut BytesMut::from(&[0_u8; 16][..])).is_err());
        assert!(next_frame(&mut BytesMut::from(&[0xff_u8; 16][..])).is_err());
    }

    #[test]
    fn truncated_bodies_are_refused() {
        let whole = ShortMessage { text: Bytes::from_static(b"hello"), ..ShortMessage::default() }.write();
        for length in 0..whole.len() {
            assert!(ShortMessage::read(Bytes::copy_from_slice(&whole[..length])).is_none(), "{length}");
        }
    }
}
