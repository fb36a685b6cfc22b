//! Consent: `message_content_type` against the lists that a person's keywords fill.

use domain::delivery::{ReasonKind, Status};
use serde_json::{Value, json};

use crate::world::{World, app, world};

/// Whether a message of this class gets through to the person.
async fn reaches(world: &World, which: u128, class: Value) -> bool {
    let change = json!({"app_id": app(1, which).ulid(), "message_content_type": class});
    let id = world.sent(change).await;
    let id = domain::id::MessageId::parse(&id).unwrap();
    let mut head = world.engine.head();
    loop {
        head.mark_unchanged();
        let message = world.message(id).await;
        match message.status() {
            Status::HandedOver => return true,
            Status::Failed => {
                let reason = message.delivery.as_ref().unwrap().reason.as_ref().unwrap();
                assert_eq!(reason.kind, ReasonKind::RecipientNotOptedIn);
                return false;
            }
            _ => head.changed().await.unwrap(),
        }
    }
}

#[tokio::test]
async fn each_list_stops_its_own_class_of_messages() {
    let table = [
        ("STOP", [false, false, false]),
        ("stop marketing", [true, false, true]),
        ("STOP NOTIFICATION", [true, true, false]),
        ("please stop", [true, true, true]),
    ];
    let classes = ["CONTENT_UNKNOWN", "CONTENT_MARKETING", "CONTENT_NOTIFICATION"];
    for (words, expected) in table {
        let world = world().await;
        world.writes(1, "4670111", words).await;
        for (class, expected) in classes.into_iter().zip(expected) {
            assert_eq!(reaches(&world, 1, json!(class)).await, expected, "{words}: {class}");
        }
        assert_eq!(reaches(&world, 1, Value::Null).await, expected[0], "{words}: no class is unknown");
    }
}

#[tokio::test]
async fn start_takes_back_what_stop_said() {
    let world = world().await;
    world.writes(1, "4670111", "STOP").await;
    assert!(!reaches(&world, 1, Value::Null).await);
    world.writes(1, "4670111", "Start").await;
    assert!(reaches(&world, 1, Value::Null).await);
}

#[tokio::test]
async fn lists_are_kept_by_app_and_hold_in_dispatch_mode() {
    let world = world().await;
    world.writes(2, "4670111", "UNSUBSCRIBE").await;
    assert!(!reaches(&world, 2, Value::Null).await);
    assert!(reaches(&world, 1, Value::Null).await, "the person said it to another app");
}

#[tokio::test]
async fn keywords_are_told_as_opt_out_and_opt_in() {
    let world = world().await;
    world.hears(1, &["OPT_OUT", "OPT_IN", "MESSAGE_INBOUND"]).await;
    world.writes(1, "4670111", "STOP").await;
    let told = world.told(2).await;
    let out = told.iter().find_map(|callback| callback.get("opt_out_notification")).unwrap();
    assert_eq!(
        (&out["status"], &out["channel"], &out["identity"], &out["processing_mode"]),
        (&json!("OPT_OUT_SUCCEEDED"), &json!("SMS"), &json!("4670111"), &json!("CONVERSATION"))
    );
    world.writes(1, "4670111", "START").await;
    let told = world.told(4).await;
    let back = told.iter().find_map(|callback| callback.get("opt_in_notification")).unwrap();
    assert_eq!(back["status"], json!("OPT_IN_SUCCEEDED"));
}
