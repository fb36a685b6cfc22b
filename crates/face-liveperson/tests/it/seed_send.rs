//! Seeds 000 and 001, "SEND", sentence by sentence: each test holds one statement of the pages.
//! Where a page shows JSON, it is sent and compared to the letter.

use domain::content::{Body, Content};
use domain::delivery::Status;
use domain::message::{Author, Direction};
use serde_json::{Value, json};

use crate::world::{World, closing, publishing, smallest, text, update_field, world};

const CONSUMER: &str = "whatsapp:+4915112345678";

/// "Send A Message - JSON Payload" and its answer, on both pages.
#[tokio::test]
async fn the_documented_message_gets_the_documented_answer() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let payload = r#"{
       "kind":"req",
       "id":"1",
       "type":"ms.PublishEvent",
       "body":{
          "dialogId":"{conversationId}",
          "event":{
             "type":"ContentEvent",
             "contentType":"text/plain",
             "message":"Hi from Send Message only - Send a line"
          }
       }
    }"#;
    let answer = world.speak_with(CONSUMER, "/send", &[], payload.replace("{conversationId}", &id)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body, json!({ "reqId": "1", "code": "OK", "body": { "sequence": 0 } }));
}

/// "This method is used mainly to send a message from the consumer to the agent"
#[tokio::test]
async fn a_message_reaches_the_agents() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    world.publish(CONSUMER, &id, text("Hello, I need your support")).await;
    let (message, content) = world.message(1).await.unwrap();
    assert_eq!((message.direction, message.author), (Direction::Inbound, Author::Contact));
    assert_eq!(content.body, Body::Text("Hello, I need your support".to_owned()));
}

/// "or to close a conversation."
#[tokio::test]
async fn the_consumer_closes_the_conversation() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let mut close = update_field(&id, closing());
    close["id"] = json!(12);
    let closed = world.speak(CONSUMER, "/send", &close).await;
    assert_eq!(closed.status, 200);
    let expected =
        json!({ "code": "OK", "body": { "msg": "OK Conversation resolved successfully" }, "reqId": "12" });
    assert_eq!(closed.body, expected);
    for event in [
        text("late"),
        json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" }),
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] }),
    ] {
        let late = world.publish(CONSUMER, &id, event).await;
        assert_eq!(late.status, 400);
        let expected = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request, Conversation is close" }, "reqId": "1" });
        assert_eq!(late.body, expected);
    }
    let again = world.set_field(CONSUMER, &id, closing()).await;
    assert_eq!(
        (again.status.as_u16(), &again.body["body"]["msg"]),
        (400, &json!("Bad Request, Conversation is close"))
    );
}

/// The dialog's own close has the same effect where no survey follows. Reference 9.6.
#[tokio::test]
async fn closing_the_main_dialog_closes_the_conversation() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let field = |dialog: &str| {
        json!({ "field": "DialogChange", "type": "UPDATE",
            "dialog": { "dialogId": dialog, "state": "CLOSE", "closedCause": "Closed by consumer" } })
    };
    assert_eq!(world.set_field(CONSUMER, &id, field("another")).await.status, 400);
    let closed = world.set_field(CONSUMER, &id, field(&id)).await;
    assert_eq!(closed.body["body"]["msg"], "OK Conversation resolved successfully");
    assert_eq!(world.publish(CONSUMER, &id, text("late")).await.status, 400);
}

/// "The connector can use this method for one action at a time as it is not a batch endpoint"
#[tokio::test]
async fn a_batch_is_refused() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let answer = world
        .speak(CONSUMER, "/send", &json!([publishing(&id, text("a")), publishing(&id, text("b"))]))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": null })
    );
    assert!(world.message(1).await.is_none());
}

/// "send metadata": kept with the event and told unchanged.
#[tokio::test]
async fn metadata_travels_with_the_event() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.webhook().await;
    let metadata =
        json!([{ "type": "ExternalId", "id": "card-17" }, { "type": "ActionReason", "reason": "ü", "n": 1 }]);
    for event in
        [text("pressed"), json!({ "type": "AcceptStatusEvent", "status": "ACTION", "sequenceList": [0] })]
    {
        let mut element = publishing(&id, event);
        element["metadata"] = metadata.clone();
        assert_eq!(world.speak(CONSUMER, "/send", &element).await.status, 200);
        let (_, _, told) = world.webhook().await;
        assert_eq!(told["body"]["changes"][0]["metadata"], metadata);
    }
    for wrong in [json!("x"), json!([1]), json!({})] {
        let mut element = publishing(&id, text("x"));
        element["metadata"] = wrong;
        assert_eq!(world.speak(CONSUMER, "/send", &element).await.status, 400);
    }
}

