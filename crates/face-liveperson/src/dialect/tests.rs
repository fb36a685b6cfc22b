//! The documented signature vector.
//! Whole notifications are held in `tests/it/webhooks.rs`.

use super::signature;

#[test]
fn the_signature_is_that_of_the_reference() {
    let body = concat!(
        r#"{"kind":"notification","body":{"changes":[{"sequence":4,"originatorId":"agent-7","#,
        r#""originatorMetadata":{"id":"agent-7","role":"ASSIGNED_AGENT"},"serverTimestamp":1700000000123,"#,
        r#""event":{"type":"ContentEvent","message":"Grüße 👋","contentType":"text/plain"},"#,
        r#""conversationId":"11111111-2222-4333-8444-555555555555","#,
        r#""dialogId":"11111111-2222-4333-8444-555555555555","messageAudience":"ALL"}]},"#,
        r#""type":"ms.MessagingEventNotification"}"#,
    );
    assert_eq!(signature("sample-secret-0123456789", body.as_bytes()), "sha1=SG/m40sxePg/5Q7HGZ8RmZeg0IU=");
}
