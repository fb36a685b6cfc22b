//! Bad input: valid bodies, changed at random from fixed seeds. None ends in a 5xx; what is refused leaves nothing.

use domain::event::Fact;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, app, basic, plain, tenant, with, world};

const ROUNDS: u64 = 2_000;

/// A small generator; the state is the seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Values that parsers stumble over.
fn strange(dice: &mut Dice) -> Value {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let all = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}ä\u{1f600}"),
        json!("x".repeat(3_000)),
        json!("99999999999999999999s"),
        json!("http://[::1"),
        json!("../../etc/passwd"),
        json!([]),
        json!({}),
        json!({"": {"": null}}),
        deep,
    ];
    all[dice.below(all.len())].clone()
}

/// Changes one place of a value, somewhere within.
fn change(value: &mut Value, dice: &mut Dice) {
    let stop_here = dice.below(4) == 0;
    match value {
        Value::Object(members) if !members.is_empty() && !stop_here => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = &names[dice.below(names.len())];
            match dice.below(6) {
                0 => drop(members.remove(name)),
                1 => {
                    let taken = members.remove(name).unwrap();
                    members.insert(format!("{name}x"), taken);
                }
                2 => drop(members.insert("surprise".to_owned(), strange(dice))),
                _ => change(&mut members[name.as_str()], dice),
            }
        }
        Value::Array(items) if !items.is_empty() && !stop_here => {
            let place = dice.below(items.len());
            match dice.below(5) {
                0 => drop(items.remove(place)),
                1 => {
                    let copy = items[place].clone();
                    items.extend(vec![copy; 12]);
                }
                _ => change(&mut items[place], dice),
            }
        }
        other => *other = strange(dice),
    }
}

/// Breaks the text itself.
fn garble(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let place = dice.below(bytes.len());
    match dice.below(4) {
        0 => bytes.truncate(place),
        1 => bytes[place] = dice.below(256) as u8,
        2 => bytes.insert(place, b"{}[]\",:\\\x00\xff"[dice.below(10)]),
        _ => drop(bytes.remove(place)),
    }
    bytes
}

fn valid_sends() -> Vec<Value> {
    let choices = json!([{"text_message": {"text": "A"}, "postback_data": "a"},
        {"call_message": {"title": "B", "phone_number": "+1"}}]);
    let card =
        json!({"title": "T", "media_message": {"url": "https://example.org/a.png"}, "choices": choices});
    let messages = [
        json!({"carousel_message": {"cards": [card, card], "choices": choices}}),
        json!({"list_message": {"title": "L", "sections": [{"items": [{"choice": {"title": "A"}}]}]}}),
        json!({"location_message": {"coordinates": {"latitude": 1.5, "longitude": 2}, "title": "H"}}),
        json!({"contact_info_message": {"name": {"full_name": "A"}, "phone_numbers": [{"phone_number": "+1"}]}}),
        json!({"template_message": {"omni_template": {"template_id": "t", "version": "1", "parameters": {"a": "b"}}}}),
        json!({"text_message": {"text": "a"}, "agent": {"display_name": "A", "type": "BOT"},
            "explicit_channel_message": {"SMS": "{}"}, "explicit_channel_omni_message": {"RCS": {"card_message": card}},
            "channel_specific_message": {"WHATSAPP": {"message_type": "FLOWS", "message": {"flow_id": "1"}}}}),
    ];
    let whole = with(json!({
        "callback_url": "https://hooks.example.org/own", "channel_priority_order": ["SMS"],
        "channel_properties": {"SMS_SENDER": "x"}, "message_metadata": "m", "conversation_metadata": {"a": {"b": 1}},
        "conversation_metadata_update_strategy": "MERGE_PATCH", "queue": "HIGH_PRIORITY", "ttl": "60s",
        "processing_strategy": "DEFAULT", "correlation_id": "c", "message_content_type": "CONTENT_MARKETING"}));
    let with_message = |message: Value| {
        let mut request = plain();
        request["message"] = message;
        request
    };
    messages.into_iter().map(with_message).chain([whole]).collect()
}

fn webhook() -> Value {
    json!({"app_id": app(1, 1).ulid(), "target": "https://hooks.example.org/a", "target_type": "HTTP",
        "secret": "s", "triggers": ["MESSAGE_INBOUND", "MESSAGE_DELIVERY"], "client_credentials": null})
}

