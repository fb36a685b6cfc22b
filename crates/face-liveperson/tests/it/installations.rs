//! The administrator's side: login, features, and the life of an app installation. Reference section 3.

use serde_json::{Value, json};

use crate::world::{Answer, INSTALLATIONS, World, manifest, smallest, world};

async fn admin(world: &World, method: &str, path: &str, further: &[(&str, &str)], body: &Value) -> Answer {
    let bearer = world.bearer(1).await;
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(further);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.call(method, path, &headers, body).await
}

async fn token(world: &World, client: &str, secret: &str) -> Answer {
    let path = format!(
        "/sentinel/api/account/70000001/app/token?v=1.0&grant_type=client_credentials&client_id={client}"
    );
    world
        .call(
            "POST",
            &path,
            &[("content-type", "application/x-www-form-urlencoded")],
            format!("client_secret={secret}"),
        )
        .await
}

#[tokio::test]
async fn a_login_gives_bearer_and_domains() {
    let world = world().await;
    let path = "/api/account/70000001/login";
    let good = world.call("POST", path, &[], r#"{"username":"root","password":"pass"}"#).await;
    assert_eq!(good.status, 200);
    assert_eq!(
        (&good.body["config"]["loginName"], &good.body["config"]["isAdmin"]),
        (&json!("root"), &json!(true))
    );
    assert_eq!(good.body["sessionTTl"], "28800000");
    assert_eq!(good.body["csdsCollectionResponse"]["baseURIs"].as_array().unwrap().len(), 7);
    assert!(good.body["csrf"].is_string() && good.body["wsuk"].is_string());
    for wrong in [
        r#"{"username":"root","password":"no"}"#,
        r#"{"username":"x","password":"pass"}"#,
        "{}",
        "",
        "[]",
        r#"{"username":["root"],"password":"pass"}"#,
    ] {
        assert_eq!(world.call("POST", path, &[], wrong).await.status, 401, "{wrong}");
    }
    let bearer = format!("Bearer {}", good.body["bearer"].as_str().unwrap());
    let grants = "/api/account/70000001/configuration/provision/featureGrants?v=1.0&excludeLegacy=true";
    let features = world.call("GET", grants, &[("authorization", &bearer)], "").await;
    let data = &features.body["appDataList"][0]["accountList"]["accountList"][0]["itemsCollection"]["data"];
    assert_eq!(
        data,
        &json!([{ "compoundFeatureID": "Common.Async_Messaging", "value": { "value": "true" } }])
    );
    world.clock.advance_ms(28_800_000);
    assert_eq!(
        world.call("GET", grants, &[("authorization", &bearer)], "").await.status,
        401,
        "the session is over"
    );
}

#[tokio::test]
async fn an_installation_is_made_listed_changed_and_removed() {
    let world = world().await;
    let made = admin(&world, "POST", INSTALLATIONS, &[], &manifest()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (id, secret) = (made.body["id"].as_str().unwrap(), made.body["client_secret"].as_str().unwrap());
    assert_eq!(
        (&made.body["client_id"], &made.body["client_secret_expires_at"], &made.body["deleted"]),
        (&json!(id), &json!(0), &json!(false))
    );
    assert_eq!(made.body["client_id_issued_at"], 1_700_000_000);
    assert_eq!(made.body["capabilities"], manifest()["capabilities"]);
    assert_eq!(token(&world, id, secret).await.status, 200, "its credentials work");

    let one = format!("{INSTALLATIONS}/{id}");
    let shown = admin(&world, "GET", &one, &[], &Value::Null).await;
    assert_eq!((shown.status.as_u16(), &shown.body), (200, &made.body));
    let revision = shown.headers["ac-revision"].to_str().unwrap();
    let listed = admin(&world, "GET", INSTALLATIONS, &[], &Value::Null).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 2, "with the one that was there");
    assert!(listed.body.as_array().unwrap().contains(&made.body));

    let mut renamed = manifest();
    renamed["description"] = json!("greener");
    let headers = [("if-match", revision), ("x-http-method-override", "PUT")];
    let changed = admin(&world, "PUT", &one, &headers, &renamed).await;
    assert_eq!((changed.status.as_u16(), &changed.body["description"]), (200, &json!("greener")));
    assert_eq!(changed.body["client_secret"], secret);
    for method in ["PUT", "DELETE"] {
        let stale = admin(&world, method, &one, &[("if-match", revision)], &renamed).await;
        assert_eq!((stale.status.as_u16(), &stale.body["error"]["statusCode"]), (412, &json!(412)));
    }
    let revision = changed.headers["ac-revision"].to_str().unwrap();
    assert_eq!(admin(&world, "DELETE", &one, &[("if-match", revision)], &Value::Null).await.status, 200);
    assert_eq!(admin(&world, "GET", &one, &[], &Value::Null).await.status, 404);
    assert_eq!(token(&world, id, secret).await.body["error"], "invalid_client");
}

#[tokio::test]
async fn tokens_of_a_removed_installation_are_refused() {
    let world = world().await;
    let (app, consumer) = (world.app_token(1).await, world.consumer_token(1, "a").await);
    let removed = admin(&world, "DELETE", &format!("{INSTALLATIONS}/client-1"), &[], &Value::Null).await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    let headers = [("authorization", app.as_str()), ("x-lp-on-behalf", consumer.as_str())];
    let path = "/api/account/70000001/messaging/consumer/conversation?v=3";
    let answer = world.call("POST", path, &headers, smallest().to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["body"]["errorCode"]), (401, &json!(40102)));
}

