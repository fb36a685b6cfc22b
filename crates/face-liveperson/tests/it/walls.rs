//! Walls: whatever is the first account's, tried with the second account's credentials, answers exactly as what
//! does not exist. One table over all routes.

use serde_json::{Value, json};

use crate::world::{ACCOUNT, Answer, World, closing, manifest, publishing, text, update_field, world};

const UNKNOWN: &str = "0b7c9a52-5f0e-4d0c-9f55-3c1a2b4d5e6f";

/// The same answer, but for the time of day and the server's own name for the request.
fn same(what: &str, foreign: &Answer, unknown: &Answer) {
    assert_eq!((foreign.status, &foreign.body), (unknown.status, &unknown.body), "{what}");
    assert!(foreign.status.is_client_error(), "{what}: {}", foreign.status);
    let names =
        |answer: &Answer| answer.headers.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(foreign), names(unknown), "{what}");
}

/// A request of the second account.
async fn second(world: &World, method: &str, path: &str, body: &str) -> Answer {
    let (app, consumer) = (world.app_token(2).await, world.consumer_token(2, "a").await);
    world
        .call(method, path, &[("authorization", &*app), ("x-lp-on-behalf", &*consumer)], body.to_owned())
        .await
}

#[tokio::test]
async fn a_foreign_account_is_an_unknown_one_on_every_path() {
    let world = world().await;
    world.open("a").await;
    let bearer = world.bearer(2).await;
    let form = "grant_type=client_credentials&client_id=client-2&client_secret=s3cret";
    let login = r#"{"username":"stranger","password":"pass"}"#;
    let install = manifest().to_string();
    let token_paths: [(&str, &str, &str); 3] = [
        ("POST", "/api/account/{}/consumer?v=1.0", r#"{"ext_consumer_id":"a"}"#),
        ("POST", "/api/account/{}/messaging/consumer/conversation?v=3", "[]"),
        ("POST", "/api/account/{}/messaging/consumer/conversation/send?v=3", "{}"),
    ];
    for (method, path, body) in token_paths {
        let foreign = second(&world, method, &path.replace("{}", ACCOUNT), body).await;
        let unknown = second(&world, method, &path.replace("{}", "99"), body).await;
        same(path, &foreign, &unknown);
        assert_eq!(foreign.body["body"]["errorCode"], 40102, "{path}");
    }
    let other_paths: [(&str, &str, &str); 8] = [
        ("POST", "/sentinel/api/account/{}/app/token?v=1.0", form),
        ("POST", "/api/account/{}/login", login),
        ("GET", "/api/account/{}/configuration/provision/featureGrants", ""),
        ("GET", "/api/account/{}/configuration/app-install/installations", ""),
        ("POST", "/api/account/{}/configuration/app-install/installations", &install),
        ("GET", "/api/account/{}/configuration/app-install/installations/client-1", ""),
        ("PUT", "/api/account/{}/configuration/app-install/installations/client-1", &install),
        ("DELETE", "/api/account/{}/configuration/app-install/installations/client-1", ""),
    ];
    for (method, path, body) in other_paths {
        let call = async |account: &str| {
            let headers = [("authorization", bearer.as_str())];
            world.call(method, &path.replace("{}", account), &headers, body.to_owned()).await
        };
        same(path, &call(ACCOUNT).await, &call("99").await);
    }
}

#[tokio::test]
async fn a_foreign_conversation_is_an_unknown_one_for_every_action() {
    let world = world().await;
    let id = world.open("a").await;
    let position = world.engine.position();
    let receipt = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] });
    let rate = json!({ "field": "CSATRate", "csatRate": 5 });
    let time = json!({ "field": "TTRField", "ttrType": "URGENT", "value": 1 });
    let actions: [fn(&str, Value) -> Value; 2] = [publishing, update_field];
    for (action, inner) in [
        (actions[0], text("hi")),
        (actions[0], receipt),
        (actions[0], json!({ "type": "ChatStateEvent", "chatState": "GONE" })),
        (actions[1], closing()),
        (actions[1], rate),
        (actions[1], time),
    ] {
        let path = "/api/account/70000002/messaging/consumer/conversation/send?v=3";
        let foreign = second(&world, "POST", path, &action(&id, inner.clone()).to_string()).await;
        let unknown = second(&world, "POST", path, &action(UNKNOWN, inner.clone()).to_string()).await;
        same(&inner.to_string(), &foreign, &unknown);
        assert_eq!(foreign.body["body"]["msg"], "Bad Request, Conversation does not exist");
    }
    assert_eq!(world.engine.position(), position, "nothing happened to it");
}

#[tokio::test]
async fn a_foreign_installation_is_an_unknown_one() {
    let world = world().await;
    let bearer = world.bearer(2).await;
    let path = "/api/account/70000002/configuration/app-install/installations";
    let install = manifest().to_string();
    for (method, body) in [("GET", ""), ("PUT", &*install), ("DELETE", "")] {
        let call = async |id: &str| {
            world.call(method, &format!("{path}/{id}"), &[("authorization", &bearer)], body.to_owned()).await
        };
        same(method, &call("client-1").await, &call(UNKNOWN).await);
        same(method, &call("admin:70000001:root").await, &call(UNKNOWN).await);
    }
    let token =
        "/sentinel/api/account/70000002/app/token?v=1.0&grant_type=client_credentials&client_secret=s3cret";
    let foreign = world.call("POST", &format!("{token}&client_id=client-1"), &[], "").await;
    same("token", &foreign, &world.call("POST", &format!("{token}&client_id=nobody"), &[], "").await);
}

/// Asks the second account for a link to a path; gives the answer, and what the link gives if it was given.
async fn fetch(world: &World, path: &str) -> (u16, Option<u16>) {
    let request =
        json!({ "id": "1", "type": "ms.GenerateURLForDownloadFile", "body": { "relativePath": path } });
    let send = "/api/account/70000002/messaging/consumer/conversation/send?v=3";
    let answer = second(world, "POST", send, &request.to_string()).await;
    if answer.status != 200 {
        return (answer.status.as_u16(), None);
    }
    let query = &answer.body["body"]["queryParams"];
    let (signature, expires) =
        (query["temp_url_sig"].as_str().unwrap(), query["temp_url_expires"].as_str().unwrap());
    let url = format!("{path}?temp_url_sig={signature}&temp_url_expires={expires}");
    (200, Some(world.call("GET", &url, &[], "").await.status.as_u16()))
}

#[tokio::test]
async fn a_foreign_file_is_an_unknown_one() {
    let world = world().await;
    world.open("a").await;
    let path = world.upload("a", b"\x89PNG\r\n\x1a\n").await;
    let name = path.rsplit('/').next().unwrap();
    let file = |account: &str, name: &str| format!("/v1/AUTH_async-images/{account}/{name}");
    let other = format!("x_uuid_{UNKNOWN}_1.PNG");
    assert_eq!(fetch(&world, &file(ACCOUNT, name)).await, fetch(&world, &file("99", &other)).await);
    assert_eq!(fetch(&world, &file(ACCOUNT, name)).await, (400, None));
    assert_eq!(
        fetch(&world, &file("70000002", name)).await,
        (200, Some(404)),
        "its bytes are the first account's"
    );
    assert_eq!(fetch(&world, &file("70000002", &other)).await, (200, Some(404)));
}