/// "set user profile (send SDEs)"
#[tokio::test]
async fn engagement_attributes_set_the_profile() {
    let world = world().await;
    world.open(CONSUMER).await;
    let sdes = json!([
        { "type": "ctmrinfo", "info": { "ctype": "vip", "customerId": "138766AC", "balance": -400.99,
            "companySize": 500, "lastPaymentDate": { "day": 15, "month": 10, "year": 2014 } } },
        { "type": "personal", "personal": { "firstname": "Ola", "lastname": "Nord", "gender": "OTHER",
            "age": { "age": 34, "year": 1980 }, "contacts": [{ "email": "ola@example.org", "phone": "+4915" }] } },
        { "type": "unheard-of", "anything": [1, 2] }
    ]);
    let body = json!({ "authenticatedData": { "lp_sdes": sdes } });
    let set = json!({ "kind": "req", "id": "9", "type": "userprofile.SetUserProfile", "body": body });
    let answer = world.speak(CONSUMER, "/send", &set).await;
    let expected =
        json!({ "code": "OK", "body": { "msg": "OK User Profile set successfully" }, "reqId": "9" });
    assert_eq!((answer.status.as_u16(), answer.body), (200, expected));
    let contact = world.contact(1).await;
    assert_eq!(
        (contact.display_name.as_str(), contact.email.as_str(), contact.phone.as_str()),
        ("Ola Nord", "ola@example.org", "+4915")
    );
    let kept: Value = serde_json::from_str(contact.profile.as_deref().unwrap()).unwrap();
    assert_eq!(kept["authenticatedData"]["lp_sdes"], sdes, "kept whole, unknown types too");
    for empty in [
        json!({}),
        json!({ "authenticatedData": { "lp_sdes": null } }),
        json!({ "authenticatedData": { "lp_sdes": [] } }),
    ] {
        let set = json!({ "id": "9", "type": "userprofile.SetUserProfile", "body": empty });
        assert_eq!(world.speak(CONSUMER, "/send", &set).await.status, 200);
    }
}

/// "Retrieve your domain … service name: asyncMessagingEnt"
#[tokio::test]
async fn the_domain_is_found_by_its_service_name() {
    let world = world().await;
    let path = "/api/account/70000001/service/asyncMessagingEnt/baseURI.json?version=1.0";
    let answer = world.call("GET", path, &[], "").await;
    assert_eq!((answer.status.as_u16(), &answer.body["baseURI"]), (200, &json!("lp.example.test:8443")));
}

/// "This payload would normally have the ms.PublishEvent type or the cm.UpdateConversationField type."
#[tokio::test]
async fn other_types_are_refused() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    for kind in ["cm.ConsumerRequestConversation", "ms.SubscribeMessagingEvents", "", "PublishEvent"] {
        let mut element = publishing(&id, text("x"));
        element["type"] = json!(kind);
        let answer = world.speak(CONSUMER, "/send", &element).await;
        let expected = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "1" });
        assert_eq!((answer.status.as_u16(), answer.body), (400, expected), "{kind}");
    }
}

/// "dialogId | The conversationId created by CONVERSATION request | true" (mandatory)
#[tokio::test]
async fn the_dialog_is_the_conversation_and_mandatory() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let send = async |body: Value| {
        let element = json!({ "kind": "req", "id": "1", "type": "ms.PublishEvent", "body": body });
        world.speak(CONSUMER, "/send", &element).await
    };
    let event = text("x");
    assert_eq!(send(json!({ "event": event })).await.body["body"]["msg"], "Bad Request");
    assert_eq!(send(json!({ "dialogId": 5, "event": event })).await.status, 400);
    assert_eq!(send(json!({ "dialogId": id, "conversationId": "other", "event": event })).await.status, 400);
    assert_eq!(send(json!({ "dialogId": id, "conversationId": id, "event": event })).await.status, 200);
    assert_eq!(send(json!({ "conversationId": id, "event": event })).await.status, 200);
    for unknown in ["0b7c9a52-5f0e-4d0c-9f55-3c1a2b4d5e6f", "no id at all"] {
        let answer = send(json!({ "dialogId": unknown, "event": event })).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["body"]["msg"]),
            (400, &json!("Bad Request, Conversation does not exist"))
        );
    }
}

