//! `Idempotency-Key` on every mutating call of this face, as design 3.2 promises it.

use domain::command::standing::SetStanding;
use domain::content::Content;
use domain::conversation::{Party, Standing};
use domain::id::ConversationId;
use serde_json::{Value, json};

use crate::world::{
    INSTALLATIONS, closing, manifest, publishing, smallest, tenant, text, update_field, world,
};

/// Every action of SEND that changes anything or draws an answer.
fn actions(id: &str) -> Vec<(&'static str, Value)> {
    let element = |kind: &str, body: Value| json!({ "kind": "req", "id": "1", "type": kind, "body": body });
    vec![
        ("text", publishing(id, text("hello"))),
        ("chat state", publishing(id, json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" }))),
        (
            "receipt",
            publishing(id, json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] })),
        ),
        ("time to respond", update_field(id, json!({ "field": "TTRField", "ttrType": "URGENT" }))),
        ("rating", update_field(id, json!({ "field": "CSATRate", "csatRate": 5 }))),
        ("profile", element("userprofile.SetUserProfile", json!({ "firstName": "Ola" }))),
        ("upload", element("ms.GenerateURLForUploadFile", json!({ "fileSize": 8, "fileType": "PNG" }))),
        ("close", update_field(id, closing())),
    ]
}

#[tokio::test]
async fn a_repeat_of_any_action_gets_the_first_answer_and_changes_nothing() {
    let world = world().await;
    let id = world.open("a").await;
    for (name, action) in actions(&id) {
        let first = world.send_once("a", name, &action).await;
        assert_eq!(first.status, 200, "{name}: {}", first.body);
        let position = world.engine.position();
        world.clock.advance_ms(1_000);
        let again = world.send_once("a", name, &action).await;
        assert_eq!((again.status, again.body), (first.status, first.body), "{name}");
        assert_eq!(again.headers["content-type"], "application/json");
        assert_eq!(world.engine.position(), position, "{name}");
    }
}

#[tokio::test]
async fn a_create_is_repeated_whole_even_when_it_half_failed() {
    let world = world().await;
    let key = [("Idempotency-Key", "create-1")];
    let mut batch = smallest();
    let event = json!({ "id": "e", "type": "ms.PublishEvent", "body": { "event": text("hello") } });
    let state = json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" });
    let typing = json!({ "id": "t", "type": "ms.PublishEvent", "body": { "event": state } });
    batch.as_array_mut().unwrap().extend([event, typing]);
    let first = world.speak_with("a", "", &key, batch.to_string()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = world.speak_with("a", "", &key, batch.to_string()).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    let key = [("Idempotency-Key", "create-2")];
    let refused = world.speak_with("a", "", &key, smallest().to_string()).await;
    assert_eq!(refused.status, 400, "another conversation is open");
    let id = world.message(1).await.unwrap().0.conversation.unwrap().uuid();
    world.set_field("a", &id, closing()).await;
    let again = world.speak_with("a", "", &key, smallest().to_string()).await;
    assert_eq!(
        (again.status, again.body),
        (refused.status, refused.body),
        "the profile was set, so it had an effect"
    );
}

#[tokio::test]
async fn without_a_key_a_repeat_is_another_message() {
    let world = world().await;
    let id = world.open("a").await;
    for sequence in 0..2 {
        assert_eq!(world.publish("a", &id, text("hello")).await.body["body"]["sequence"], sequence);
    }
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_in_this_faces_form() {
    let world = world().await;
    let id = world.open("a").await;
    world.send_once("a", "k", &publishing(&id, text("one"))).await;
    let mut metadata = publishing(&id, text("one"));
    metadata["metadata"] = json!([{ "type": "x" }]);
    for other in [publishing(&id, text("two")), metadata, update_field(&id, closing())] {
        let refused = world.send_once("a", "k", &other).await;
        let message = "Idempotency-Key was used with another request";
        let expected =
            json!({ "code": "UNPROCESSABLE_ENTITY", "body": { "msg": message }, "reqId": other["id"] });
        assert_eq!((refused.status.as_u16(), refused.body), (422, expected));
    }
    let refused = world.speak_with("a", "", &[("Idempotency-Key", "k")], smallest().to_string()).await;
    assert_eq!(refused.status, 422, "the same key with another operation");
    assert!(world.message(2).await.is_none());
}

#[tokio::test]
async fn order_of_keys_and_spacing_do_not_make_another_request() {
    let world = world().await;
    let id = world.open("a").await;
    let spaced = format!(
        r#"{{ "body" : {{ "event": {{ "message": "hi", "contentType":"text/plain", "type":"ContentEvent" }}, "dialogId":"{id}" }},
            "type":"ms.PublishEvent","id":"1","kind":"req" }}"#
    );
    let first = world.send_once("a", "k", &publishing(&id, text("hi"))).await;
    let again = world.speak_with("a", "/send", &[("Idempotency-Key", "k")], spaced).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[tokio::test]
async fn of_two_at_once_the_second_waits_for_the_first() {
    let world = world().await;
    let id = world.open("a").await;
    let element = publishing(&id, text("once"));
    let all = futures_util::future::join_all((0..8).map(|_| world.send_once("a", "k", &element))).await;
    for answer in &all {
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &all[0].body));
    }
    assert!(world.message(1).await.is_some());
    assert!(world.message(2).await.is_none(), "one message came of eight requests");
}

