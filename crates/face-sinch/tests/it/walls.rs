//! Walls: every route with every kind of id, tried by the other tenant; every route without credentials.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World, app, basic, plain, tenant, with, world};

/// Every route that takes an id in its path; `{}` stands for it.
const BY_ID: [(&str, &str, &str); 9] = [
    ("message", "GET", "messages/{}"),
    ("conversation", "GET", "conversations/{}"),
    ("conversation", "POST", "conversations/{}:stop"),
    ("contact", "GET", "contacts/{}"),
    ("app", "GET", "apps/{}"),
    ("app", "GET", "apps/{}/webhooks"),
    ("webhook", "GET", "webhooks/{}"),
    ("webhook", "PATCH", "webhooks/{}"),
    ("webhook", "DELETE", "webhooks/{}"),
];

/// Lists, with the filter that names somebody else's.
const LISTS: [(&str, &str); 5] = [
    ("conversation", "messages?conversation_id={}"),
    ("app", "conversations?app_id={}"),
    ("contact", "conversations?contact_id={}"),
    ("app", "contacts?page_size=20&app_id={}"),
    ("app", "apps?app_id={}"),
];

/// An id of each kind that the first tenant has.
async fn furnished(world: &World) -> Vec<(&'static str, String)> {
    let message = world.sent_message(json!({})).await;
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    let webhook = world.hears(1, &["MESSAGE_DELIVERY"]).await;
    vec![
        ("message", text("id")),
        ("conversation", text("conversation_id")),
        ("contact", text("contact_id")),
        ("app", app(1, 1).ulid()),
        ("webhook", webhook),
    ]
}

async fn by(world: &World, number: u128, method: &str, rest: &str, body: Value) -> Answer {
    let path = format!("/v1/projects/{}/{rest}", tenant(number).uuid());
    let key = basic(&format!("key-{number}"), "s3cret");
    world.call(method, &path, &[("authorization", &key)], body.to_string()).await
}

fn same(theirs: &Answer, nobodys: &Answer, what: &str) {
    assert_eq!((theirs.status, &theirs.bytes), (nobodys.status, &nobodys.bytes), "{what}");
    assert_eq!(theirs.headers, nobodys.headers, "{what}");
}

#[tokio::test]
async fn no_id_of_another_tenant_answers_anything_but_an_unknown_one() {
    let world = world().await;
    let ids = furnished(&world).await;
    let id_of = |kind: &str| &ids.iter().find(|(own, _)| *own == kind).unwrap().1;
    let nobody = world.engine.new_id().ulid();
    for (kind, method, rest) in BY_ID {
        let ask = async |id: &str| by(&world, 2, method, &rest.replace("{}", id), json!({})).await;
        let (theirs, nobodys) = (ask(id_of(kind)).await, ask(&nobody).await);
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{method} {rest}");
        same(&theirs, &nobodys, &format!("{method} {rest}"));
        let own = by(&world, 1, method, &rest.replace("{}", id_of(kind)), json!({})).await;
        assert_eq!(own.status, StatusCode::OK, "{method} {rest} for its owner: {}", own.body);
    }
    for (kind, rest) in LISTS {
        let ask = async |id: &str| by(&world, 2, "GET", &rest.replace("{}", id), json!({})).await;
        let (theirs, nobodys) = (ask(id_of(kind)).await, ask(&nobody).await);
        same(&theirs, &nobodys, rest);
        assert!(!String::from_utf8_lossy(&theirs.bytes).contains(id_of(kind)), "{rest}");
    }
}

