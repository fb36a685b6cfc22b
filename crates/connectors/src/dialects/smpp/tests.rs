//! Alphabet, concatenation, receipts and ids, as tables; the command_status table by its kinds.
//! The session is tried over sockets in `tests/it`.

use connector_api::SendError;
use domain::delivery::ReasonKind;

use super::alphabet::{Alphabet, decode, encode};
use super::reassembly::{Added, Key, Part, Reassembly, split_header};
use super::receipt::{Fate, IdForm, parse};
use super::status;

#[test]
fn text_takes_the_smallest_alphabet_that_holds_it() {
    let gsm = encode("Hi @ 5€", Alphabet::Gsm, 6);
    assert_eq!(gsm.alphabet, Alphabet::Gsm);
    assert_eq!(gsm.parts, [vec![0x48, 0x69, 0x20, 0x00, 0x20, 0x35, 0x1b, 0x65]]);
    let polish = encode("Zażółć", Alphabet::Gsm, 6);
    assert_eq!(polish.alphabet, Alphabet::Ucs2);
    assert_eq!(polish.parts, [vec![0, 0x5a, 0, 0x61, 1, 0x7c, 0, 0xf3, 1, 0x42, 1, 7]]);
    for text in ["Grüße, Ñandú! ¿Qué? {[~|^\\]}", "ΔΦΓΛΩΠΨΣΘΞ Åå", "日本 👍", "line\nbreak"]
    {
        let encoded = encode(text, Alphabet::Gsm, 6);
        let coding = encoded.alphabet.data_coding();
        assert_eq!(decode(&encoded.parts.concat(), coding, Alphabet::Gsm).as_deref(), Some(text));
    }
}

#[test]
fn texts_are_cut_at_the_limits_and_never_inside_a_letter() {
    let sizes =
        |text: &str| -> Vec<usize> { encode(text, Alphabet::Gsm, 6).parts.iter().map(Vec::len).collect() };
    assert_eq!(sizes(&"a".repeat(160)), [160]);
    assert_eq!(sizes(&"a".repeat(161)), [153, 8]);
    assert_eq!(sizes(&"a".repeat(307)), [153, 153, 1]);
    assert_eq!(sizes(&format!("{}€{}", "a".repeat(152), "a".repeat(10))), [152, 12]);
    assert_eq!(sizes(&"ж".repeat(70)), [140]);
    assert_eq!(sizes(&"ж".repeat(71)), [134, 8]);
    assert_eq!(sizes(&format!("{}👍жжжжж", "ж".repeat(66))), [132, 14]);
}

#[test]
fn receipts_are_read_from_tlvs_and_from_text() {
    let text = "id:7f3a91 sub:001 dlvrd:001 submit date:2612011405 done date:2612011406 stat:DELIVRD err:000 text:Hi stat:X";
    let receipt = parse(text, None, None).expect("the text names an id");
    assert_eq!((receipt.id.as_str(), receipt.fate, receipt.error.as_str()), ("7f3a91", Fate::Delivered, ""));
    assert_eq!(receipt.done_ms, 1_796_133_960_000);
    let by_tlv = parse("", Some("abc"), Some(5)).expect("the TLV names an id");
    assert_eq!((by_tlv.id.as_str(), by_tlv.fate), ("abc", Fate::Failed));
    let shuffled = parse("Stat:REJECTD ERR:0012 ID:9", None, None).expect("keys in any order and case");
    assert_eq!((shuffled.id.as_str(), shuffled.fate, shuffled.error.as_str()), ("9", Fate::Rejected, "0012"));
    assert_eq!(parse("hello", None, None), None);
}

#[test]
fn hex_and_decimal_ids_meet() {
    let hex = IdForm::HexThenDecimal;
    assert_eq!(hex.of_answer("00FF"), hex.of_receipt("0000255"));
    let decimal = IdForm::DecimalThenHex;
    assert_eq!(decimal.of_answer("255"), decimal.of_receipt("0ff"));
    assert_eq!(IdForm::Same.of_answer("00FF"), "00FF");
    assert_eq!(hex.of_answer("not-a-number"), "not-a-number");
}

#[test]
fn parts_are_joined_in_any_order_and_repetitions_are_known() {
    let key = Key { from: "1".to_owned(), to: "2".to_owned(), reference: 7, total: 2 };
    let part = |number, octets: &[u8]| Part { key: key.clone(), number, octets: octets.to_vec() };
    let mut reassembly = Reassembly::default();
    assert_eq!(reassembly.add(part(2, b"world")), Added::Waiting);
    assert_eq!(reassembly.add(part(2, b"world")), Added::Waiting);
    let pieces = vec![b"hello ".to_vec(), b"world".to_vec()];
    assert_eq!(reassembly.add(part(1, b"hello ")), Added::Complete(pieces.clone()));
    reassembly.taken(key.clone(), pieces);
    assert_eq!(reassembly.add(part(2, b"world")), Added::Repeated);
    assert_eq!(reassembly.add(part(2, b"other")), Added::Waiting);
    assert_eq!(split_header(&[5, 0, 3, 9, 2, 1, b'x']), (Some((9, 2, 1)), &b"x"[..]));
    assert_eq!(split_header(&[6, 8, 4, 1, 0, 3, 2, b'x']), (Some((256, 3, 2)), &b"x"[..]));
    assert_eq!(split_header(&[200, 0]), (None, &[200, 0][..]));
}

#[test]
fn statuses_have_their_kinds() {
    let rows = [
        (0x58, true, ReasonKind::RateLimited),
        (0x14, true, ReasonKind::RateLimited),
        (0x08, true, ReasonKind::ChannelFailure),
        (0x0b, false, ReasonKind::RecipientInvalid),
        (0x0a, false, ReasonKind::ChannelBadConfiguration),
        (0x61, false, ReasonKind::ContentUnsupported),
        (0xfe, false, ReasonKind::RecipientNotReachable),
        (0x400, false, ReasonKind::ChannelRejected),
    ];
    for (code, temporary, kind) in rows {
        match status::refused(code) {
            SendError::Temporary { reason, .. } => {
                assert_eq!((true, reason.kind), (temporary, kind), "{code:#x}");
            }
            SendError::Permanent(reason) => assert_eq!((false, reason.kind), (temporary, kind), "{code:#x}"),
        }
    }
}
