//! Who gets in, and what the others are told.

use http::StatusCode;
use serde_json::json;

use crate::world::{NOW, World, basic, plain, tenant, world};

async fn token(world: &World) -> String {
    let key = basic("key-1", "s3cret");
    let headers = [("authorization", key.as_str())];
    let answer =
        world.call("POST", "/oauth2/token", &headers, "grant_type=client_credentials".to_owned()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["expires_in"], json!(3600));
    assert_eq!(answer.body["scope"], json!(""));
    assert_eq!(answer.body["token_type"], json!("bearer"));
    answer.body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_opens_the_project_until_it_expires() {
    let world = world().await;
    let bearer = format!("Bearer {}", token(&world).await);
    let path = format!("/v1/projects/{}/messages:send", tenant(1).uuid());
    let headers = [("authorization", bearer.as_str())];
    let send = || world.call("POST", &path, &headers, plain().to_string());
    assert_eq!(send().await.status, StatusCode::OK);
    world.clock.set(NOW.plus_s(3600));
    let late = send().await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        late.header("www-authenticate"),
        r#"Bearer error="invalid_token", error_description="token is expired""#
    );
    assert_eq!(late.body["error"]["status"], json!("UNAUTHENTICATED"));
}

#[tokio::test]
async fn wrong_credentials_never_read_as_expired() {
    let world = world().await;
    let path = format!("/v1/projects/{}/messages:send", tenant(1).uuid());
    for header in
        [basic("key-1", "wrong"), basic("nobody", "s3cret"), "Bearer a.b.c".to_owned(), "x".to_owned()]
    {
        let answer = world.call("POST", &path, &[("authorization", &header)], plain().to_string()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header}");
        assert!({
            let scheme = answer.header("www-authenticate");
            !scheme.is_empty() && !scheme.contains("expired")
        });
    }
    let form = "grant_type=client_credentials&client_id=key-1&client_secret=wrong".to_owned();
    let refused = world.call("POST", "/oauth2/token", &[], form).await;
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
    );
    let form = "grant_type=client_credentials&client_id=key-1&client_secret=s3cret".to_owned();
    assert_eq!(world.call("POST", "/oauth2/token", &[], form).await.status, StatusCode::OK);
    let refused = world.call("POST", "/oauth2/token", &[], "grant_type=password".to_owned()).await;
    assert_eq!(refused.body["error"], json!("unsupported_grant_type"));
}

#[tokio::test]
async fn a_foreign_project_and_an_unknown_one_answer_the_same() {
    let world = world().await;
    let mut bodies = Vec::new();
    for project in [tenant(2).uuid(), tenant(9).uuid(), "nonsense".to_owned()] {
        let path = format!("/v1/projects/{project}/messages:send");
        let key = basic("key-1", "s3cret");
        let answer = world.call("POST", &path, &[("authorization", &key)], plain().to_string()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        bodies.push(answer.body);
    }
    let expected =
        json!({"error": {"code": 404, "message": "project not found", "status": "NOT_FOUND", "details": []}});
    assert!(bodies.iter().all(|body| *body == expected), "{bodies:?}");
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_the_envelope() {
    let world = world().await;
    let unknown = world.as_first("GET", "nothing/here", json!({})).await;
    assert_eq!((unknown.status, &unknown.body["error"]["code"]), (StatusCode::NOT_FOUND, &json!(404)));
    let method = world.as_first("PUT", "messages:send", json!({})).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.body["error"]["code"], json!(405));
}
