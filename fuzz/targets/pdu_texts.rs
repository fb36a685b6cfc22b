//! Texts of short messages and their parts.
//!
//! A text that was cut into parts reads as the same text when they are put together, in each alphabet and with each
//! header; no part is longer than a short message. What a header leaves of a message is its end.
#![no_main]

use connectors::smpp::alphabet::{Alphabet, decode, encode};
use connectors::smpp::reassembly::{Added, Key, Part, Reassembly, split_header};
use connectors::smpp::receipt::{self, IdForm};
use libfuzzer_sys::fuzz_target;

/// Bytes of a short message; one of GSM letters holds more of them, because they travel packed.
const OCTETS_MAX: usize = 140;
const SEPTETS_MAX: usize = 160;

fuzz_target!(|octets: &[u8]| {
    let (_, rest) = split_header(octets);
    assert!(octets.ends_with(rest), "a header stands before the text");
    let text = String::from_utf8_lossy(octets);
    for alphabet in [Alphabet::Gsm, Alphabet::Latin1, Alphabet::Ucs2] {
        for header_octets in [0, 6, 7] {
            cut_and_join(&text, alphabet, header_octets);
        }
        for data_coding in [0, 1, 3, 4, 8, 0xf5] {
            let _ = decode(octets, data_coding, alphabet);
        }
    }
    if let Some(found) = receipt::parse(&text, None, None) {
        assert!(text.contains(&found.id) && text.contains(&found.error), "a receipt says what stands there");
        for form in [IdForm::Same, IdForm::HexThenDecimal, IdForm::DecimalThenHex] {
            let once = form.of_receipt(&found.id);
            assert!(!once.is_empty(), "an id has a form");
        }
    }
});

fn cut_and_join(text: &str, wanted: Alphabet, header_octets: usize) {
    let encoded = encode(text, wanted, header_octets);
    let max = if encoded.alphabet == Alphabet::Gsm { SEPTETS_MAX } else { OCTETS_MAX };
    let total = encoded.parts.len();
    for part in &encoded.parts {
        assert!(part.len() <= max, "a part fits a message");
    }
    let joined = join(&encoded.parts);
    let read = decode(&joined, encoded.alphabet.data_coding(), wanted);
    assert_eq!(read.as_deref(), Some(text), "{encoded:?} of {total}");
}

/// Hands the parts over last first, as a center may.
fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    let Ok(total @ 1..) = u8::try_from(parts.len()) else { return parts.concat() };
    let key = Key { from: "1".to_owned(), to: "2".to_owned(), reference: 7, total };
    let mut reassembly = Reassembly::default();
    for number in (2..=total).rev() {
        let octets = parts[usize::from(number) - 1].clone();
        assert_eq!(reassembly.add(Part { key: key.clone(), number, octets }), Added::Waiting);
    }
    match reassembly.add(Part { key, number: 1, octets: parts[0].clone() }) {
        Added::Complete(pieces) => pieces.concat(),
        other => panic!("all parts are there: {other:?}"),
    }
}
