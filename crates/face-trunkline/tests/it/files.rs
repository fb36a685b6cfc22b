//! Stored files by signed links.

use bytes::Bytes;
use domain::command::admin::PutFile;
use domain::id::{FileId, Id, TenantId};
use domain::tenant::File;
use engine::{Engine, Rendering, domain};
use http::StatusCode;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{ONE, TWO, house};

const FILE: FileId = FileId(Id(77));

async fn stored(engine: &Engine, tenant: TenantId) {
    let file = File {
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
    };
    engine.put_file(tenant, FILE, Rendering::Original, Bytes::from_static(b"<map>")).await.unwrap();
    engine.execute(PutFile(file)).await.unwrap();
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
