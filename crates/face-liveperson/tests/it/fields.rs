//! `cm.UpdateConversationField` beside the close: what the consumer says is kept, told, and all or nothing.

use serde_json::{Value, json};

use crate::world::{World, closing, text, world};

/// The next notification of a conversation's state.
async fn next_state(world: &mut World) -> Value {
    loop {
        let (place, _, told) = world.webhook().await;
        if place == "cqm" {
            return told["body"]["changes"][0]["result"].clone();
        }
    }
}

#[tokio::test]
async fn a_rating_is_kept_and_told_after_the_close() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    world.set_field("a", &id, closing()).await;
    let rate =
        json!({ "field": "CSATRate", "csatRate": 5, "csatResolutionConfirmation": true, "status": "FILLED" });
    let answer = world.set_field("a", &id, rate).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["body"]["msg"]),
        (200, &json!("OK CSAT updated successfully"))
    );
    assert!(next_state(&mut world).await["conversationDetails"].get("csat").is_none(), "opened");
    assert_eq!(next_state(&mut world).await["conversationDetails"]["stage"], "CLOSE");
    let rated = next_state(&mut world).await;
    let details = &rated["conversationDetails"];
    let expected = json!({ "csatRate": 5, "csatResolutionConfirmation": true, "status": "FILLED" });
    assert_eq!((&details["csat"], &details["stage"]), (&expected, &json!("CLOSE")));
    assert_eq!((&rated["effectiveTTR"], &details["closeReason"]), (&json!(-1), &json!("CONSUMER")));
}

#[tokio::test]
async fn a_rating_is_checked() {
    let world = world().await;
    let id = world.open("a").await;
    for wrong in [
        json!({ "csatRate": 0 }),
        json!({ "csatRate": 6 }),
        json!({ "csatRate": 4.5 }),
        json!({ "csatRate": "5" }),
        json!({ "status": "DONE" }),
        json!({ "status": 1 }),
        json!({ "csatResolutionConfirmation": "yes" }),
    ] {
        let mut field = wrong.clone();
        field["field"] = json!("CSATRate");
        assert_eq!(world.set_field("a", &id, field).await.status, 400, "{wrong}");
    }
    for right in [json!({}), json!({ "csatRate": null, "status": "SKIPPED" }), json!({ "csatRate": 1 })] {
        let mut field = right.clone();
        field["field"] = json!("CSATRate");
        assert_eq!(world.set_field("a", &id, field).await.status, 200, "{right}");
    }
}

#[tokio::test]
async fn a_time_to_respond_is_kept_and_told_while_open() {
    let mut world = world().await;
    world.install().await;
    let id = world.open("a").await;
    let opened = next_state(&mut world).await;
    assert_eq!(opened["conversationDetails"]["ttr"], json!({ "ttrType": "PRIORITIZED", "value": 600 }));
    for (field, expected) in [
        (json!({ "ttrType": "URGENT" }), json!({ "ttrType": "URGENT", "value": 300 })),
        (json!({ "ttrType": "CUSTOM", "value": 45 }), json!({ "ttrType": "CUSTOM", "value": 45 })),
        (json!({ "ttrType": "NORMAL" }), json!({ "ttrType": "NORMAL", "value": 3600 })),
    ] {
        let mut change = field.clone();
        change["field"] = json!("TTRField");
        let answer = world.set_field("a", &id, change).await;
        assert_eq!(answer.body["body"]["msg"], "OK TTR type updated successfully");
        assert_eq!(next_state(&mut world).await["conversationDetails"]["ttr"], expected);
    }
    for wrong in [
        json!({}),
        json!({ "ttrType": "SLOW" }),
        json!({ "ttrType": "CUSTOM", "value": -1 }),
        json!({ "ttrType": "CUSTOM", "value": 1.5 }),
        json!({ "ttrType": "CUSTOM", "value": 1e18 }),
    ] {
        let mut change = wrong.clone();
        change["field"] = json!("TTRField");
        assert_eq!(world.set_field("a", &id, change).await.status, 400, "{wrong}");
    }
    world.set_field("a", &id, closing()).await;
    let late = world.set_field("a", &id, json!({ "field": "TTRField", "ttrType": "URGENT" })).await;
    assert_eq!(
        (late.status.as_u16(), &late.body["body"]["msg"]),
        (400, &json!("Bad Request, Conversation is close"))
    );
}

#[tokio::test]
async fn several_fields_are_one_change_or_none() {
    let world = world().await;
    let id = world.open("a").await;
    let rate = json!({ "field": "CSATRate", "csatRate": 3 });
    let time = json!({ "field": "TTRField", "ttrType": "URGENT" });
    let position = world.engine.position();
    // A closed conversation takes no time to respond, so the close before it does not stand either.
    let refused = world.set_field("a", &id, json!([closing(), time])).await;
    assert_eq!((refused.status.as_u16(), world.engine.position()), (400, position));
    assert_eq!(world.publish("a", &id, text("still open")).await.status, 200);
    let done = world.set_field("a", &id, json!([time, closing(), rate])).await;
    assert_eq!(
        (done.status.as_u16(), &done.body["body"]["msg"]),
        (200, &json!("OK CSAT updated successfully"))
    );
    assert_eq!(world.publish("a", &id, text("late")).await.status, 400);
}

#[tokio::test]
async fn what_is_the_agents_to_change_is_refused() {
    let world = world().await;
    let id = world.open("a").await;
    for field in [
        json!({ "field": "Skill", "type": "UPDATE", "skill": "7" }),
        json!({ "field": "ParticipantsChange", "type": "ADD", "role": "MANAGER" }),
        json!({ "field": "ConversationStateField", "conversationState": "OPEN" }),
        json!({ "field": "Unheard" }),
        json!({}),
        json!([]),
        json!("CLOSE"),
    ] {
        let answer = world.set_field("a", &id, field.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["body"]["msg"]),
            (400, &json!("Bad Request")),
            "{field}"
        );
    }
}

#[tokio::test]
async fn a_client_cannot_smuggle_a_rating_into_the_opening() {
    let mut world = world().await;
    world.install().await;
    let mut batch = crate::world::smallest();
    batch[1]["body"]["csat"] = json!({ "csatRate": 99 });
    batch[1]["body"]["ttr"] = json!({ "ttrType": "X", "value": "y" });
    assert_eq!(world.speak("a", "", &batch).await.status, 200);
    let details = next_state(&mut world).await["conversationDetails"].clone();
    assert_eq!((details.get("csat"), &details["ttr"]["value"]), (None, &json!(600)));
}
