//! Seed 002, "CREATE", sentence by sentence: each test holds one statement of the page.
//! Where the page shows JSON, it is sent and compared to the letter.

use face_liveperson::Settings;
use serde_json::{Value, json};

use crate::world::{ACCOUNT, KEY, closing, smallest, tenant, text, world, world_with};

const CONSUMER: &str = "whatsapp:+4915112345678";
const CONSUMER_ID: &str = "e229d86a1d8bb801db48445aceaa8cf556914c30d9ea5b37ff8b67a0b6fb0538";

/// The page's JSON example.
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

/// "Returns an array of corresponding JSON payloads in the response." with the page's answer.
#[tokio::test]
async fn the_documented_create_gets_the_documented_answer() {
    let world = world().await;
    let mut answer = world.speak(CONSUMER, "", &documented_create()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let id = answer.body[1]["body"]["conversationId"].take();
    let id = id.as_str().unwrap();
    assert_eq!((id.len(), id.to_lowercase() == id, id.matches('-').count()), (36, true, 4), "{id}");
    let documented = json!([
        { "code": "OK", "body": { "msg": "OK User Profile set successfully" }, "reqId": "2," },
        { "code": "OK", "body": { "conversationId": null }, "reqId": "1," },
        { "code": "OK", "body": { "sequence": 0 }, "reqId": "3" }
    ]);
    assert_eq!(answer.body, documented);
    let (_, content) = world.message(1).await.unwrap();
    assert_eq!(
        content.body,
        domain::content::Body::Text("Hi from Example Happy Flow - Create & Send".to_owned())
    );
}

/// "It takes a set of at least two JSON payloads."
#[tokio::test]
async fn at_least_two_payloads_are_needed() {
    let world = world().await;
    let nothing = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": null });
    for body in [json!([]), json!({ "id": "x" }), json!("no"), json!(null)] {
        let answer = world.speak(CONSUMER, "", &body).await;
        assert_eq!((answer.status.as_u16(), answer.body), (400, nothing.clone()));
    }
    for alone in smallest().as_array().unwrap() {
        let answer = world.speak(CONSUMER, "", &json!([alone])).await;
        let refused =
            json!([{ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": alone["id"] }]);
        assert_eq!((answer.status.as_u16(), answer.body), (400, refused));
    }
    assert_eq!(world.engine.position(), world.position_when_furnished, "nothing was executed");
}

/// "The order of the array is important, as the example shows since LiveEngage expects to receive these payloads in
/// that order."
#[tokio::test]
async fn another_order_is_refused_and_nothing_is_executed() {
    let world = world().await;
    let [profile, conversation, event] = [0, 1, 2].map(|place| documented_create()[place].clone());
    for batch in [
        json!([conversation, profile]),
        json!([profile, event, conversation]),
        json!([event, profile, conversation]),
        json!([profile, profile, conversation]),
        json!([profile, conversation, profile]),
        json!([profile, conversation, { "id": "9", "type": "cm.UpdateConversationField", "body": {} }]),
    ] {
        let answer = world.speak(CONSUMER, "", &batch).await;
        assert_eq!(answer.status, 400);
        let entries = answer.body.as_array().unwrap();
        assert_eq!(entries.len(), batch.as_array().unwrap().len(), "an answer per element");
        assert!(
            entries.iter().all(|entry| entry["body"] == json!({ "msg": "Bad Request" })),
            "{}",
            answer.body
        );
    }
    assert_eq!(world.engine.position(), world.position_when_furnished, "nothing was executed");
}

/// "optionally, last but not least the payload with the `type` _ms.PublishEvent_ appears."
#[tokio::test]
async fn the_first_event_is_optional() {
    let world = world().await;
    let answer = world.speak(CONSUMER, "", &smallest()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_array().unwrap().len()), (200, 2));
}

/// "one payload can contain several payloads": every kind of event may follow, each with its answer, in one commit.
#[tokio::test]
async fn several_events_may_follow_and_each_is_answered() {
    let world = world().await;
    let mut batch = smallest();
    let events = [
        text("first"),
        json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" }),
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] }),
        text("second"),
    ];
    for (place, event) in events.iter().enumerate() {
        let element = json!({ "id": place, "type": "ms.PublishEvent", "body": { "event": event } });
        batch.as_array_mut().unwrap().push(element);
    }
    let answer = world.speak(CONSUMER, "", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sequences: Vec<&Value> = (2..6).map(|place| &answer.body[place]["body"]["sequence"]).collect();
    assert_eq!(
        sequences,
        [&json!(0), &json!(0), &json!(2), &json!(1)],
        "receipts and states run after messages"
    );
    assert_eq!(answer.body[5]["reqId"], "3");
}

/// "`ttrDefName`, `campaignInfo`, `conversationContext`, `skillId`": what the example gives is told in notifications.
#[tokio::test]
async fn what_a_conversation_is_opened_with_is_told() {
    let mut world = world().await;
    world.install().await;
    world.speak(CONSUMER, "", &documented_create()).await;
    let (_, _, told) = world.webhook().await;
    let details = &told["body"]["changes"][0]["result"]["conversationDetails"];
    assert_eq!(details["ttr"], json!({ "ttrType": "CUSTOM", "value": 600 }));
    assert_eq!(details["campaignInfo"], documented_create()[1]["body"]["campaignInfo"]);
    assert_eq!(details["context"], documented_create()[1]["body"]["conversationContext"]);
    assert_eq!((&details["skillId"], &details["brandId"]), (&json!("-1"), &json!(ACCOUNT)));
}

/// "userprofile.SetUserProfile": the person is known by what was given.
#[tokio::test]
async fn the_profile_is_the_contacts() {
    let world = world().await;
    world.speak(CONSUMER, "", &documented_create()).await;
    let contact = world.contact(1).await;
    assert_eq!(
        (contact.display_name.as_str(), contact.email.as_str()),
        ("WEB UI USER Test", "test@gmail.com")
    );
    assert_eq!((contact.phone.as_str(), contact.avatar_url.as_str()), ("1750345346", "http://avatarurl.com"));
    let kept: Value = serde_json::from_str(contact.profile.as_deref().unwrap()).unwrap();
    assert_eq!(kept, documented_create()[0]["body"], "the whole of it is kept");
}

/// "brandId | LivePerson site ID"
#[tokio::test]
async fn the_brand_is_the_account_or_the_conversation_is_refused() {
    let world = world().await;
    for brand in [json!("other"), json!(null), json!(70_000_001)] {
        let mut batch = smallest();
        batch[1]["body"]["brandId"] = brand;
        let answer = world.speak(CONSUMER, "", &batch).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body[0]["code"]),
            (400, &json!("OK")),
            "the profile stands"
        );
        let refused = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "c" });
        assert_eq!(answer.body[1], refused);
    }
    assert_eq!(world.contact(1).await.tenant, tenant(1), "one contact, made by the first");
    world.open(CONSUMER).await;
}