/// "type | ContentEvent … contentType … message | true" (all mandatory)
#[tokio::test]
async fn a_content_event_needs_type_content_type_and_message() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    for missing in ["type", "contentType", "message"] {
        let mut event = text("x");
        event.as_object_mut().unwrap().remove(missing);
        assert_eq!(world.publish(CONSUMER, &id, event).await.status, 400, "{missing}");
    }
    for event in [
        text(""),
        json!({ "type": "ContentEvent", "contentType": "text/html", "message": "x" }),
        json!({ "type": "ContentEvent", "contentType": "text/plain", "message": ["x"] }),
        json!({ "type": "Nonsense" }),
    ] {
        let answer = world.publish(CONSUMER, &id, event).await;
        let expected = json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "1" });
        assert_eq!((answer.status.as_u16(), answer.body), (400, expected));
    }
    assert!(world.message(1).await.is_none());
}

/// "For sending a file use "hosted/file" value … an Array of properties (caption, relative path, file type and
/// preview data) describing the file"
#[tokio::test]
async fn a_file_is_an_array_of_properties_or_an_object() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.webhook().await;
    let file = json!({ "caption": "a cat", "relativePath": "/v1/AUTH_async-images/70000001/x.PNG", "fileType": "PNG",
        "preview": "data:image/png;base64,AAAA" });
    let spread = json!([{ "caption": "a cat" }, { "relativePath": file["relativePath"] }, { "fileType": "PNG" }, { "preview": file["preview"] }]);
    for message in [file.clone(), json!([file]), spread] {
        let event = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": message });
        assert_eq!(world.publish(CONSUMER, &id, event).await.status, 200);
        let (place, _, told) = world.webhook().await;
        assert_eq!(place, "content");
        let expected = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": file });
        assert_eq!(told["body"]["changes"][0]["event"], expected);
    }
    let (_, content) = world.message(1).await.unwrap();
    let Body::Media(media) = &content.body else { panic!("{:?}", content.body) };
    assert_eq!((media.caption.as_str(), media.mime.as_str()), ("a cat", "image/png"));
    for wrong in
        [json!("path"), json!([]), json!({ "fileType": "PNG" }), json!({ "relativePath": "/x" }), json!([1])]
    {
        let event = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": wrong });
        assert_eq!(world.publish(CONSUMER, &id, event).await.status, 400, "{wrong}");
    }
}

/// Several whole files in the array are several files of one message.
#[tokio::test]
async fn an_array_of_whole_files_is_an_album() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.webhook().await;
    let file = |name: &str| json!({ "caption": name, "relativePath": format!("/v1/x/{name}.PNG"), "fileType": "PNG" });
    let message = json!([file("one"), file("two")]);
    let event = json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": message });
    assert_eq!(world.publish(CONSUMER, &id, event.clone()).await.status, 200);
    assert_eq!(world.webhook().await.2["body"]["changes"][0]["event"], event);
    let (_, content) = world.message(1).await.unwrap();
    let Body::Album { items, .. } = &content.body else { panic!("{:?}", content.body) };
    let captions: Vec<&str> = items.iter().map(|item| item.caption.as_str()).collect();
    assert_eq!(captions, ["one", "two"]);
}

