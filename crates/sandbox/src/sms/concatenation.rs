//! Long messages: finding out which part of what a `submit_sm` is, and joining the parts as a phone does.
//! Headers: 3GPP TS 23.040, sections 9.2.3.24.1 and 9.2.3.24.8; or the SAR parameters of SMPP.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::pdu::{ShortMessage, tag};

const HEADER_INDICATOR: u8 = 0x40;
/// Unfinished messages kept; the phone forgets all of them rather than growing without end.
const UNFINISHED_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub reference: u16,
    pub total: u8,
    pub number: u8,
}

/// The text's octets without header, and the place in a longer message. `None` means a broken header.
pub(super) fn split(message: &ShortMessage) -> Option<(Bytes, Option<Part>)> {
    let mut octets = message.octets();
    if message.esm_class & HEADER_INDICATOR == 0 {
        return Some((octets, sar(message)));
    }
    let length = usize::from(*octets.first()?);
    if octets.len() <= length {
        return None;
    }
    let header = octets.split_to(length + 1).slice(1..);
    let mut rest = &header[..];
    let mut part = None;
    while let [element, length, tail @ ..] = rest {
        let (value, tail) = tail.split_at_checked(usize::from(*length))?;
        match (element, value) {
            (0x00, [reference, total, number]) => {
                part = Some(Part { reference: u16::from(*reference), total: *total, number: *number });
            }
            (0x08, [high, low, total, number]) => {
                let reference = u16::from_be_bytes([*high, *low]);
                part = Some(Part { reference, total: *total, number: *number });
            }
            _ => {}
        }
        rest = tail;
    }
    if part.is_some_and(|part| part.number == 0 || part.number > part.total) {
        return None;
    }
    Some((octets, part))
}

fn sar(message: &ShortMessage) -> Option<Part> {
    let reference = message.tlv(tag::SAR_REFERENCE)?;
    let total = *message.tlv(tag::SAR_TOTAL)?.first()?;
    let number = *message.tlv(tag::SAR_NUMBER)?.first()?;
    let reference = u16::from_be_bytes([*reference.first()?, *reference.get(1)?]);
    (1..=total).contains(&number).then_some(Part { reference, total, number })
}

/// Source, destination, reference, total.
type Key = (String, String, u16, u8);

/// The parts of unfinished messages, by number.
#[derive(Default)]
pub(super) struct Unfinished {
    messages: Mutex<HashMap<Key, BTreeMap<u8, String>>>,
}

impl Unfinished {
    /// Yields the whole text once its last missing part is here.
    pub(super) fn add(&self, source: &str, destination: &str, part: Part, text: &str) -> Option<String> {
        let key = (source.to_owned(), destination.to_owned(), part.reference, part.total);
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= UNFINISHED_MAX {
            messages.clear();
        }
        let parts = messages.entry(key.clone()).or_default();
        parts.insert(part.number, text.to_owned());
        if parts.len() < usize::from(part.total) {
            return None;
        }
        messages.remove(&key).map(|parts| parts.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(octets: &'static [u8]) -> ShortMessage {
        ShortMessage { esm_class: 0x40, text: Bytes::from_static(octets), ..ShortMessage::default() }
    }

    #[test]
    fn headers_of_both_sizes_and_sar_name_the_part() {
        let expected = Some(Part { reference: 0xa7, total: 2, number: 1 });
        let sar = |tag, value: &'static [u8]| (tag, Bytes::from_static(value));
        let tlvs =
            vec![sar(tag::SAR_REFERENCE, &[0, 0xa7]), sar(tag::SAR_TOTAL, &[2]), sar(tag::SAR_NUMBER, &[1])];
        let rows = [
            with_header(&[5, 0, 3, 0xa7, 2, 1, b'x']),
            with_header(&[6, 8, 4, 0, 0xa7, 2, 1, b'x']),
            ShortMessage { text: Bytes::from_static(b"x"), tlvs, ..ShortMessage::default() },
        ];
        for message in rows {
            assert_eq!(split(&message), Some((Bytes::from_static(b"x"), expected)));
        }
    }

    #[test]
    fn broken_headers_are_refused() {
        let rows: [&'static [u8]; 4] =
            [&[], &[5, 0, 3], &[5, 0, 9, 1, 2, 1, b'x'], &[5, 0, 3, 1, 2, 3, b'x']];
        for octets in rows {
            assert_eq!(split(&with_header(octets)), None, "{octets:?}");
        }
    }

    #[test]
    fn parts_in_any_order_become_one_text() {
        let phone = Unfinished::default();
        let part = |number| Part { reference: 7, total: 3, number };
        assert_eq!(phone.add("a", "b", part(3), "!"), None);
        assert_eq!(phone.add("a", "b", part(1), "he"), None);
        assert_eq!(phone.add("a", "b", part(1), "he"), None);
        assert_eq!(phone.add("a", "b", part(2), "llo"), Some("hello!".to_owned()));
    }
}
