//! CREATE and SEND as their pages show them, statement by statement.
//! Examples are taken from the seeds to the letter.

use serde_json::{Value, json};

use crate::world::{ACCOUNT, smallest, text, world};

const CONSUMER: &str = "whatsapp:+4915112345678";
const CONSUMER_ID: &str = "e229d86a1d8bb801db48445aceaa8cf556914c30d9ea5b37ff8b67a0b6fb0538";

fn documented_create() -> Value {
    json!([
        { "kind": "req", "id": "2,", "type": "userprofile.SetUserProfile", "body": {
            "firstName": "WEB UI USER", "lastName": "Test", "avatarUrl": "http://avatarurl.com", "role": "X",
            "backgndImgUri": "http://something.com", "description": "Test Description",
            "privateData": { "mobileNum": "1750345346", "mail": "test@gmail.com", "pushNotificationData":
                { "serviceName": "Service", "certName": "CertName", "token": "TOKEN" } } } },
        { "kind": "req", "id": "1,", "type": "cm.ConsumerRequestConversation", "body": {
            "ttrDefName": "CUSTOM", "campaignInfo": { "campaignId": "99999", "engagementId": "888888" },
            "conversationContext": { "visitorId": "A3ZTY3Zjk1MDExZTczYTU4", "sessionId": "ys2wSqaSRSOJGki7VhEDKQ",
                "interactionContextId": "2", "type": "SharkContext", "lang": "en-US" },
            "channelType": "MESSAGING", "brandId": ACCOUNT, "skillId": "-1" } },
        { "kind": "req", "id": "3", "type": "ms.PublishEvent", "body": { "event":
            text("Hi from Example Happy Flow - Create & Send") } }
    ])
}

#[tokio::test]
async fn the_documented_create_answers_three_elements_in_order() {
    let world = world().await;
    let mut answer = world.speak(CONSUMER, "", &documented_create()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let id = answer.body[1]["body"]["conversationId"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(
        answer.body,
        json!([
            { "code": "OK", "body": { "msg": "OK User Profile set successfully" }, "reqId": "2," },
            { "code": "OK", "body": { "conversationId": null }, "reqId": "1," },
            { "code": "OK", "body": { "sequence": 0 }, "reqId": "3" }
        ])
    );
}

#[tokio::test]
async fn a_second_open_conversation_is_refused_until_the_first_is_closed() {
    let world = world().await;
    let first = world.open(CONSUMER).await;
    let again = world.speak(CONSUMER, "", &smallest()).await;
    assert_eq!(again.status, 400);
    let message = format!(
        "Consumer request conversation failed: User {CONSUMER_ID} already has open conversation. Can't open another one."
    );
    assert_eq!(
        again.body,
        json!([
            { "code": "OK", "body": { "msg": "OK User Profile set successfully" }, "reqId": "p" },
            { "code": "BAD_REQUEST", "body": { "msg": message }, "reqId": "c" }
        ])
    );
    let field = json!({ "field": "ConversationStateField", "conversationState": "CLOSE" });
    let close = json!({ "kind": "req", "id": 12, "type": "cm.UpdateConversationField",
        "body": { "conversationId": first, "conversationField": field } });
    let closed = world.speak(CONSUMER, "/send", &close).await;
    assert_eq!(closed.status, 200);
    let expected =
        json!({ "code": "OK", "body": { "msg": "OK Conversation resolved successfully" }, "reqId": "12" });
    assert_eq!(closed.body, expected);
    let late = world.publish(CONSUMER, &first, text("late")).await;
    assert_eq!(late.status, 400);
    assert_eq!(late.body["body"]["msg"], "Bad Request, Conversation is close");
    let closed_again = world.speak(CONSUMER, "/send", &close).await;
    assert_eq!(closed_again.body["body"]["msg"], "Bad Request, Conversation is close");
    let rate =
        json!({ "field": "CSATRate", "csatRate": 5, "csatResolutionConfirmation": true, "status": "FILLED" });
    let rating = json!({ "id": "r", "type": "cm.UpdateConversationField",
        "body": { "conversationId": first, "conversationField": [rate] } });
    assert_eq!(world.speak(CONSUMER, "/send", &rating).await.status, 200);
    assert_ne!(world.open(CONSUMER).await, first);
}

#[tokio::test]
async fn malformed_batches_execute_nothing() {
    let world = world().await;
    let nothing = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": null });
    for body in [json!([]), json!({ "id": "x" }), json!("no")] {
        let answer = world.speak(CONSUMER, "", &body).await;
        assert_eq!((answer.status.as_u16(), answer.body), (400, nothing.clone()));
    }
    let mut reversed = smallest();
    reversed.as_array_mut().unwrap().reverse();
    let answer = world.speak(CONSUMER, "", &reversed).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body[0]["code"], "BAD_REQUEST");
    assert_eq!(
        answer.body[1],
        json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "p" })
    );
    let mut foreign = smallest();
    foreign[1]["body"]["brandId"] = json!("other");
    let answer = world.speak(CONSUMER, "", &foreign).await;
    assert_eq!(answer.body[0]["code"], "OK");
    assert_eq!(answer.body[1]["code"], "BAD_REQUEST");
    world.open(CONSUMER).await;
}

#[tokio::test]
async fn send_answers_each_event_as_documented() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let first = world.publish(CONSUMER, &id, text("Hi from Send Message only - Send a line")).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.body, json!({ "reqId": "1", "code": "OK", "body": { "sequence": 0 } }));
    for state in ["ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE"] {
        let event = json!({ "type": "ChatStateEvent", "chatState": state });
        let answer = world.publish(CONSUMER, &id, event).await;
        assert_eq!(answer.body, json!({ "reqId": "1", "code": "OK", "body": { "sequence": 0 } }), "{state}");
    }
    for (place, status) in ["ACCEPT", "READ", "ACCESS", "NACK", "ACTION"].iter().enumerate() {
        let event = json!({ "type": "AcceptStatusEvent", "status": status, "sequenceList": [1, 2] });
        let answer = world.publish(CONSUMER, &id, event).await;
        assert_eq!(answer.body["body"], json!({ "sequence": place + 1 }), "{status}");
    }
    let rich = json!({ "type": "RichContentEvent", "content": { "type": "vertical", "elements": [] } });
    assert_eq!(world.publish(CONSUMER, &id, rich).await.body["body"]["sequence"], 6);
    let properties =
        json!([{ "caption": "a cat", "relativePath": "/v1/x/1.PNG", "fileType": "PNG", "preview": "" }]);
    let file = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": properties });
    assert_eq!(world.publish(CONSUMER, &id, file).await.body["body"]["sequence"], 7);
}

#[tokio::test]
async fn send_refuses_what_the_pages_refuse() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    for event in [
        text(""),
        text(&"x".repeat(5000)),
        json!({ "type": "Nonsense" }),
        json!({ "type": "ChatStateEvent", "chatState": "HUNGRY" }),
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [] }),
        json!({ "type": "AcceptStatusEvent", "status": "READ" }),
    ] {
        let answer = world.publish(CONSUMER, &id, event).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "1" })
        );
    }
    let unknown = "0b7c9a52-5f0e-4d0c-9f55-3c1a2b4d5e6f";
    let answer = world.publish(CONSUMER, unknown, text("hi")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["body"]["msg"], "Bad Request, Conversation does not exist");
    let foreign = world.publish("somebody else", &id, text("hi")).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body["body"]["errorCode"]), (401, &json!(40103)));
}
