//! The way out: each magic recipient of the sandbox, every generic message, and what is too large.

use domain::content::{Action, Body, Card, Choice, Media, Row as ListRow, Section};
use domain::delivery::{Outcome, ReasonKind, Status};

use super::bench::Bench;
use super::rows::{Row, SECRET};

fn hi() -> Body {
    Body::Text("hi".to_owned())
}

fn accepted(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Accepted { parts } if !parts.is_empty() => parts.iter().map(ToString::to_string).collect(),
        other => panic!("not accepted: {other:?}"),
    }
}

/// The kind, and for how long to wait where waiting helps.
fn refused(outcome: Outcome) -> (ReasonKind, Option<Option<i64>>) {
    match outcome {
        Outcome::Refused(reason) => (reason.kind, None),
        Outcome::Temporary { reason, retry_after_ms } => (reason.kind, Some(retry_after_ms)),
        other => panic!("neither refused nor temporary: {other:?}"),
    }
}

async fn outcomes(bench: &Bench, magic: &str) -> Vec<String> {
    let rows = bench.ledger(magic).await;
    rows.iter().map(|row| row["outcome"].as_str().expect("a word").to_owned()).collect()
}

pub async fn accepted_reaches_the_phone_and_is_reported(row: Row) {
    let mut bench = Bench::new(row).await;
    let parts = accepted(bench.send(&bench.message_to("0123", hi())).await);
    assert_eq!(bench.phone("0123").await, ["hi"]);
    let abilities = bench.channel.connector.abilities().clone();
    for (has, status) in
        [(abilities.reports_delivered, Status::Delivered), (abilities.reports_read, Status::Read)]
    {
        if has {
            let (id, _, receipt) = bench.receipt().await;
            assert_eq!((vec![id], receipt.status), (parts.clone(), status));
        }
    }
}

pub async fn a_refusal_is_for_good(row: Row) {
    let bench = Bench::new(row).await;
    let (kind, later) = refused(bench.send(&bench.message_to("0001", hi())).await);
    assert!(matches!(kind, ReasonKind::RecipientNotReachable | ReasonKind::RecipientInvalid), "{kind:?}");
    assert_eq!(later, None);
}

pub async fn a_later_failure_is_a_receipt(row: Row) {
    let mut bench = Bench::new(row).await;
    let parts = accepted(bench.send(&bench.message_to("0002", hi())).await);
    if bench.channel.connector.abilities().reports_delivered {
        let (id, _, receipt) = bench.receipt().await;
        assert_eq!((vec![id], receipt.status), (parts, Status::Failed));
        assert!(receipt.reason.is_some(), "a failure says why");
        assert!(bench.phone("0002").await.is_empty());
    }
}

pub async fn temporary_failures_pass(row: Row) {
    let bench = Bench::new(row).await;
    let message = bench.message_to("0003", hi());
    for _ in 0..2 {
        let (kind, later) = refused(bench.send(&message).await);
        assert_eq!((kind, later.is_some()), (ReasonKind::ChannelFailure, true));
    }
    accepted(bench.send(&message).await);
    assert_eq!(outcomes(&bench, "0003").await, ["temporary", "temporary", "accepted"]);
}

pub async fn throttling_says_when_to_come_back(row: Row) {
    let bench = Bench::new(row).await;
    let message = bench.message_to("0004", hi());
    let said = refused(bench.send(&message).await);
    assert_eq!(said, (ReasonKind::RateLimited, Some(Some(1_000))));
    accepted(bench.send(&message).await);
}

pub async fn silence_is_no_receipt(row: Row) {
    let mut bench = Bench::new(row).await;
    accepted(bench.send(&bench.message_to("0005", hi())).await);
    let parts = accepted(bench.send(&bench.message_to("0123", hi())).await);
    if bench.channel.connector.abilities().reports_delivered {
        assert_eq!(vec![bench.receipt().await.0], parts, "only the other one is reported");
    }
}

pub async fn no_answer_is_unknown_until_our_token_comes_back(row: Row) {
    let mut bench = Bench::new(row).await;
    let message = bench.message_to("0006", hi());
    assert_eq!(bench.send(&message).await, Outcome::Unknown { parts: vec![] });
    assert_eq!(bench.phone("0006").await, ["hi"]);
    if bench.channel.connector.abilities().reports_delivered {
        let (_, token, receipt) = bench.receipt().await;
        assert_eq!((token.as_deref(), receipt.status), (Some(&*message.token), Status::Delivered));
    }
}

pub async fn a_receipt_may_come_before_the_answer(row: Row) {
    let mut bench = Bench::new(row).await;
    let parts = accepted(bench.send(&bench.message_to("0007", hi())).await);
    if bench.channel.connector.abilities().reports_delivered {
        assert!(!bench.heard_already().is_empty(), "heard before the answer");
    }
    assert_eq!(parts.len(), 1);
}