#[tokio::test]
async fn no_id_of_another_tenant_in_a_body_answers_anything_but_an_unknown_one() {
    let world = world().await;
    let ids = furnished(&world).await;
    let contact = &ids[2].1;
    let nobody = world.engine.new_id().ulid();
    let by_contact = |contact: &str| {
        with(json!({"app_id": app(2, 1).ulid(), "recipient": {"contact_id": contact, "identified_by": null}}))
    };
    let by_app = |id: &str| with(json!({ "app_id": id }));
    let webhook =
        |id: &str| json!({"app_id": id, "target": "https://h.example/", "triggers": ["MESSAGE_INBOUND"]});
    let foreign_app = app(1, 1).ulid();
    let own = by(&world, 2, "POST", "webhooks", webhook(&app(2, 1).ulid())).await;
    let own = format!("webhooks/{}", own.body["id"].as_str().unwrap());
    let events = world.store.all_events().len();
    let table = [
        ("POST", "messages:send", by_contact(contact), by_contact(&nobody)),
        ("POST", "messages:send", by_app(&foreign_app), by_app(&nobody)),
        ("POST", "webhooks", webhook(&foreign_app), webhook(&nobody)),
        ("PATCH", &own, json!({"app_id": foreign_app}), json!({"app_id": nobody})),
    ];
    for (method, rest, theirs, nobodys) in table {
        let theirs = by(&world, 2, method, rest, theirs).await;
        let nobodys = by(&world, 2, method, rest, nobodys).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{method} {rest}");
        same(&theirs, &nobodys, rest);
    }
    assert_eq!(world.store.all_events().len(), events, "nothing came of it");
}

/// Every route, with an id that exists nowhere.
fn all_routes() -> Vec<(Method, String)> {
    let by_id =
        BY_ID.iter().map(|(_, method, rest)| (*method, rest.replace("{}", "01JXXXXXXXXXXXXXXXXXXXXXXX")));
    let others = [
        ("POST", "messages:send"),
        ("GET", "messages"),
        ("GET", "conversations"),
        ("GET", "contacts"),
        ("GET", "apps"),
        ("POST", "apps/x/webhooks"),
        ("POST", "webhooks"),
        ("GET", "nothing/of/the/kind"),
    ];
    let others = others.into_iter().map(|(method, rest)| (method, rest.to_owned()));
    by_id.chain(others).map(|(method, rest)| (method.parse().unwrap(), rest)).collect()
}

#[tokio::test]
async fn every_route_refuses_wrong_credentials_and_takes_both_kinds_of_right_ones() {
    let world = world().await;
    let form = "grant_type=client_credentials&client_id=key-1&client_secret=s3cret".to_owned();
    let token = world.call("POST", "/oauth2/token", &[], form).await.body["access_token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    for (method, rest) in all_routes() {
        let path = format!("/v1/projects/{}/{rest}", tenant(1).uuid());
        for wrong in [basic("key-1", "wrong"), basic("key-9", "s3cret"), "Bearer nonsense".to_owned()] {
            let answer =
                world.call(method.as_str(), &path, &[("authorization", &wrong)], String::new()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {rest}");
            assert_eq!(answer.body["error"]["status"], json!("UNAUTHENTICATED"));
            assert!(!answer.header("www-authenticate").contains("expired"), "{method} {rest}");
        }
        for right in [basic("key-1", "s3cret"), bearer.clone()] {
            let answer =
                world.call(method.as_str(), &path, &[("authorization", &right)], String::new()).await;
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {rest}");
        }
    }
}

#[tokio::test]
async fn every_route_of_a_foreign_project_answers_like_an_unknown_project() {
    let world = world().await;
    let key = basic("key-1", "s3cret");
    for (method, rest) in all_routes() {
        let ask = async |project: &str| {
            let path = format!("/v1/projects/{project}/{rest}");
            world.call(method.as_str(), &path, &[("authorization", &key)], plain().to_string()).await
        };
        let theirs = ask(&tenant(2).uuid()).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND);
        assert_eq!(theirs.body["error"]["message"], json!("project not found"));
        same(&theirs, &ask(&tenant(9).uuid()).await, &rest);
        same(&theirs, &ask("nonsense").await, &rest);
    }
}
