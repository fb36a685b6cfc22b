//! WHATSAPP: the table, statuses, signatures, validation, persons.

use hmac::{Hmac, Mac as _};
use http::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::timeout;

use crate::net::{Answer, Bench, QUIET, Receiver, is_hung, quick, text_message};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn bench(refusals: usize) -> (Bench, Receiver) {
    let bench = Bench::start().await;
    let receiver = Receiver::start(refusals).await;
    let properties =
        json!({ "callback_url": receiver.url, "access_token": "token-1", "app_secret": "secret-1" });
    bench.account("WHATSAPP", "1060", properties).await;
    (bench, receiver)
}

async fn post(bench: &Bench, body: &Value) -> Option<Answer> {
    let headers = [JSON, ("authorization", "Bearer token-1")];
    bench.call(Method::POST, "/whatsapp/v25.0/1060/messages", &headers, &body.to_string()).await
}

fn statuses(hook: &Value) -> Vec<String> {
    let items = hook["entry"][0]["changes"][0]["value"]["statuses"].as_array().expect("statuses");
    items.iter().map(|item| item["status"].as_str().expect("status").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn magic_recipients_that_answer() {
    type Row<'a> = (&'a str, &'a [u16], &'a str, bool, &'a [&'a str]);
    let rows: [Row<'_>; 9] = [
        ("447700900123", &[200], "accepted", true, &["sent", "delivered", "read"]),
        ("447700900001", &[400], "refused", false, &[]),
        ("447700900002", &[200], "accepted", false, &["failed"]),
        ("447700900003", &[503, 503, 200], "accepted", true, &["sent", "delivered", "read"]),
        ("447700900004", &[429, 200], "accepted", true, &["sent", "delivered", "read"]),
        ("447700900005", &[200], "accepted", true, &[]),
        ("447700900007", &[200], "accepted", true, &["delivered", "read"]),
        ("447700900008", &[200], "accepted", true, &["read", "delivered", "delivered", "read"]),
        ("447700900009", &[200], "accepted", true, &["sent", "delivered"]),
    ];
    for (to, answers, outcome, phone_got, expected) in rows {
        let (bench, mut receiver) = bench(0).await;
        for code in answers {
            let answer = post(&bench, &text_message(to, "hello")).await.expect("answer");
            assert_eq!(answer.status.as_u16(), *code, "{to}");
            if *code == 429 {
                assert_eq!(answer.headers["retry-after"], "1");
            }
        }
        for status in expected {
            let hook = receiver.next().await.json();
            assert_eq!(statuses(&hook), [*status], "{to}");
            let item = &hook["entry"][0]["changes"][0]["value"]["statuses"][0];
            assert_eq!(item["biz_opaque_callback_data"], "ours-1");
            assert_eq!(item["errors"].is_array(), *status == "failed");
        }
        assert!(receiver.quiet().await, "{to} reports no more");
        let rows = bench.ledger_of(to).await;
        assert_eq!(rows.len(), answers.len());
        let last = rows.last().expect("row");
        assert_eq!(
            (last["outcome"].as_str(), last["phone_got"].as_bool()),
            (Some(outcome), Some(phone_got)),
            "{to}"
        );
        assert_eq!(bench.phone("WHATSAPP", to).await.len(), usize::from(phone_got));
        bench.running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_comes_before_the_answer_and_slow_answers_come_late() {
    let (bench, mut receiver) = bench(0).await;
    post(&bench, &text_message("447700900007", "x")).await.expect("answer");
    let early = receiver.hooks.try_recv().expect("already here");
    assert_eq!(statuses(&early.json()), ["delivered"]);
    let started = tokio::time::Instant::now();
    assert_eq!(post(&bench, &text_message("447700900010", "x")).await.expect("answer").status, 200);
    assert!(started.elapsed() >= quick().slow_answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_reaches_the_phone_and_dropped_does_not() {
    let (bench, mut receiver) = bench(0).await;
    let hung = timeout(QUIET, post(&bench, &text_message("447700900006", "x"))).await;
    assert!(is_hung(&hung));
    assert_eq!(statuses(&receiver.next().await.json()), ["sent"]);
    assert!(post(&bench, &text_message("447700900011", "x")).await.is_none());
    for (to, outcome, phone_got) in [("447700900006", "hung", true), ("447700900011", "dropped", false)] {
        let row = bench.row(to).await;
        assert_eq!((row["outcome"].as_str(), row["phone_got"].as_bool()), (Some(outcome), Some(phone_got)));
        assert_eq!(bench.phone("WHATSAPP", to).await.len(), usize::from(phone_got));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_requests_are_refused_in_graph_form() {
    let (bench, _receiver) = bench(0).await;
    let message = |kind: &str, part: Value| json!({ "messaging_product": "whatsapp", "to": "447700900123", "type": kind, kind: part });
    let buttons = |count: usize| {
        let buttons: Vec<Value> = (0..count)
            .map(|n| json!({ "type": "reply", "reply": { "id": format!("b{n}"), "title": format!("B{n}") } }))
            .collect();
        json!({ "type": "button", "body": { "text": "?" }, "action": { "buttons": buttons } })
    };
    let rows = [
        (message("text", json!({ "body": "" })), Some(131_008)),
        (message("text", json!({ "body": "x".repeat(4097) })), Some(100)),
        (message("image", json!({ "link": "ftp://x" })), Some(131_009)),
        (message("audio", json!({ "link": "https://a.example/x", "caption": "no" })), Some(100)),
        (message("interactive", buttons(4)), Some(100)),
        (message("interactive", buttons(3)), None),
        (message("location", json!({ "latitude": "51.5", "longitude": -0.1 })), None),
        (message("location", json!({ "latitude": 91, "longitude": 0 })), Some(131_009)),
        (message("contacts", json!([{ "name": { "formatted_name": "Ada" } }])), Some(131_008)),
        (message("template", json!({ "name": "hi", "language": { "code": "en" } })), None),
        (message("poll", json!({})), Some(100)),
    ];
    for (request, code) in rows {
        let answer = post(&bench, &request).await.expect("answer");
        assert_eq!(answer.json()["error"]["code"].as_u64(), code, "{request}");
        assert_eq!(answer.json()["error"]["fbtrace_id"].is_string(), code.is_some());
    }
    let headers = [JSON, ("authorization", "Bearer other")];
    let body = text_message("447700900123", "x").to_string();
    let wrong =
        bench.call(Method::POST, "/whatsapp/v25.0/1060/messages", &headers, &body).await.expect("answer");
    assert_eq!((wrong.status.as_u16(), wrong.json()["error"]["code"].as_u64()), (401, Some(190)));
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_write_in_order_signed_and_until_taken() {
    let (bench, mut receiver) = bench(2).await;
    bench.says("WHATSAPP", "+447700900123", json!({ "text": "Zażółć" })).await;
    bench.says("WHATSAPP", "447700900123", json!({ "text": "two" })).await;
    for text in ["Zażółć", "two"] {
        let hook = receiver.next().await;
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret-1").expect("key");
        mac.update(&hook.body);
        let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        assert_eq!(hook.headers["x-hub-signature-256"], expected.as_str());
        let value = &hook.json()["entry"][0]["changes"][0]["value"];
        assert_eq!(value["messages"][0]["text"]["body"], text);
        assert_eq!(value["metadata"]["phone_number_id"], "1060");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_reads_and_files_come_back() {
    let (bench, mut receiver) = bench(0).await;
    let action = json!({ "buttons": [{ "type": "reply", "reply": { "id": "p-1", "title": "Yes" } }] });
    let interactive = json!({ "type": "button", "body": { "text": "Keep it?" }, "action": action });
    let request = json!({ "messaging_product": "whatsapp", "to": "447700900009", "type": "interactive",
        "interactive": interactive });
    let sent = post(&bench, &request).await.expect("answer").json()["messages"][0]["id"].clone();
    for status in ["sent", "delivered"] {
        assert_eq!(statuses(&receiver.next().await.json()), [status]);
    }
    bench.send(Method::POST, "/handsets/WHATSAPP/447700900009/read", &Value::Null).await;
    assert_eq!(statuses(&receiver.next().await.json()), ["read"]);
    bench.says("WHATSAPP", "447700900009", json!({ "choice": "Yes" })).await;
    let message = receiver.next().await.json()["entry"][0]["changes"][0]["value"]["messages"][0].clone();
    assert_eq!(message["interactive"]["button_reply"], json!({ "id": "p-1", "title": "Yes" }));
    assert_eq!(message["context"]["id"], sent);
    bench.says("WHATSAPP", "447700900009", json!({ "media_url": "data:image/png;base64,aGVsbG8=" })).await;
    let message = receiver.next().await.json()["entry"][0]["changes"][0]["value"]["messages"][0].clone();
    let id = message["image"]["id"].as_str().expect("media id");
    let bearer = [("authorization", "Bearer token-1")];
    let info =
        bench.call(Method::GET, &format!("/whatsapp/v25.0/{id}"), &bearer, "").await.expect("answer").json();
    let url = info["url"].as_str().expect("url").strip_prefix(&bench.running.url()).expect("ours").to_owned();
    assert_eq!(bench.call(Method::GET, &url, &bearer, "").await.expect("file").bytes, "hello");
    assert_eq!(bench.call(Method::GET, &url, &[], "").await.expect("refusal").status, 401);
    bench.send(Method::PUT, "/faults/WHATSAPP/files", &json!(["0003", "0004", "0001", "ok"])).await;
    for status in [503, 429, 404, 200] {
        assert_eq!(bench.call(Method::GET, &url, &bearer, "").await.expect("scripted").status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_window_fails_what_is_no_template() {
    let settings =
        sandbox::Settings { delays: quick(), strict_windows: true, ..sandbox::Settings::default() };
    let bench = Bench::with(settings).await;
    let mut receiver = Receiver::start(0).await;
    bench.account("WHATSAPP", "1060", json!({ "callback_url": receiver.url })).await;
    post(&bench, &text_message("447700900123", "x")).await.expect("answer");
    let failed = receiver.next().await.json();
    let item = &failed["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(
        (item["status"].as_str(), item["errors"][0]["code"].as_u64()),
        (Some("failed"), Some(131_047))
    );
    bench.says("WHATSAPP", "447700900123", json!({ "text": "hi" })).await;
    receiver.next().await;
    post(&bench, &text_message("447700900123", "x")).await.expect("answer");
    assert_eq!(statuses(&receiver.next().await.json()), ["sent"]);
}