pub async fn receipts_may_come_twice_and_reversed(row: Row) {
    let mut bench = Bench::new(row).await;
    let parts = accepted(bench.send(&bench.message_to("0008", hi())).await);
    let abilities = bench.channel.connector.abilities().clone();
    let expected = match (abilities.reports_delivered, abilities.reports_read) {
        (true, true) => vec![Status::Read, Status::Delivered, Status::Delivered, Status::Read],
        (true, false) => vec![Status::Delivered, Status::Delivered],
        (false, _) => vec![],
    };
    for status in expected {
        let (id, _, receipt) = bench.receipt().await;
        assert_eq!((vec![id], receipt.status), (parts.clone(), status));
    }
}

pub async fn delivered_may_stay_the_last_word(row: Row) {
    let mut bench = Bench::new(row).await;
    let parts = accepted(bench.send(&bench.message_to("0009", hi())).await);
    if bench.channel.connector.abilities().reports_delivered {
        let (id, _, receipt) = bench.receipt().await;
        assert_eq!((vec![id], receipt.status), (parts, Status::Delivered));
    }
}

pub async fn a_slow_answer_is_awaited(row: Row) {
    let bench = Bench::new(row).await;
    accepted(bench.send(&bench.message_to("0010", hi())).await);
    assert_eq!(outcomes(&bench, "0010").await, ["accepted"]);
}

pub async fn a_dropped_connection_is_unknown(row: Row) {
    let bench = Bench::new(row).await;
    assert_eq!(bench.send(&bench.message_to("0011", hi())).await, Outcome::Unknown { parts: vec![] });
    assert_eq!(outcomes(&bench, "0011").await, ["dropped"], "read once, sent once");
    assert!(bench.phone("0011").await.is_empty());
}

pub async fn scripts_beat_the_address(row: Row) {
    let bench = Bench::new(row).await;
    let path = format!("/faults/{}/{}", row.channel, bench.address("0123"));
    bench.ask(http::Method::PUT, &path, &serde_json::json!(["0001", "ok"])).await;
    let message = bench.message_to("0123", hi());
    assert_eq!(refused(bench.send(&message).await).1, None);
    accepted(bench.send(&message).await);
    accepted(bench.send(&message).await);
}

pub async fn without_a_provider_nothing_left(row: Row) {
    let bench = Bench::new(row).await;
    let line = bench.line_to_nobody().await;
    let (kind, later) = refused(bench.channel.connector.send(&line, &bench.message_to("0123", hi())).await);
    assert_eq!((kind, later.is_some()), (ReasonKind::ChannelFailure, true));
}

fn reply(text: &str) -> Choice {
    Choice { action: Action::Reply { text: text.to_owned() }, postback: format!("p-{text}") }
}

fn media(mime: &str, name: &str) -> Media {
    let url = format!("https://cdn.example.net/{name}");
    Media {
        url,
        mime: mime.to_owned(),
        name: name.to_owned(),
        caption: "a caption".to_owned(),
        ..Media::default()
    }
}

fn choices() -> Vec<Choice> {
    let title = |words: &str| words.to_owned();
    let actions = [
        Action::Reply { text: title("Yes") },
        Action::Call { title: title("Ring"), phone: title("+447700900456") },
        Action::Link { title: title("Shop"), url: title("https://shop.example.net/a") },
        Action::ShowLocation { title: title("Where"), latitude: title("59.3"), longitude: title("18.1") },
        Action::Calendar { title: title("Note it"), event_title: title("Visit") },
        Action::ShareLocation { title: title("Send mine") },
    ];
    actions.into_iter().map(|action| Choice { action, postback: String::new() }).collect()
}

fn card() -> Card {
    Card {
        title: "Box".to_owned(),
        description: "Of wood".to_owned(),
        media: Some(Media { caption: String::new(), ..media("image/png", "box.png") }),
        choices: vec![reply("Buy")],
    }
}

fn list(rows: usize) -> Body {
    let row = |number: usize| ListRow {
        title: format!("Row {number}"),
        description: String::new(),
        postback: format!("r-{number}"),
    };
    let sections = vec![Section { title: String::new(), rows: (0..rows).map(row).collect() }];
    Body::List {
        title: "Menu".to_owned(),
        description: "Pick".to_owned(),
        sections,
        menu_title: String::new(),
    }
}

