//! Which channels are tried, in which order, and when no further one is: `channel_priority_order` and `ttl` of the
//! vendor's page.

use domain::delivery::{Outcome, Reason, ReasonKind, Status};
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, world};

fn both(first: &str, second: &str) -> Value {
    let identity = |channel| json!({"channel": channel, "identity": "4670111"});
    json!({"identified_by": {"channel_identities": [identity(first), identity(second)]}})
}

/// The plan of a message as channel names.
async fn plan(world: &World, change: Value) -> Vec<String> {
    let id = world.sent(change).await;
    let message = world.message(domain::id::MessageId::parse(&id).unwrap()).await;
    message.delivery.as_ref().unwrap().plan.iter().map(|to| to.channel.as_str().to_owned()).collect()
}

fn refused() -> Outcome {
    Outcome::Refused(Reason::new(ReasonKind::RecipientNotReachable, "not there"))
}

#[tokio::test]
async fn channel_priority_order_beats_the_order_of_channel_identities() {
    let world = world().await;
    let order = json!({"recipient": both("SMS", "RCS"), "channel_priority_order": ["RCS", "SMS"]});
    assert_eq!(plan(&world, order).await, ["RCS", "SMS"]);
    let one = json!({"recipient": both("SMS", "RCS"), "channel_priority_order": ["RCS"]});
    assert_eq!(plan(&world, one).await, ["RCS"], "channels that it leaves out are not tried");
    let twice = json!({"recipient": both("SMS", "RCS"), "channel_priority_order": ["RCS", "RCS", "SMS"]});
    assert_eq!(plan(&world, twice).await, ["RCS", "SMS"]);
}

#[tokio::test]
async fn without_it_the_order_of_channel_identities_counts() {
    let world = world().await;
    assert_eq!(plan(&world, json!({"recipient": both("RCS", "SMS")})).await, ["RCS", "SMS"]);
    assert_eq!(plan(&world, json!({"recipient": both("SMS", "RCS")})).await, ["SMS", "RCS"]);
}

#[tokio::test]
async fn for_a_contact_id_the_active_channel_of_the_conversation_is_tried_first() {
    let world = world().await;
    let id = world.sent(json!({"recipient": both("RCS", "SMS")})).await;
    let message = world.until(&id, Status::HandedOver).await;
    let contact = json!({"contact_id": message.contact.unwrap().ulid(), "identified_by": null});
    assert_eq!(plan(&world, json!({"recipient": contact})).await, ["RCS", "SMS"], "the one that took it");
    world.writes(1, "4670111", "by text message").await;
    assert_eq!(plan(&world, json!({"recipient": contact})).await, ["SMS", "RCS"], "the one last heard from");
}

#[tokio::test]
async fn for_a_contact_id_preferences_come_before_the_priority_of_the_app() {
    let world = world().await;
    let made = world.sent_message(json!({"recipient": both("RCS", "SMS")})).await;
    let (contact, conversation) = (&made["contact_id"], made["conversation_id"].as_str().unwrap());
    let stop = async |id: &str| world.as_first("POST", &format!("conversations/{id}:stop"), json!({})).await;
    stop(conversation).await;
    let by_id = json!({"recipient": {"contact_id": contact, "identified_by": null}});
    let next = world.sent(by_id.clone()).await;
    let next = world.message(domain::id::MessageId::parse(&next).unwrap()).await;
    let channels = |message: &domain::message::Message| -> Vec<String> {
        let plan = &message.delivery.as_ref().unwrap().plan;
        plan.iter().map(|to| to.channel.as_str().to_owned()).collect()
    };
    assert_eq!(channels(&next), ["SMS", "RCS"], "the app has SMS first");
    stop(&next.conversation.unwrap().ulid()).await;
    world.prefers(contact.as_str().unwrap(), &["RCS"]).await;
    assert_eq!(plan(&world, by_id).await, ["RCS", "SMS"]);
}

#[tokio::test]
async fn a_channel_that_is_not_configured_in_the_app_refuses_the_request() {
    let world = world().await;
    let line = json!({"identified_by": {"channel_identities": [{"channel": "LINE", "identity": "1"}]}});
    for change in [json!({"channel_priority_order": ["SMS", "LINE"]}), json!({"recipient": line})] {
        let answer = world.send_with(change).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body["error"]["message"], json!("channel LINE is not configured in the app"));
    }
    assert!(world.store.all_events().is_empty());
}

#[tokio::test]
async fn a_failed_channel_is_followed_by_the_next_one() {
    let world = world().await;
    world.rcs.will(refused());
    let id = world.sent(json!({"recipient": both("RCS", "SMS"), "ttl": "30s"})).await;
    let message = world.until(&id, Status::HandedOver).await;
    assert_eq!(message.address.as_ref().unwrap().channel.as_str(), "SMS");
    assert_eq!((world.rcs.got.all().len(), world.sms.got.all().len()), (1, 1));
}

#[tokio::test]
async fn channel_failover_is_not_performed_for_a_message_with_an_expired_ttl() {
    let world = world().await;
    let id = world.sent(json!({"recipient": both("RCS", "SMS"), "ttl": "30s"})).await;
    world.until(&id, Status::HandedOver).await;
    world.clock.advance_ms(30_000);
    let reason = Reason::new(ReasonKind::RecipientNotReachable, "not there");
    world.reports("RCS", &id, Status::Failed, Some(reason)).await;
    world.until(&id, Status::Failed).await;
    assert!(world.sms.got.all().is_empty(), "nothing was tried after the time was over");
}