/// "v | The API version | numeric": 3, or left out.
#[tokio::test]
async fn the_version_is_three() {
    let world = world().await;
    let (app, consumer) = (world.app_token(1).await, world.consumer_token(1, CONSUMER).await);
    let headers = [("authorization", app.as_str()), ("x-lp-on-behalf", consumer.as_str())];
    let path = "/api/account/70000001/messaging/consumer/conversation";
    for wrong in ["?v=2", "?v=x", "?v="] {
        let answer = world.call("POST", &format!("{path}{wrong}"), &headers, smallest().to_string()).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!(world.call("POST", path, &headers, smallest().to_string()).await.status, 200);
}

/// "401 | Unauthorized. Are the headers correct?" (which header with which code: `doors.rs`).
#[tokio::test]
async fn without_the_headers_it_is_unauthorized() {
    let world = world().await;
    let path = "/api/account/70000001/messaging/consumer/conversation?v=3";
    let answer = world.call("POST", path, &[], smallest().to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["body"]["errorCode"]), (401, &json!(40105)));
    assert!(answer.body.is_object(), "one object, not an array");
}

/// "429 | Too many requests, please try again later."
#[tokio::test]
async fn too_many_requests_are_told_to_try_later() {
    let settings = Settings { requests_per_second_max: Some(2), ..Settings::new(KEY) };
    let world = world_with(settings).await;
    let id = world.open(CONSUMER).await;
    assert_eq!(world.publish(CONSUMER, &id, text("one")).await.status, 200);
    let refused = world.speak("somebody", "", &smallest()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "1");
    let body = json!({ "code": "TOO_MANY_REQUESTS", "reqId": null,
        "body": { "msg": "Too many requests, please try again later." } });
    assert_eq!(refused.body, body);
    assert_eq!(world.publish(CONSUMER, &id, text("two")).await.status, 429);
    world.clock.advance_ms(1000);
    assert_eq!(world.publish(CONSUMER, &id, text("two")).await.status, 200);
}

