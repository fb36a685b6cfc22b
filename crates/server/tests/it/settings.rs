//! Settings that change what the demo does: its TLS address, and the vendors' published rates.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use sandbox::{Sandbox, Settings};
use serde_json::Value;
use testkit::TempFolder;
use tokio::task::JoinSet;

use crate::program::{Server, call, free_port};

/// More than the vendor lets an app send in a second.
const BURST: usize = 300;

async fn statuses(server: &Server) -> BTreeSet<u16> {
    let info = server.info();
    let text = |place: &str| info.pointer(place).and_then(Value::as_str).unwrap().to_owned();
    let url = format!("{}/v1/projects/{}/messages:send", server.base_url, text("/sinch/project_id"));
    let pair = format!("{}:{}", text("/sinch/key_id"), text("/sinch/key_secret"));
    let basic = format!("Basic {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair));
    let app = text("/sinch/app_id");
    let mut sends = JoinSet::new();
    for n in 0..BURST {
        let body = format!(
            r#"{{"app_id":"{app}","message":{{"text_message":{{"text":"{n}"}}}},"recipient":{{"identified_by":
            {{"channel_identities":[{{"channel":"WHATSAPP","identity":"+4670777{n:04}7"}}]}}}}}}"#
        );
        let (url, basic) = (url.clone(), basic.clone());
        sends.spawn(async move {
            let headers = [("authorization", basic.as_str()), ("content-type", "application/json")];
            call(Method::POST, &url, &headers, Bytes::from(body)).await.unwrap().0
        });
    }
    sends.join_all().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_the_vendors_rates_only_when_asked() {
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    for (more, expected) in [(&[][..], vec![200]), (&["--vendor-limits"][..], vec![200, 429])] {
        let folder = TempFolder::new("vendor-limits");
        let server = Server::demo_told(folder.path(), free_port(), &providers.url(), more, &[]).await;
        assert_eq!(statuses(&server).await.into_iter().collect::<Vec<_>>(), expected, "{more:?}");
        server.kill();
    }
    providers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_moves_the_demos_tls_address_without_a_certificate() {
    let folder = TempFolder::new("demo-tls");
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let tls = format!("127.0.0.1:{}", free_port());
    let settings = [("TRUNKLINE_SERVER__TLS_LISTEN", tls.as_str())];
    let server = Server::demo_told(folder.path(), free_port(), &providers.url(), &[], &settings).await;
    let info = server.info();
    assert_eq!(info["tls_base_url"], format!("https://{tls}"));
    let account = info["liveperson"]["account_id"].as_str().unwrap();
    let url = format!("{}/api/account/{account}/service/sentinel/baseURI.json?version=1.0", server.base_url);
    let (_, named) = call(Method::GET, &url, &[], Bytes::new()).await.unwrap();
    assert_eq!(named["baseURI"], tls, "the request's host with the TLS port");
    server.kill();
    providers.shutdown().await;
}