/// "Consumer is Typing - JSON Payload"; "Possible values: ACTIVE, INACTIVE, GONE, COMPOSING, PAUSE"
#[tokio::test]
async fn each_of_the_five_chat_states_is_told_and_not_stored() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.webhook().await;
    for state in ["ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE"] {
        let event = json!({ "type": "ChatStateEvent", "chatState": state });
        let answer = world.publish(CONSUMER, &id, event.clone()).await;
        assert_eq!(answer.body, json!({ "reqId": "1", "code": "OK", "body": { "sequence": 0 } }), "{state}");
        let (place, _, told) = world.webhook().await;
        let change = &told["body"]["changes"][0];
        assert_eq!((place.as_str(), &change["event"]), ("chat", &event));
        assert_eq!((change.get("sequence"), change.get("serverTimestamp")), (None, None));
        assert_eq!(change["originatorMetadata"]["role"], "CONSUMER");
    }
    assert_eq!(
        world.publish(CONSUMER, &id, text("first")).await.body["body"]["sequence"],
        0,
        "none took a number"
    );
    for wrong in
        [json!({ "type": "ChatStateEvent", "chatState": "HUNGRY" }), json!({ "type": "ChatStateEvent" })]
    {
        assert_eq!(world.publish(CONSUMER, &id, wrong).await.status, 400);
    }
}

/// "Otherwise it will keep indicating on the Agent side that the consumer is typing.": a message ends no state.
#[tokio::test]
async fn a_message_does_not_end_typing_for_the_agent() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.publish(CONSUMER, &id, json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" })).await;
    world.publish(CONSUMER, &id, text("x")).await;
    world.publish(CONSUMER, &id, json!({ "type": "ChatStateEvent", "chatState": "ACTIVE" })).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let (place, _, body) = world.webhook().await;
        let state = body["body"]["changes"][0]["event"]["chatState"].clone();
        told.push((place, state));
    }
    let expected = [
        ("cqm", json!(null)),
        ("chat", json!("COMPOSING")),
        ("content", json!(null)),
        ("chat", json!("ACTIVE")),
    ];
    assert_eq!(
        told,
        expected.map(|(place, state)| (place.to_owned(), state)),
        "nothing between says otherwise"
    );
}

/// "Consumer has accepted the message" to the letter, tabs included.
#[tokio::test]
async fn the_documented_receipt_is_taken() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let payload = "{  \n  \"kind\":\"req\",\n\t\"id\": \"0\",\n\t\"type\": \"ms.PublishEvent\",\n\t\"body\": {\n\t\t\"dialogId\": \"ID\",\n\t\t\"event\": {\n\t\t\t\"type\": \"AcceptStatusEvent\",\n\t\t\t\"status\": \"ACCEPT\",\n\t\t\t\"sequenceList\": [1,2]\n\t\t}\n\t}\n}";
    let answer = world.speak_with(CONSUMER, "/send", &[], payload.replace("ID", &id)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({ "reqId": "0", "code": "OK", "body": { "sequence": 0 } }));
}

async fn status_after(world: &World, id: &str, status: &str) -> Status {
    let sent = world.reply(id, Content::text("how can I help?")).await;
    let event = json!({ "type": "AcceptStatusEvent", "status": status, "sequenceList": [sent.sequence] });
    assert_eq!(world.publish(CONSUMER, id, event).await.status, 200);
    world.message(sent.number).await.unwrap().0.delivery.as_ref().unwrap().status
}

/// "ACCEPT (message was accepted by the consumer), READ (message was read by the consumer), ACCESS (Consumer has
/// accessed the file), NACK (message not received), ACTION (…reply on structured content…)"
#[tokio::test]
async fn each_of_the_five_statuses_means_what_it_says() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    for (status, expected) in [
        ("ACCEPT", Status::Delivered),
        ("READ", Status::Read),
        ("ACCESS", Status::Read),
        ("NACK", Status::Failed),
        ("ACTION", Status::Read),
    ] {
        assert_eq!(status_after(&world, &id, status).await, expected, "{status}");
    }
    for wrong in [
        json!({ "type": "AcceptStatusEvent", "status": "SEEN", "sequenceList": [1] }),
        json!({ "type": "AcceptStatusEvent", "sequenceList": [1] }),
    ] {
        assert_eq!(world.publish(CONSUMER, &id, wrong).await.status, 400);
    }
}

