//! Stored files by signed links.

use bytes::Bytes;
use domain::channel::Address;
use domain::command::Person;
use domain::command::admin::PutFile;
use domain::command::fetch::{Ended, Finish};
use domain::command::receive::Receive;
use domain::content::{Body, Content, Face, Media};
use domain::delivery::{Reason, ReasonKind};
use domain::id::{AppId, FileId, Id, JobId, MessageId, TenantId};
use domain::tenant::{Awaited, File, Presence};
use domain::time::Time;
use engine::{Engine, Rendering, domain};
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::json;
use testkit::{FakeClock, MemoryStore, Subscriber};
use tower::ServiceExt as _;

use super::{ONE, TWO, house, kinds, open_at};

const FILE: FileId = FileId(Id(77));

fn file(engine: &Engine, tenant: TenantId) -> File {
    File {
        id: FILE,
        tenant,
        number: 0,
        name: "map of the town.html".to_owned(),
        mime: "text/html".to_owned(),
        size: 5,
        width: None,
        height: None,
        sha256: [0; 32],
        thumbnail: false,
        created_at: engine.now(),
        presence: Presence::Stored,
    }
}

async fn stored(engine: &Engine, tenant: TenantId) {
    engine.put_file(tenant, FILE, Rendering::Original, Bytes::from_static(b"<map>")).await.unwrap();
    engine.execute(PutFile(file(engine, tenant))).await.unwrap();
}

async fn get(router: &axum::Router, url: &str) -> (StatusCode, http::HeaderMap, Bytes) {
    let path = url.strip_prefix("http://localhost").unwrap();
    let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_signed_link_gives_the_bytes_as_a_download_that_no_browser_executes() {
    let (engine, router) = house().await;
    stored(&engine, ONE).await;
    let (status, headers, body) = get(&router, &engine.links().url(ONE, FILE, engine.now())).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"<map>"[..]));
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-disposition"], "attachment; filename*=UTF-8''map%20of%20the%20town.html");
}

#[tokio::test]
async fn a_changed_link_and_a_file_of_another_tenant_look_like_no_file() {
    let (engine, router) = house().await;
    stored(&engine, ONE).await;
    let url = engine.links().url(ONE, FILE, engine.now());
    let gone = get(&router, &engine.links().url(ONE, FileId(Id(78)), engine.now())).await;
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
    let changed = url.replace("expires=1", "expires=2");
    let unsigned = url.split('?').next().unwrap().to_owned();
    let cut = url[..url.len() - 2].to_owned();
    let foreign = engine.links().url(TWO, FILE, engine.now());
    for url in [changed, unsigned, cut, foreign] {
        let (status, _, body) = get(&router, &url).await;
        assert_eq!((status, &body), (StatusCode::NOT_FOUND, &gone.2), "{url}");
    }
}

#[tokio::test]
async fn a_file_that_is_still_at_its_provider_says_when_to_come_back_and_a_lost_one_that_it_is_gone() {
    let clock = FakeClock::at(Time(1_700_000_000_000));
    let (engine, router) = open_at(clock.clone(), MemoryStore::new(), Subscriber::default(), 7).await;
    let reason = Reason::new(ReasonKind::MediaUnavailable, "the provider no longer has the file");
    let awaited = Presence::Awaited(Awaited { reference: "provider:7".to_owned(), tries: 1 });
    let url = engine.links().url(ONE, FILE, engine.now());
    for (presence, status, retry_after, code) in [
        (awaited, StatusCode::SERVICE_UNAVAILABLE, Some("5"), "file_awaited"),
        (Presence::Lost(reason), StatusCode::GONE, None, "file_lost"),
    ] {
        let file = File { number: 1, presence, ..file(&engine, ONE) };
        engine.execute(PutFile(file)).await.unwrap();
        let asking = tokio::spawn({
            let (router, url) = (router.clone(), url.clone());
            async move { get(&router, &url).await }
        });
        while !asking.is_finished() {
            clock.advance_ms(1_000);
            tokio::task::yield_now().await;
        }
        let (told, headers, body) = asking.await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((told, body["error"]["code"].as_str()), (status, Some(code)));
        assert_eq!(headers.get("retry-after").and_then(|value| value.to_str().ok()), retry_after);
    }
}

/// A picture that a person sent; its channel is unknown here, so that nobody fetches it.
async fn picture(engine: &Engine) -> (MessageId, FileId) {
    let (url, mime) = ("provider:7".to_owned(), "image/png".to_owned());
    let receive = Receive {
        tenant: ONE,
        app: AppId(ONE.0),
        face: Face::Provider,
        from: Address::new("ALPHA", "1"),
        app_scoped: false,
        person: Person::default(),
        source_id: "s1".to_owned(),
        content: Content::from_body(Body::Media(Media { url, mime, ..Media::default() })),
        reply_to: None,
        conversation: None,
        metadata: String::new(),
    };
    let message = engine.execute(receive).await.unwrap().message;
    let content = engine.get::<Content>(ONE, message.0).await.unwrap().unwrap();
    (message, content.body.media()[0].file.unwrap())
}

#[tokio::test]
async fn a_message_shows_its_file_and_the_timeline_why_it_was_lost() {
    let (engine, router) = house().await;
    let (message, file) = picture(&engine).await;
    let path = format!("/trunkline/v1/messages/{}", message.ulid());
    let (_, shown) = super::get(&router, "key-1", &path).await;
    let shown = &shown["files"][0];
    assert_eq!((&shown["state"], &shown["name"]), (&json!("awaited"), &json!("attachment.png")));
    assert_eq!(shown["url"], engine.links().url(ONE, file, engine.now()));
    assert!(!shown.to_string().contains("provider:"), "{shown}");
    let reason = Reason {
        kind: ReasonKind::MediaUnavailable,
        description: "the provider no longer has the file".to_owned(),
        channel_code: "404".to_owned(),
    };
    let (job, ended) = (JobId(Id(9)), Ended::Refused(reason));
    engine.execute(Finish { tenant: ONE, message, file, job, ended }).await.unwrap();
    let (_, shown) = super::get(&router, "key-1", &path).await;
    assert_eq!(shown["files"][0]["reason"]["provider_code"], "404");
    let (_, entries) = super::get(&router, "key-1", &format!("{path}/timeline")).await;
    assert_eq!(kinds(&entries), ["message_received", "file_lost"]);
    assert_eq!(
        (&entries[1]["reason"]["kind"], &entries[1]["provider_code"]),
        (&json!("media_unavailable"), &json!("404"))
    );
    let words =
        "a file could not be fetched from its provider: the provider no longer has the file (code 404)";
    assert_eq!(entries[1]["text"], words);
}