/// Each generic message, plain and with every optional word left out.
fn bodies() -> Vec<Body> {
    let place = |title: &str, label: &str| Body::Location {
        title: title.to_owned(),
        label: label.to_owned(),
        latitude: "59.3326".to_owned(),
        longitude: "18.0649".to_owned(),
    };
    let asks = |choices: Vec<Choice>| Body::Choice { text: "Keep the slot?".to_owned(), choices };
    let person = |phones: &[&str]| Body::ContactCard {
        name: "Ada".to_owned(),
        phones: phones.iter().map(ToString::to_string).collect(),
        emails: vec![],
        organization: String::new(),
    };
    let bare_card = Card { title: "Box".to_owned(), ..Card::default() };
    let mut bodies = vec![
        Body::Text("Zażółć gęślą jaźń 🙂 [€]".to_owned()),
        Body::Album {
            caption: "Two".to_owned(),
            items: vec![media("image/png", "a.png"), media("image/jpeg", "b.jpg")],
        },
        place("Depot", "Kajplats 4"),
        place("Depot", ""),
        place("", ""),
        asks(vec![reply("Yes"), reply("No")]),
        asks("abcdefg".chars().map(|letter| reply(&letter.to_string())).collect()),
        asks(choices()),
        Body::Card(card()),
        Body::Card(bare_card.clone()),
        Body::Carousel {
            text: "Week".to_owned(),
            cards: vec![card(), bare_card],
            choices: vec![reply("More")],
        },
        list(3),
        list(40),
        person(&["+447700900456"]),
        person(&[]),
        Body::Template {
            name: "order_update".to_owned(),
            language: "en_GB".to_owned(),
            parameters: vec![("1".to_owned(), "Ada".to_owned())],
        },
        Body::Template { name: "plain".to_owned(), language: "en".to_owned(), parameters: vec![] },
        Body::Picked { text: "Yes".to_owned(), postback: "p".to_owned(), of_message: None },
        Body::Other { text: "[something]".to_owned() },
    ];
    bodies.extend(choices().into_iter().map(|choice| asks(vec![choice])));
    let kinds = [
        "image/png",
        "image/gif",
        "video/mp4",
        "audio/mpeg",
        "audio/ogg; codecs=opus",
        "application/pdf",
        "",
    ];
    bodies.extend(kinds.into_iter().map(|mime| Body::Media(media(mime, "file.bin"))));
    bodies
}

pub async fn every_generic_message_is_one_the_provider_takes(row: Row) {
    let bench = Bench::new(row).await;
    for body in bodies() {
        let before = bench.phone("0123").await.len();
        let outcome = bench.send(&bench.message_to("0123", body.clone())).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{body:?}: {outcome:?}");
        assert!(bench.phone("0123").await.len() > before, "{body:?}");
    }
}

pub async fn answers_quote_and_time_limits_travel(row: Row) {
    let bench = Bench::new(row).await;
    let first = accepted(bench.send(&bench.message_to("0123", hi())).await);
    let mut answer = bench.message_to("0123", hi());
    answer.reply_to = first.first().map(|id| id.as_str().into());
    answer.ttl_s = Some(600);
    accepted(bench.send(&answer).await);
}

pub async fn an_oversized_text_goes_whole_or_not_at_all(row: Row) {
    let bench = Bench::new(row).await;
    let max = bench.channel.connector.abilities().text_chars_max;
    let sizes = [(max, "a"), (max + 1, "a"), (max * 3, "a"), (max, "ж"), (max * 20, "🙂")];
    for (at, (chars, letter)) in sizes.into_iter().enumerate() {
        let magic = format!("{:04}", 2_000 + at);
        let text = letter.repeat(chars);
        match bench.send(&bench.message_to(&magic, Body::Text(text.clone()))).await {
            Outcome::Accepted { .. } => {
                assert!(bench.phone(&magic).await.concat() == text, "{chars} {letter}")
            }
            Outcome::Refused(reason) => {
                assert_eq!(reason.kind, ReasonKind::ContentUnsupported);
                assert!(bench.ledger(&magic).await.is_empty(), "nothing left");
            }
            other => panic!("{chars} {letter}: {other:?}"),
        }
    }
}

pub async fn known_parts_are_never_sent_again(row: Row) {
    let bench = Bench::new(row).await;
    let max = bench.channel.connector.abilities().text_chars_max;
    // What is a part differs; one of these takes several everywhere.
    let mut tried = 0;
    for (magic, chars) in [("3000", 400), ("3001", max + max / 2)] {
        let mut message = bench.message_to(magic, Body::Text("a".repeat(chars)));
        let Outcome::Accepted { parts } = bench.send(&message).await else { continue };
        let sent = bench.ledger(magic).await.len();
        assert_eq!(sent, parts.len());
        if sent == 1 {
            continue;
        }
        tried += 1;
        let known = &parts[..sent - 1];
        message.parts_done = known.to_vec();
        let again = accepted(bench.send(&message).await);
        assert_eq!(bench.ledger(magic).await.len(), sent + 1, "the missing part alone");
        assert_eq!(again[..sent - 1], known.iter().map(ToString::to_string).collect::<Vec<_>>());
        message.parts_done.clone_from(&parts);
        accepted(bench.send(&message).await);
        assert_eq!(bench.ledger(magic).await.len(), sent + 1, "nothing is missing");
    }
    assert!(tried > 0);
}

pub async fn secrets_do_not_show(row: Row) {
    let bench = Bench::new(row).await;
    let message = bench.message_to("0001", hi());
    let outcome = bench.send(&message).await;
    let shown = format!("{:?} {message:?} {outcome:?} {:?}", bench.line, bench.channel);
    assert!(!shown.replace(row.account, "").contains(SECRET), "{shown}");
}

pub async fn private_addresses_are_out_of_reach(row: Row) {
    let mut bench = Bench::new(row).await;
    bench.end_session().await;
    let message = bench.message_to("0123", hi());
    let outcome = bench.channel.connector.send(&bench.line_kept_in(), &message).await;
    assert!(matches!(outcome, Outcome::Refused(_) | Outcome::Temporary { .. }), "{outcome:?}");
    assert!(bench.ledger("0123").await.is_empty(), "nothing left");
}