/// "You can mention more than one sequence number hence the sequence list"
#[tokio::test]
async fn one_receipt_may_name_several_messages() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let mut sent = Vec::new();
    for words in ["one", "two", "three"] {
        sent.push(world.reply(&id, Content::text(words)).await);
    }
    let event = json!({ "type": "AcceptStatusEvent", "status": "ACCEPT", "sequenceList": [0, 1, 77] });
    assert_eq!(world.publish(CONSUMER, &id, event).await.status, 200, "unknown ones are nobody's");
    let mut statuses = Vec::new();
    for message in &sent {
        let (message, _) = world.message(message.number).await.unwrap();
        statuses.push(message.delivery.as_ref().unwrap().status == Status::Delivered);
    }
    assert_eq!(statuses, [true, true, false]);
    for wrong in [json!([]), json!(null), json!("1"), json!([1.5]), json!(["1"])] {
        let event = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": wrong });
        assert_eq!(world.publish(CONSUMER, &id, event).await.status, 400, "{wrong}");
    }
    let lone = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": 2 });
    assert_eq!(world.publish(CONSUMER, &id, lone).await.status, 200, "a lone number is a list of one");
}

/// "LiveEngage assigns a number to every message. That number controls where that message appears in the sequence."
#[tokio::test]
async fn numbers_follow_the_order_of_both_sides() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    assert_eq!(world.publish(CONSUMER, &id, text("hi")).await.body["body"]["sequence"], 0);
    assert_eq!(world.reply(&id, Content::text("hello")).await.sequence, Some(1));
    let read = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [1] });
    assert_eq!(world.publish(CONSUMER, &id, read).await.body["body"]["sequence"], 2, "receipts count too");
    assert_eq!(world.publish(CONSUMER, &id, text("bye")).await.body["body"]["sequence"], 3);
    let mut told = Vec::new();
    for _ in 0..5 {
        told.extend(world.webhook().await.2["body"]["changes"][0]["sequence"].as_i64());
    }
    assert_eq!(told, [0, 1, 2, 3], "the webhook carries the same numbers in the same order");
}

/// The request object may not exceed 5000 characters; files have a limit of their own. Reference 9.2.
#[tokio::test]
async fn a_request_has_a_length() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    let frame = publishing(&id, text("")).to_string().chars().count();
    assert_eq!(world.publish(CONSUMER, &id, text(&"ü".repeat(5000 - frame))).await.status, 200);
    let long = world.publish(CONSUMER, &id, text(&"ü".repeat(5001 - frame))).await;
    assert_eq!(long.body, json!({ "code": "BAD_REQUEST", "body": { "msg": "Bad Request" }, "reqId": "1" }));
    let file = |bytes: usize| {
        json!({ "type": "ContentEvent", "contentType": "hosted/file",
            "message": { "relativePath": "/v1/x.PNG", "fileType": "PNG", "preview": "x".repeat(bytes) } })
    };
    assert_eq!(world.publish(CONSUMER, &id, file(30 * 1024)).await.status, 200);
    assert_eq!(world.publish(CONSUMER, &id, file(30 * 1024 + 1)).await.status, 400);
}

/// Another consumer's conversation is not there to speak into. Reference 6.2.
#[tokio::test]
async fn a_conversation_is_its_consumers_alone() {
    let world = world().await;
    let id = world.open(CONSUMER).await;
    world.speak("somebody else", "", &smallest()).await;
    for element in [publishing(&id, text("hi")), update_field(&id, closing())] {
        let foreign = world.speak("somebody else", "/send", &element).await;
        assert_eq!((foreign.status.as_u16(), &foreign.body["body"]["errorCode"]), (401, &json!(40103)));
    }
    assert_eq!(world.publish(CONSUMER, &id, text("still open")).await.status, 200);
}

/// Structured content of the consumer, and the answer to a secure form. Reference 9.2, 9.5.
#[tokio::test]
async fn rich_content_and_forms_are_taken_and_told_as_they_came() {
    let mut world = world().await;
    world.install().await;
    let id = world.open(CONSUMER).await;
    world.webhook().await;
    let rich = json!({ "type": "RichContentEvent", "content": { "type": "vertical", "elements": [{ "type": "text", "text": "hm" }] },
        "quickReplies": { "type": "quickReplies", "replies": [] } });
    let form = json!({ "type": "ContentEvent", "contentType": "forms/secure-submission", "message": { "submissionId": "7" } });
    for (event, place) in [(rich, "rich"), (form, "content")] {
        assert_eq!(world.publish(CONSUMER, &id, event.clone()).await.status, 200);
        let (endpoint, _, told) = world.webhook().await;
        assert_eq!((endpoint.as_str(), &told["body"]["changes"][0]["event"]), (place, &event));
    }
}
