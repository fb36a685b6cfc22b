//! Domain lookup, tokens, and the order in which the two headers are checked.
//! Each refusal is held by its code.

use serde_json::{Value, json};

use crate::world::{ACCOUNT, smallest, world};

#[tokio::test]
async fn the_lookup_names_the_public_authority() {
    let world = world().await;
    let one = world.call("GET", "/api/account/70000001/service/idp/baseURI.json?version=1.0", &[], "").await;
    assert_eq!(one.status, 200);
    assert_eq!(one.body, json!({ "service": "idp", "account": ACCOUNT, "baseURI": "lp.example.test:8443" }));
    for path in [
        "/api/account/70000001/service/baseURI.json?version=1.0",
        "/csdr/account/70000001/service/baseURI.json",
    ] {
        let all = world.call("GET", path, &[], "").await;
        assert_eq!(all.body["baseURIs"].as_array().unwrap().len(), 7);
    }
    let service = world.call("GET", "/api/account/70000001/service/none/baseURI.json", &[], "").await;
    assert_eq!(service.status, 404);
    assert_eq!(world.call("GET", "/api/account/9/service/baseURI.json", &[], "").await.status, 401);
}

#[tokio::test]
async fn credentials_come_by_query_or_form() {
    let world = world().await;
    let path = "/sentinel/api/account/70000001/app/token";
    let form = "grant_type=client_credentials&client_id=client-1&client_secret=s3cret";
    for (query, body) in [("?v=2.0", form.to_owned()), (&*format!("?v=1.0&{form}"), String::new())] {
        let answer = world.call("POST", &format!("{path}{query}"), &[], body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            (&answer.body["token_type"], &answer.body["expires_in"]),
            (&json!("Bearer"), &json!(3600))
        );
    }
    for (body, status, error) in [
        ("grant_type=client_credentials&client_id=client-1&client_secret=no", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=client-2&client_secret=s3cret", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=client-1", 400, "invalid_request"),
        ("grant_type=password&client_id=client-1&client_secret=s3cret", 400, "unsupported_grant_type"),
    ] {
        let answer = world.call("POST", path, &[], body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (status, &json!(error)));
    }
}

#[tokio::test]
async fn each_missing_or_wrong_token_has_its_code() {
    let world = world().await;
    let (app, consumer) = (world.app_token(1).await, world.consumer_token(1, "a").await);
    let (other_app, other_consumer) = (world.app_token(2).await, world.consumer_token(2, "a").await);
    assert_eq!(consumer, world.consumer_token(1, "a").await);
    let path = "/api/account/70000001/messaging/consumer/conversation?v=3";
    let cases: [(Option<&str>, Option<&str>, u16, u64); 7] = [
        (None, Some(&consumer), 401, 40105),
        (Some("garbage"), None, 401, 40102),
        (Some(&other_app), Some(&consumer), 401, 40102),
        (Some(&consumer), Some(&consumer), 400, 40001),
        (Some(&app), None, 401, 40104),
        (Some(&app), Some("garbage"), 401, 40103),
        (Some(&app), Some(&other_consumer), 401, 40103),
    ];
    for (app, consumer, status, code) in cases {
        let mut headers = Vec::new();
        headers.extend(app.map(|app| ("authorization", app)));
        headers.extend(consumer.map(|consumer| ("x-lp-on-behalf", consumer)));
        let answer = world.call("POST", path, &headers, smallest().to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["body"]["errorCode"]), (status, &json!(code)));
        assert_eq!((&answer.body["kind"], &answer.body["code"]), (&json!("resp"), &json!(status)));
    }
    world.clock.advance_ms(3_600_000);
    let late = world.call("POST", path, &[("authorization", &app)], "").await;
    let expired: Value = json!({ "kind": "resp", "code": 401, "type": ".ReqBody$ErrorResp", "body": {
        "title": "Invalid AppJWT", "details": "AppJWT has expired or is invalid", "errorCode": 40102 } });
    assert_eq!(late.body, expired);
}
