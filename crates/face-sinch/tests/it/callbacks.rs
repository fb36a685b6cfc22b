//! The dialect: what webhooks hear, in which envelope, and what they are spared.

use std::sync::Arc;

use domain::channel::Address;
use domain::content::Content;
use domain::delivery::{Reason, ReasonKind, Status, Step, StepKind};
use domain::event::{DeliveryChange, Event, Fact};
use domain::id::{Id, SubscriptionId};
use domain::message::Message;
use domain::subscription::Subscription;
use domain::time::Time;
use engine::{Dialect as _, Facts, Seal};
use face_sinch::{Sinch, hidden_subscription};

use serde_json::{Value, json};

use crate::world::{NOW, World, app, plain, tenant, with, world};

const SINCH: Sinch = Sinch { callbacks_per_second_per_app: 0 };

fn webhook(triggers: &[&str]) -> Subscription {
    Subscription {
        target: "https://hooks.example.org/".to_owned(),
        secret: "k".to_owned(),
        triggers: triggers.iter().map(|trigger| (*trigger).to_owned()).collect(),
        ..hidden_subscription(tenant(1), app(1, 1), SubscriptionId(Id(1)), NOW)
    }
}

/// Facts of a message that was sent, about an event of our making.
async fn facts(world: &World, request: Value, change: DeliveryChange) -> Facts {
    let sent = world.send(request).await;
    let id = Id::parse(sent.body["message_id"].as_str().unwrap()).unwrap();
    let message = world.engine.get::<Message>(tenant(1), id).await.unwrap();
    let mut event = testkit::samples::event(9, tenant(1), id);
    event.app = Some(app(1, 1));
    event.at = NOW;
    event.fact = Fact::DeliveryChanged(change);
    Facts {
        event,
        log: world.engine.log_name(),
        subscription: Arc::new(webhook(&["MESSAGE_DELIVERY"])),
        tenant: None,
        app: None,
        contact: None,
        conversation: None,
        message,
        content: world.engine.get::<Content>(tenant(1), id).await.unwrap(),
        answered: None,
        author: None,
        assignee: None,
        files: Vec::new(),
        links: engine::FileLinks::new(Arc::from("http://trunkline.test"), [0; 32]),
    }
}

fn change(status: Status, reason: Option<Reason>, callback_url: Option<&str>) -> DeliveryChange {
    DeliveryChange {
        status,
        address: Address::new("SMS", "4670111"),
        reason,
        callback_url: callback_url.map(Arc::from),
    }
}

fn body(facts: &Facts) -> Option<Value> {
    SINCH.render(facts).map(|rendered| serde_json::from_slice(&rendered.body).unwrap())
}

#[tokio::test]
async fn a_delivery_report_has_the_documented_envelope() {
    let world = world().await;
    let request =
        with(json!({"message_metadata": "m", "conversation_metadata": {"t": 1}, "correlation_id": "c"}));
    let mut facts = facts(&world, request, change(Status::HandedOver, None, None)).await;
    let message = facts.message.clone().unwrap();
    let expected = json!({
        "app_id": app(1, 1).ulid(), "project_id": tenant(1).uuid(),
        "accepted_time": "2025-03-04T05:06:07.123Z", "event_time": "2025-03-04T05:06:07.123Z",
        "message_delivery_report": {
            "message_id": message.id.ulid(), "conversation_id": message.conversation.unwrap().ulid(),
            "status": "QUEUED_ON_CHANNEL",
            "channel_identity": {"channel": "SMS", "identity": "4670111", "app_id": ""},
            "contact_id": message.contact.unwrap().ulid(), "metadata": "m", "processing_mode": "CONVERSATION",
        },
        "message_metadata": "", "correlation_id": "c",
    });
    assert_eq!(body(&facts), Some(expected));
    let reason = Reason::new(ReasonKind::Expired, "too late");
    facts.event.fact = Fact::DeliveryChanged(change(Status::Failed, Some(reason), None));
    let report = body(&facts).unwrap()["message_delivery_report"].clone();
    assert_eq!(report["status"], json!("FAILED"));
    assert_eq!(report["reason"]["code"], json!("MESSAGE_EXPIRED"));
    facts.event.fact = Fact::DeliveryChanged(change(Status::Queued, None, None));
    assert_eq!(body(&facts), None);
    facts.event.fact = Fact::MessageSubmitted;
    let submitted = body(&facts).unwrap()["message_submit_notification"].clone();
    assert_eq!(submitted["submitted_message"], plain()["message"]);
}

#[tokio::test]
async fn nothing_is_said_after_failed() {
    let world = world().await;
    let mut facts = facts(&world, plain(), change(Status::Delivered, None, None)).await;
    let mut message = Message::clone(facts.message.as_ref().unwrap());
    let reason = Reason::new(ReasonKind::ChannelFailure, "no");
    message
        .delivery
        .as_mut()
        .unwrap()
        .steps
        .push(Step { at: NOW, what: StepKind::GaveUp { reason: reason.clone() } });
    facts.message = Some(Arc::new(message.clone()));
    facts.event.at = Time(NOW.0 + 5);
    assert_eq!(body(&facts), None);
    facts.event.at = NOW;
    facts.event.fact = Fact::DeliveryChanged(change(Status::Failed, Some(reason), None));
    assert!(body(&facts).is_some(), "the failure itself is told");
    message.private = true;
    facts.message = Some(Arc::new(message));
    assert_eq!(body(&facts), None, "notes do not exist here");
}

#[tokio::test]
async fn a_receipt_with_its_own_url_goes_there_and_nowhere_else() {
    let world = world().await;
    let own = change(Status::HandedOver, None, Some("http://127.0.0.1:9/own"));
    let facts = facts(&world, plain(), own).await;
    let hidden = hidden_subscription(tenant(1), app(1, 1), SubscriptionId(Id(2)), NOW);
    assert!(SINCH.hears(&hidden, &facts.event));
    assert!(!SINCH.hears(&webhook(&["MESSAGE_DELIVERY"]), &facts.event));
    assert_eq!(SINCH.render(&facts).unwrap().target.as_deref(), Some("http://127.0.0.1:9/own"));
    let plain_event =
        Event { fact: Fact::DeliveryChanged(change(Status::Read, None, None)), ..facts.event.clone() };
    assert!(!SINCH.hears(&hidden, &plain_event));
    assert!(SINCH.hears(&webhook(&["MESSAGE_DELIVERY"]), &plain_event));
    assert!(!SINCH.hears(&webhook(&["MESSAGE_SUBMIT"]), &plain_event));
    let app_row = world.engine.directory().app(tenant(1), app(1, 1)).cloned();
    let seal = Seal {
        subscription: &hidden,
        app: app_row.as_deref(),
        event: &facts.event,
        body: b"{}",
        now: NOW,
        nonce: "n",
        overridden: true,
    };
    let headers = SINCH.seal(&seal);
    assert_eq!(headers["x-sinch-webhook-signature-algorithm"], "HmacSHA256");
    assert_eq!(headers["x-sinch-webhook-signature-timestamp"], "1741064767");
    assert!(SINCH.seal(&Seal { overridden: false, ..seal }).is_empty(), "no secret, no signature");
}