/// What a refused request must not change.
fn kept(world: &World) -> (usize, usize) {
    let made = |fact: &Fact| {
        matches!(fact, Fact::MessageSubmitted | Fact::ContactCreated | Fact::ConversationStarted)
    };
    (world.said(made), world.engine.directory().subscriptions_of(tenant(1)).count())
}

async fn post(world: &World, rest: &str, body: Vec<u8>, seed: u64) -> StatusCode {
    let before = kept(world);
    let answer = world.post_bytes(rest, body).await;
    assert!(
        answer.status.as_u16() < 500 || answer.status == StatusCode::NOT_IMPLEMENTED,
        "seed {seed}: {}",
        answer.body
    );
    if answer.status != StatusCode::OK {
        assert_eq!(kept(world), before, "seed {seed}: {} left something", answer.status);
        assert_eq!(answer.body["error"]["code"], json!(answer.status.as_u16()), "seed {seed}");
    }
    answer.status
}

#[tokio::test]
async fn no_change_of_a_valid_body_ends_in_a_5xx_and_no_refusal_leaves_anything() {
    let world = world().await;
    let sends = valid_sends();
    for request in &sends {
        assert_eq!(world.send(request.clone()).await.status, StatusCode::OK, "{request}");
    }
    let (mut taken, mut refused) = (0, 0);
    for seed in 1..=ROUNDS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (rest, mut body) = match dice.below(8) {
            7 => ("webhooks", webhook()),
            which => ("messages:send", sends[which].clone()),
        };
        for _ in 0..=dice.below(3) {
            change(&mut body, &mut dice);
        }
        let text = body.to_string();
        let bytes = if dice.below(4) == 0 { garble(&text, &mut dice) } else { text.into_bytes() };
        match post(&world, rest, bytes, seed).await {
            StatusCode::OK => taken += 1,
            _ => refused += 1,
        }
    }
    assert!(
        taken > ROUNDS / 20 && refused > ROUNDS / 4,
        "changes of both kinds: {taken} taken, {refused} refused"
    );
}

#[tokio::test]
async fn no_query_ends_in_a_5xx() {
    let world = world().await;
    let conversation = world.sent_message(json!({})).await["conversation_id"].clone();
    let values =
        ["", "0", "-1", "99999999999999999999", "x", "%00", "%ff", "p", "pzz", "pffffffffffffffffff", "true"];
    let names =
        ["page_size", "page_token", "direction", "app_id", "contact_id", "only_active", "view", "surprise"];
    for (list, owner) in [("messages", "conversation_id"), ("conversations", "app_id"), ("contacts", "x")] {
        let owner_id =
            if owner == "app_id" { app(1, 1).ulid() } else { conversation.as_str().unwrap().to_owned() };
        for (name, value) in names.iter().flat_map(|name| values.iter().map(move |value| (name, value))) {
            let path = format!("/v1/projects/{}/{list}?{owner}={owner_id}&{name}={value}", tenant(1).uuid());
            let key = basic("key-1", "s3cret");
            let answer = world.call("GET", &path, &[("authorization", &key)], String::new()).await;
            assert!(answer.status.as_u16() < 500, "{list} {name}={value}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn nesting_without_end_is_refused() {
    let world = world().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let plain = plain().to_string();
    let within = plain.replacen('{', &format!("{{\"surprise\":{deep},"), 1);
    for body in [deep, within] {
        let status = post(&world, "messages:send", body.into_bytes(), 0).await;
        assert!(status == StatusCode::BAD_REQUEST || status == StatusCode::OK, "{status}");
    }
}

#[tokio::test]
async fn what_nobody_reads_has_to_be_json_too() {
    let world = world().await;
    let plain = plain().to_string();
    // Found by the fuzz target: taken before, and refused only under an idempotency key.
    let no_text = [b"{\"surprise\":\"\xff\",".as_slice(), &plain.as_bytes()[1..]].concat();
    let half = plain.replacen("\"text_message\":", r#""surprise":"\ud800","text_message":"#, 1);
    for body in [no_text, half.into_bytes()] {
        assert_eq!(post(&world, "messages:send", body, 0).await, StatusCode::BAD_REQUEST);
    }
}
