//! Alphabet, concatenation, receipts and ids, as tables; the command_status table by its kinds; the link's window and
//! time-outs in paused time. Sessions over sockets are tried by the channels that hold them.

use std::sync::Arc;
use std::time::Duration;

use connector_api::SendError;
use domain::delivery::ReasonKind;
use rusmpp::Pdu;
use tokio::sync::mpsc;

use super::alphabet::{Alphabet, decode, encode};
use super::link::{Answer, Link};
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
    // Signs are no digits: the first would be a year before 2000.
    for date in ["-112011406", "26120114-6", "2612011+06"] {
        let receipt = parse(&format!("id:9 done date:{date}"), None, None).expect("the text names an id");
        assert_eq!(receipt.done_ms, 0, "{date}");
    }
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

#[test]
fn longer_headers_leave_less_room() {
    let sizes = |text: &str, alphabet| -> Vec<usize> {
        encode(text, alphabet, 7).parts.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(&"a".repeat(160), Alphabet::Gsm), [160]);
    assert_eq!(sizes(&"a".repeat(161), Alphabet::Gsm), [152, 9]);
    assert_eq!(sizes(&"ж".repeat(71), Alphabet::Gsm), [132, 10]);
    assert_eq!(sizes(&"ß".repeat(141), Alphabet::Latin1), [133, 8]);
}

#[test]
fn every_data_coding_is_read_as_it_is_meant() {
    let rows: [(u8, &[u8], Option<&str>); 9] = [
        (0x00, &[0x00, 0x1b, 0x65], Some("@€")),
        (0x01, b"plain", Some("plain")),
        (0x03, &[0xe4, 0xdf], Some("äß")),
        (0x08, &[0x01, 0x42, 0xd8, 0x3d, 0xde, 0x42], Some("ł🙂")),
        (0x11, &[0x00], Some("@")),
        (0x18, &[0x01, 0x42], Some("ł")),
        (0xf0, &[0x1b, 0x3c], Some("[")),
        (0x04, &[1, 2, 3], None),
        (0xf5, &[1, 2, 3], None),
    ];
    for (coding, octets, expected) in rows {
        assert_eq!(decode(octets, coding, Alphabet::Gsm).as_deref(), expected, "{coding:#x}");
    }
    assert_eq!(decode(&[0xe4], 0, Alphabet::Latin1).as_deref(), Some("ä"), "coding 0 is the account's");
    assert_eq!(
        decode(&[0x01, 0x42, 0x01], 8, Alphabet::Gsm).as_deref(),
        Some("ł"),
        "half a unit is no letter"
    );
    assert_eq!(decode(&[0x41, 0x1b], 0, Alphabet::Gsm).as_deref(), Some("A"), "an escape of nothing");
}

const LIMIT: Duration = Duration::from_secs(10);

/// A link with a window, and a writer that marks what it takes as written.
fn link(window: usize) -> (Arc<Link>, mpsc::Receiver<u32>) {
    let (out, mut queue) = mpsc::channel::<rusmpp::Command>(16);
    let (written, seen) = mpsc::channel(16);
    let link = Arc::new(Link::new(out, window));
    let writer = Arc::clone(&link);
    tokio::spawn(async move {
        while let Some(command) = queue.recv().await {
            if writer.about_to_write(command.sequence_number()) {
                written.send(command.sequence_number()).await.expect("the test listens");
            }
        }
    });
    (link, seen)
}

fn submit(link: &Arc<Link>) -> tokio::task::JoinHandle<Answer> {
    let link = Arc::clone(link);
    tokio::spawn(async move { link.submit(Pdu::EnquireLink, LIMIT).await })
}

#[tokio::test(start_paused = true)]
async fn the_window_is_never_exceeded_and_who_waits_in_vain_sent_nothing() {
    let (link, mut seen) = link(2);
    let open = [submit(&link), submit(&link)];
    let (first, second) = (seen.recv().await.expect("written"), seen.recv().await.expect("written"));
    let third = submit(&link);
    assert_eq!(third.await.expect("no panic"), Answer::NotSent);
    assert!(seen.try_recv().is_err(), "a full window lets nothing out");
    let fourth = submit(&link);
    link.answered(first, Answer::Taken("a".to_owned()));
    let freed = seen.recv().await.expect("the freed place is used");
    link.answered(freed, Answer::Taken("c".to_owned()));
    link.answered(second, Answer::Refused(0x58));
    assert_eq!(fourth.await.expect("no panic"), Answer::Taken("c".to_owned()));
    let [one, two] = open;
    assert_eq!(one.await.expect("no panic"), Answer::Taken("a".to_owned()));
    assert_eq!(two.await.expect("no panic"), Answer::Refused(0x58));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_lost_and_its_place_is_free_again() {
    let (link, mut seen) = link(1);
    let silent = submit(&link);
    let sequence = seen.recv().await.expect("written");
    let started = tokio::time::Instant::now();
    assert_eq!(silent.await.expect("no panic"), Answer::Lost);
    assert_eq!(started.elapsed(), LIMIT);
    link.answered(sequence, Answer::Taken("late".to_owned()));
    let next = submit(&link);
    let sequence = seen.recv().await.expect("written");
    link.answered(sequence, Answer::Taken("b".to_owned()));
    assert_eq!(next.await.expect("no panic"), Answer::Taken("b".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_closed_link_tells_written_from_unwritten() {
    let (out, mut queue) = mpsc::channel(16);
    let link = Arc::new(Link::new(out, 2));
    let (written, waiting) = (submit(&link), submit(&link));
    let command: rusmpp::Command = queue.recv().await.expect("queued");
    assert!(link.about_to_write(command.sequence_number()));
    tokio::task::yield_now().await;
    link.close();
    assert_eq!(written.await.expect("no panic"), Answer::Lost);
    assert_eq!(waiting.await.expect("no panic"), Answer::NotSent);
    assert!(!link.about_to_write(command.sequence_number() + 1), "what nobody waits for does not go");
}

#[tokio::test(start_paused = true)]
async fn parting_waits_for_open_answers_and_then_unbinds() {
    let (link, mut seen) = link(2);
    let open = submit(&link);
    let sequence = seen.recv().await.expect("written");
    let parting = tokio::spawn({
        let link = Arc::clone(&link);
        async move { link.part(LIMIT, Duration::from_secs(5)).await }
    });
    tokio::time::advance(LIMIT / 2).await;
    assert!(seen.try_recv().is_err() && !link.parted(), "no good-bye while an answer is open");
    assert_eq!(submit(&link).await.expect("no panic"), Answer::NotSent, "nothing new");
    link.answered(sequence, Answer::Taken("a".to_owned()));
    assert_eq!(open.await.expect("no panic"), Answer::Taken("a".to_owned()));
    let unbind = seen.recv().await.expect("the unbind");
    link.answered(unbind, Answer::Taken(String::new()));
    parting.await.expect("no panic");
    assert!(link.parted());
}
