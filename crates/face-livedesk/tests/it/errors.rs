//! The error bodies of the reference, section 2, word by word.

use axum::body::Body;
use face_livedesk::Settings;
use http::{Request, StatusCode};

use crate::world::{World, request};

async fn check(world: &World, request: Request<Body>, status: u16, body: &str) {
    let answer = world.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, body));
}

fn bare(path: &str, header: Option<(&str, &str)>) -> Request<Body> {
    let request = Request::builder().method("POST").uri(path);
    let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn credentials_fail_as_the_vendor_says() {
    let world = World::new(Settings::default()).await;
    let v2 = "/api/v2/accounts/conversations/1/messages";
    let v1 = "/api/v1/accounts/14/conversations/1/messages";
    let nobody = r#"{"errors":["You need to sign in or sign up before continuing."]}"#;
    let wrong = r#"{"error":"Invalid Access Token"}"#;
    check(&world, bare(v2, None), 401, nobody).await;
    check(&world, bare(v1, None), 401, nobody).await;
    check(&world, bare(v2, Some(("authorization", "Bearer x"))), 401, nobody).await;
    check(&world, bare(v2, Some(("authorization", "Basic a2V5LTE6d3Jvbmc="))), 401, wrong).await;
    check(&world, bare(v1, Some(("api_access_token", "nope"))), 401, wrong).await;
    let foreign = r#"{"error":"You are not authorized to access this account"}"#;
    for account in ["15", "999", "x"] {
        let path = format!("/api/v1/accounts/{account}/conversations/1/messages");
        check(&world, request("POST", &path, "application/json", "{}".into()), 401, foreign).await;
    }
    let hyphen = bare(v1, Some(("Api-Access-Token", "tok-3")));
    assert_eq!(world.send(hyphen).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_or_not_readable() {
    let world = World::new(Settings::default()).await;
    let gone = r#"{"error":"Resource could not be found"}"#;
    for path in ["/api/v2/accounts/conversations/9/messages", "/api/v1/accounts/14/conversations/x/messages"]
    {
        check(&world, request("POST", path, "application/json", "{}".into()), 404, gone).await;
    }
    let path = "/api/v2/accounts/conversations/1/messages";
    let bad = r#"{"error":"Bad Request","status":400}"#;
    check(&world, request("POST", path, "application/json", "{".into()), 400, bad).await;
    let route = r#"{"error":"Not Found","status":404}"#;
    check(&world, request("DELETE", path, "", Body::empty()), 404, route).await;
}

#[tokio::test]
async fn validations_speak_in_the_vendors_sentences() {
    let world = World::new(Settings::default()).await;
    for (body, error) in [
        (r#"{"content":" "}"#, "Validation failed: Content can't be blank"),
        (r#"{"content":"x","message_type":"xyz"}"#, "'xyz' is not a valid message_type"),
        (r#"{"content":"x","content_type":"xyz"}"#, "'xyz' is not a valid content_type"),
        (
            r#"{"content":"x","content_type":"cards"}"#,
            "Validation failed: Content attributes At least one item is required.",
        ),
        (
            r#"{"content":"x","content_type":"input_select","content_attributes":{"items":[{"colour":1}]}}"#,
            "Validation failed: Content attributes contains invalid keys for items : [:colour]",
        ),
        (
            r#"{"content":"x","content_type":"cards","content_attributes":{"items":[{"title":"a"}]}}"#,
            "Validation failed: Content attributes contains items missing actions",
        ),
        (r#"{"attachments":["forged--00"]}"#, "Invalid attachment"),
    ] {
        let answer = world.desk("/conversations/1/messages", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.json(), serde_json::json!({ "error": error }));
    }
}
