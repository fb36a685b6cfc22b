//! PDUs over a socket: framing by length, bodies by `rusmpp`. A body that does not decode is handed up with its
//! header, so that it can be refused by number; a length that makes no sense ends the connection.

use std::io;

use bytes::{Buf, BytesMut};
use rusmpp::Command;
use rusmpp::decode::DecodeWithLength;
use rusmpp::tokio_codec::CommandCodec;
use tokio_util::codec::{Decoder, Encoder};

const HEADER_BYTES: usize = 16;
const PDU_BYTES_MAX: usize = 128 * 1024;

/// What came in.
pub enum Frame {
    Command(Box<Command>),
    /// The body does not follow the standard.
    Unreadable {
        sequence: u32,
        is_request: bool,
    },
}

#[derive(Default)]
pub struct Codec;

impl Decoder for Codec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        if buffer.len() < HEADER_BYTES {
            return Ok(None);
        }
        let word = |at: usize| {
            let bytes = [buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3]];
            u32::from_be_bytes(bytes)
        };
        let (length, id, sequence) = (word(0) as usize, word(4), word(12));
        if !(HEADER_BYTES..=PDU_BYTES_MAX).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a PDU of absurd length"));
        }
        if buffer.len() < length {
            return Ok(None);
        }
        let mut pdu = buffer.split_to(length);
        pdu.advance(4);
        let rest = pdu.len();
        Ok(Some(match <Command as DecodeWithLength>::decode(&mut pdu, rest) {
            Ok((command, _)) => Frame::Command(Box::new(command)),
            Err(_) => Frame::Unreadable { sequence, is_request: id & 0x8000_0000 == 0 },
        }))
    }
}

/// Appends a PDU to a buffer.
pub fn write(command: &Command, buffer: &mut BytesMut) -> io::Result<()> {
    CommandCodec::new()
        .encode(command, buffer)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the PDU does not encode"))
}
