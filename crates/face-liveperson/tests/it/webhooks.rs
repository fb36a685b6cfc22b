//! What an installation is told, in order, signed, at the endpoint of each event type.
//! Waiting is for the webhook itself, never for time.

use base64::Engine as _;
use domain::command::reply::Reply;
use domain::content::Content;
use domain::id::{ConversationId, MessageId};
use domain::message::Message;
use engine::Failure;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha1::Sha1;

use crate::world::{tenant, text, world};

#[tokio::test]
async fn an_installation_hears_every_step_of_a_conversation() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    world.publish("a", &id, text("good morning")).await;
    world
        .publish("a", &id, json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] }))
        .await;
    world.publish("a", &id, json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" })).await;

    let (place, request, opened) = world.webhook().await;
    assert_eq!(
        (place.as_str(), &request.headers["x-tenant"]),
        ("cqm", &http::HeaderValue::from_static("blue"))
    );
    assert_eq!(request.headers["x-liveperson-account-id"], "70000001");
    assert_eq!(request.headers["x-liveperson-client-id"], "client-1");
    let mut mac = Hmac::<Sha1>::new_from_slice(b"s3cret").unwrap();
    mac.update(&request.body);
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(request.headers["x-liveperson-signature"], format!("sha1={signature}"));
    let result = &opened["body"]["changes"][0]["result"];
    assert_eq!(result["convId"], id.as_str());
    assert_eq!(result["effectiveTTR"], 1_700_000_600_040_i64);
    assert_eq!(result["conversationDetails"]["state"], "OPEN");
    let consumer = result["conversationDetails"]["participants"][0]["id"].clone();

    let (place, _, content) = world.webhook().await;
    assert_eq!(place, "content");
    let expected = json!({ "kind": "notification", "type": "ms.MessagingEventNotification", "body": { "changes": [{
        "sequence": 0, "originatorId": consumer, "originatorMetadata": { "id": consumer, "role": "CONSUMER" },
        "serverTimestamp": 1_700_000_000_040_i64, "event": text("good morning"), "conversationId": id,
        "dialogId": id, "messageAudience": "ALL" }] } });
    assert_eq!(content, expected);

    let (place, _, receipt) = world.webhook().await;
    let change = &receipt["body"]["changes"][0];
    assert_eq!((place.as_str(), &change["sequence"]), ("accept", &json!(1)));
    assert_eq!(
        change["event"],
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] })
    );

    let (place, _, typing) = world.webhook().await;
    let change = &typing["body"]["changes"][0];
    assert_eq!((place.as_str(), change.get("sequence"), change.get("serverTimestamp")), ("chat", None, None));
}

#[tokio::test]
async fn an_agents_reply_is_told_and_a_note_is_not() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let reply = |text: &str, private| Reply {
        tenant: tenant(1),
        conversation: ConversationId::parse(&id).unwrap(),
        agent: None,
        private,
        content: Content::text(text),
        in_reply_to: None,
        attributes: String::new(),
        source_id: String::new(),
    };
    world.engine.execute(reply("secret", true)).await.map_err(failed).unwrap();
    let message = world.engine.execute(reply("how can I help?", false)).await.map_err(failed).unwrap();
    let field = json!({ "field": "ConversationStateField", "conversationState": "CLOSE" });
    let close = json!({ "id": "2", "type": "cm.UpdateConversationField",
        "body": { "conversationId": id, "conversationField": field } });
    assert_eq!(world.speak("a", "/send", &close).await.status, 200);

    assert_eq!(world.webhook().await.0, "cqm");
    let (place, _, told) = world.webhook().await;
    let change = &told["body"]["changes"][0];
    assert_eq!((place.as_str(), &change["sequence"]), ("content", &json!(0)));
    assert_eq!(change["originatorMetadata"]["role"], "ASSIGNED_AGENT");
    assert_eq!(change["event"], text("how can I help?"));
    let (place, _, closed) = world.webhook().await;
    let details = &closed["body"]["changes"][0]["result"]["conversationDetails"];
    assert_eq!(
        (place.as_str(), &details["stage"], &details["closeReason"]),
        ("cqm", &json!("CLOSE"), &json!("CONSUMER"))
    );
    assert_eq!(details["dialogs"][0]["closedBy"], "CONSUMER");
    let MessageId(message) = message.id;
    let row = world.engine.get::<Message>(tenant(1), message).await.unwrap().unwrap();
    assert_eq!(row.delivery.as_ref().unwrap().attempts.len(), 1);
}

fn failed<R: std::fmt::Debug>(failure: Failure<R>) -> String {
    format!("{failure:?}")
}