#[tokio::test]
async fn a_disabled_installation_gets_no_token_and_no_webhook() {
    let mut world = world().await;
    let mut off = manifest();
    off["enabled"] = json!(false);
    let (app, consumer) = (world.app_token(1).await, world.consumer_token(1, "a").await);
    world.install_with(&off).await;
    let refused = token(&world, "client-1", "s3cret").await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]), (401, &json!("invalid_client")));
    let headers = [("authorization", app.as_str()), ("x-lp-on-behalf", consumer.as_str())];
    let path = "/api/account/70000001/messaging/consumer/conversation?v=3";
    let opened = world.call("POST", path, &headers, smallest().to_string()).await;
    assert_eq!(opened.status, 200, "older tokens hold");
    assert!(world.webhooks.try_recv().is_err(), "nothing is told");
    world.install().await;
    let (_, _, first) = world.webhook().await;
    let told = &first["body"]["changes"][0]["result"]["convId"];
    assert_eq!(told, &opened.body[1]["body"]["conversationId"], "what happened meanwhile is not lost");
}

#[tokio::test]
async fn without_webhooks_an_installation_may_still_send() {
    let world = world().await;
    let bare = json!({ "client_name": "sender", "scope": "msg.consumer" });
    let made = admin(&world, "POST", INSTALLATIONS, &[], &bare).await;
    assert_eq!((made.status.as_u16(), &made.body["enabled"]), (201, &json!(true)));
    let secret = made.body["client_secret"].as_str().unwrap();
    assert_eq!(token(&world, made.body["id"].as_str().unwrap(), secret).await.status, 200);
}

#[tokio::test]
async fn a_wrong_manifest_is_refused_with_a_sentence() {
    let world = world().await;
    let with = |pointer: &str, value: Value| {
        let mut changed = manifest();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let content = "/capabilities/webhooks/ms.MessagingEventNotification.ContentEvent";
    let mut retention = manifest();
    retention["capabilities"]["webhooks"]["retry"] = json!({ "retention_time": 1 });
    for wrong in [
        json!({}),
        json!("x"),
        with("/client_name", json!("")),
        with("/client_name", json!(7)),
        with("/scope", json!("msg.agent")),
        with(&format!("{content}/endpoint"), json!("ftp://x")),
        with(&format!("{content}/endpoint"), json!(1)),
        with(&format!("{content}/max_retries"), json!(6)),
        with(&format!("{content}/max_retries"), json!(-1)),
        retention,
    ] {
        for (method, path) in
            [("POST", INSTALLATIONS.to_owned()), ("PUT", format!("{INSTALLATIONS}/client-1"))]
        {
            let refused = admin(&world, method, &path, &[], &wrong).await;
            assert_eq!(
                (refused.status.as_u16(), &refused.body["error"]["internalCode"]),
                (400, &json!(9)),
                "{wrong}"
            );
        }
    }
    assert_eq!(world.engine.position(), world.position_when_furnished);
}

#[tokio::test]
async fn only_administrators_administer() {
    let world = world().await;
    let app = world.app_token(1).await;
    for authorization in ["", "Bearer x", app.as_str()] {
        for (method, path) in [
            ("GET", INSTALLATIONS.to_owned()),
            ("POST", INSTALLATIONS.to_owned()),
            ("DELETE", format!("{INSTALLATIONS}/client-1")),
        ] {
            let refused =
                world.call(method, &path, &[("authorization", authorization)], manifest().to_string()).await;
            assert_eq!((refused.status.as_u16(), &refused.body["error"]["internalCode"]), (401, &json!(16)));
        }
    }
}