/// "conversationId | The conversationId needed for send messages."
#[tokio::test]
async fn the_conversation_id_serves_to_send() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    assert_eq!(world.publish(CONSUMER, &id, text("hello")).await.status, 200);
}

/// "200 | Returns a new conversation ID.": one at a time, a new one after the close. Reference 8.4.
#[tokio::test]
async fn a_second_open_conversation_is_refused_until_the_first_is_closed() {
    let world = world().await;
    let first = world.open(CONSUMER).await;
    let again = world.speak(CONSUMER, "", &smallest()).await;
    assert_eq!(again.status, 400);
    let message = format!(
        "Consumer request conversation failed: User {CONSUMER_ID} already has open conversation. Can't open another one."
    );
    let expected = json!([
        { "code": "OK", "body": { "msg": "OK User Profile set successfully" }, "reqId": "p" },
        { "code": "BAD_REQUEST", "body": { "msg": message }, "reqId": "c" }
    ]);
    assert_eq!(again.body, expected);
    assert_eq!(world.set_field(CONSUMER, &first, closing()).await.status, 200);
    assert_ne!(world.open(CONSUMER).await, first);
}

/// "400 | The input was invalid": an invalid first event leaves the conversation that stands before it.
#[tokio::test]
async fn an_invalid_event_does_not_undo_the_conversation() {
    let world = world().await;
    let mut batch = documented_create();
    batch[2]["body"]["event"] = text("");
    let answer = world.speak(CONSUMER, "", &batch).await;
    assert_eq!(answer.status, 400);
    let codes: Vec<&Value> = answer.body.as_array().unwrap().iter().map(|entry| &entry["code"]).collect();
    assert_eq!(codes, ["OK", "OK", "BAD_REQUEST"]);
    let id = answer.body[1]["body"]["conversationId"].as_str().unwrap();
    assert_eq!(world.publish(CONSUMER, id, text("now")).await.body["body"], json!({ "sequence": 0 }));
}

/// "400": fields of a wrong type refuse the conversation, not the profile.
#[tokio::test]
async fn invalid_conversation_fields_are_refused() {
    let world = world().await;
    for (name, value) in [
        ("ttrDefName", json!("SLOW")),
        ("ttrDefName", json!(3)),
        ("channelType", json!("VOICE")),
        ("skillId", json!([1])),
        ("campaignInfo", json!("x")),
        ("conversationContext", json!(7)),
    ] {
        let mut batch = smallest();
        batch[1]["body"][name] = value;
        let answer = world.speak(CONSUMER, "", &batch).await;
        assert_eq!((answer.status.as_u16(), &answer.body[1]["code"]), (400, &json!("BAD_REQUEST")), "{name}");
    }
    for (name, value) in [("ttrDefName", json!(null)), ("skillId", json!(-1)), ("unknown", json!(1))] {
        let mut batch = smallest();
        batch[1]["body"][name] = value;
        assert_eq!(world.speak(name, "", &batch).await.status, 200, "{name}");
    }
}
