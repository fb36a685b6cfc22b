//! TELEGRAM: the table, the ways of passing parameters, updates.

use http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::net::{Answer, Bench, QUIET, Receiver, is_hung};

const BOT: &str = "/telegram/bot123:AA";

async fn bench() -> (Bench, Receiver) {
    let bench = Bench::start().await;
    let receiver = Receiver::start(0).await;
    let webhook = json!({ "url": receiver.url, "secret_token": "s-1" });
    assert_eq!(bench.send(Method::POST, &format!("{BOT}/setWebhook"), &webhook).await.status, 200);
    (bench, receiver)
}

async fn text(bench: &Bench, chat: u64) -> Option<Answer> {
    let body = json!({ "chat_id": chat, "text": "hello" }).to_string();
    bench
        .call(Method::POST, &format!("{BOT}/sendMessage"), &[("content-type", "application/json")], &body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn magic_recipients() {
    let (bench, mut receiver) = bench().await;
    let rows: [(u64, &[u16], &str, bool); 10] = [
        (5_550_123, &[200], "accepted", true),
        (5_550_001, &[400], "refused", false),
        (5_550_002, &[200], "accepted", false),
        (5_550_003, &[502, 502, 200], "accepted", true),
        (5_550_004, &[429, 200], "accepted", true),
        (5_550_005, &[200], "accepted", true),
        (5_550_007, &[200], "accepted", true),
        (5_550_008, &[200], "accepted", true),
        (5_550_009, &[200], "accepted", true),
        (5_550_010, &[200], "accepted", true),
    ];
    for (chat, answers, outcome, phone_got) in rows {
        for code in answers {
            let answer = text(&bench, chat).await.expect("answer");
            assert_eq!(answer.status.as_u16(), *code, "{chat}");
            assert_eq!(answer.json()["ok"], *code == 200);
            if *code == 429 {
                assert_eq!(answer.json()["parameters"]["retry_after"], 1);
            }
        }
        let row = bench.row(&chat.to_string()).await;
        assert_eq!(
            (row["outcome"].as_str(), row["phone_got"].as_bool()),
            (Some(outcome), Some(phone_got)),
            "{chat}"
        );
        assert_eq!(bench.phone("TELEGRAM", &chat.to_string()).await.len(), usize::from(phone_got), "{chat}");
    }
    assert!(is_hung(&timeout(QUIET, text(&bench, 5_550_006)).await));
    assert_eq!(bench.phone("TELEGRAM", "5550006").await, ["hello"]);
    assert!(text(&bench, 5_550_011).await.is_none());
    assert_eq!(bench.row("5550011").await["outcome"], "dropped");
    assert!(receiver.quiet().await, "there are no receipts");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_come_as_json_form_or_multipart() {
    let (bench, _receiver) = bench().await;
    let form = "chat_id=77&text=a%26b";
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n77\r\n--x\r\n\
        Content-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--x--\r\n";
    let rows = [
        ("sendMessage", "application/x-www-form-urlencoded", form, 200),
        ("sendPhoto", "multipart/form-data; boundary=x", multipart, 200),
        ("sendMessage", "application/json", r#"{"chat_id":77,"text":""}"#, 400),
        ("sendVenue", "application/json", r#"{"chat_id":77,"latitude":1,"longitude":2,"title":"T"}"#, 400),
        ("sendLocation", "application/json", r#"{"chat_id":77,"latitude":1,"longitude":2}"#, 200),
        ("sendContact", "application/json", r#"{"chat_id":77,"phone_number":"1","first_name":"A"}"#, 200),
        ("sendChatAction", "application/json", r#"{"chat_id":77,"action":"typing"}"#, 200),
        ("getMe", "application/json", "", 200),
        ("sendNothing", "application/json", "{}", 404),
    ];
    for (method, kind, body, status) in rows {
        let headers = [("content-type", kind)];
        let answer =
            bench.call(Method::POST, &format!("{BOT}/{method}"), &headers, body).await.expect("answer");
        assert_eq!(answer.status.as_u16(), status, "{method} {:?}", answer.bytes);
    }
    assert_eq!(bench.phone("TELEGRAM", "77").await[0], "a&b");
    assert_eq!(bench.send(Method::POST, "/telegram/bot9:ZZ/getMe", &Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_write_and_press() {
    let (bench, mut receiver) = bench().await;
    let markup = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "c:1" }]] });
    let request = json!({ "chat_id": 77, "text": "Keep it?", "reply_markup": markup });
    let sent = bench.send(Method::POST, &format!("{BOT}/sendMessage"), &request).await.json();
    bench.says("TELEGRAM", "77", json!({ "text": "hi" })).await;
    bench.says("TELEGRAM", "77", json!({ "choice": "Yes" })).await;
    bench.says("TELEGRAM", "77", json!({ "media_url": "data:text/plain,hello" })).await;
    let first = receiver.next().await;
    assert_eq!(first.headers["x-telegram-bot-api-secret-token"], "s-1");
    assert_eq!(first.json()["message"]["text"], "hi");
    let query = receiver.next().await.json()["callback_query"].clone();
    assert_eq!(
        (query["data"].as_str(), &query["message"]["message_id"]),
        (Some("c:1"), &sent["result"]["message_id"])
    );
    let file = receiver.next().await.json()["message"]["document"]["file_id"].clone();
    let info = bench.send(Method::POST, &format!("{BOT}/getFile"), &json!({ "file_id": file })).await.json();
    let path = format!("/telegram/file/bot123:AA/{}", info["result"]["file_path"].as_str().expect("path"));
    assert_eq!(bench.call(Method::GET, &path, &[], "").await.expect("file").bytes, "hello");
    bench.send(Method::PUT, "/faults/TELEGRAM/files", &json!(["0001", "ok"])).await;
    for status in [404, 200] {
        assert_eq!(bench.call(Method::GET, &path, &[], "").await.expect("scripted").status, status);
    }
}