#[tokio::test]
async fn a_key_belongs_to_tenant_and_consumer() {
    let world = world().await;
    let id = world.open("a").await;
    assert_eq!(world.send_once("a", "k", &publishing(&id, text("one"))).await.status, 200);
    let other = world.open("b").await;
    let answer = world.send_once("b", "k", &publishing(&other, text("two"))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (app, consumer) = (world.app_token(2).await, world.consumer_token(2, "a").await);
    let headers = [("authorization", &*app), ("x-lp-on-behalf", &*consumer), ("idempotency-key", "k")];
    let mut batch = smallest();
    batch[1]["body"]["brandId"] = json!("70000002");
    let path = "/api/account/70000002/messaging/consumer/conversation?v=3";
    assert_eq!(world.call("POST", path, &headers, batch.to_string()).await.status, 200);
}

#[tokio::test]
async fn an_answer_is_kept_across_a_restart_and_for_a_day() {
    let mut world = world().await;
    let id = world.open("a").await;
    let element = publishing(&id, text("once"));
    let first = world.send_once("a", "k", &element).await;
    world.restart().await;
    world.clock.advance_ms(24 * 3_600_000 - 1_000);
    assert_eq!(world.send_once("a", "k", &element).await.body, first.body);
    world.clock.advance_ms(1_000);
    assert_eq!(world.send_once("a", "k", &element).await.body["body"]["sequence"], 1, "the day is over");
}

#[tokio::test]
async fn a_pure_refusal_is_not_kept() {
    let world = world().await;
    let id = world.open("a").await;
    world.set_field("a", &id, closing()).await;
    let element = publishing(&id, text("late"));
    assert_eq!(world.send_once("a", "k", &element).await.status, 400);
    let conversation = ConversationId::parse(&id).unwrap();
    let (tenant, to, by) = (tenant(1), Standing::Open, Party::System);
    world.engine.execute(SetStanding { tenant, conversation, to, by, contact: None }).await.unwrap();
    assert_eq!(world.send_once("a", "k", &element).await.status, 200);
}

#[tokio::test]
async fn a_header_that_is_no_key_is_refused() {
    let world = world().await;
    let id = world.open("a").await;
    let long = "k".repeat(256);
    for wrong in ["", " ", long.as_str()] {
        let refused = world.send_once("a", wrong, &publishing(&id, text("x"))).await;
        let expected = json!({ "code": "BAD_REQUEST", "reqId": "1",
            "body": { "msg": "Bad Request, Idempotency-Key is invalid" } });
        assert_eq!((refused.status.as_u16(), refused.body), (400, expected), "{wrong}");
        assert_eq!(
            world.speak_with("b", "", &[("Idempotency-Key", wrong)], smallest().to_string()).await.status,
            400
        );
    }
    assert_eq!(world.send_once("a", &long[1..], &publishing(&id, text("x"))).await.status, 200);
}

#[tokio::test]
async fn installations_are_made_changed_and_removed_once() {
    let world = world().await;
    let bearer = world.bearer(1).await;
    let call = async |method: &str, path: &str, key: &str, revision: &str, body: &str| {
        let headers = [("authorization", &*bearer), ("idempotency-key", key), ("if-match", revision)];
        world.call(method, path, &headers, body.to_owned()).await
    };
    let body = manifest().to_string();
    let made = call("POST", INSTALLATIONS, "make", "*", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = call("POST", INSTALLATIONS, "make", "*", &body).await;
    assert_eq!((again.status, &again.body), (made.status, &made.body), "the secret too");
    assert_eq!(made.body["client_secret"].as_str().unwrap().len(), 26);
    assert_eq!(call("POST", INSTALLATIONS, "make", "*", &body.replace("bridge", "other")).await.status, 422);

    let one = format!("{INSTALLATIONS}/{}", made.body["id"].as_str().unwrap());
    let revision = made.headers["ac-revision"].to_str().unwrap().to_owned();
    let renamed = body.replace("blue", "green");
    let changed = call("PUT", &one, "change", &revision, &renamed).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let again = call("PUT", &one, "change", &revision, &renamed).await;
    assert_eq!(
        (again.status, &again.body),
        (changed.status, &changed.body),
        "though the revision is an older one"
    );

    let removed = call("DELETE", &one, "remove", "*", "").await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    let again = call("DELETE", &one, "remove", "*", "").await;
    assert_eq!((again.status, again.body), (removed.status, removed.body));
    assert_eq!(call("DELETE", &one, "another", "*", "").await.status, 404);
}

#[tokio::test]
async fn an_agents_message_between_does_not_change_a_repeat() {
    let world = world().await;
    let id = world.open("a").await;
    let element = publishing(&id, text("once"));
    let first = world.send_once("a", "k", &element).await;
    world.reply(&id, Content::text("hello")).await;
    assert_eq!(world.send_once("a", "k", &element).await.body, first.body);
}
