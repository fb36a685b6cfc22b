//! The edge of the one origin, from outside: error forms by path, and limits on time, size and number.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use testkit::TempFolder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::call;
use crate::served::{Served, rest};

/// A path of each face that takes POST, one that nobody knows, and where the form has its status.
const FACES: [(&str, &str, &str); 5] = [
    ("/api/account/70000001/consumer?v=1.0", "/api/account/70000001/nowhere", "/error/statusCode"),
    ("/oauth2/token", "/v2/projects/1/nowhere", "/error/code"),
    ("/api/v1/accounts/1/conversations/1/messages", "/api/v1/accounts/1/nowhere", "/status"),
    ("/trunkline/v1/events", "/trunkline/nowhere", "/error/code"),
    ("/nowhere", "/", "/error/status"),
];

fn shows(form: &Value, place: &str, status: u16, word: &str) -> bool {
    form.pointer(place).is_some_and(|found| *found == status || *found == word)
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_answer_in_the_form_of_their_face() {
    let folder = TempFolder::new("edge-paths");
    let served = Served::start(folder.path(), &[]).await;
    for (_, nowhere, place) in FACES {
        let (status, form) = call(Method::GET, &served.url(nowhere), &[], Bytes::new()).await.unwrap();
        assert_eq!(status, 404, "{nowhere}");
        assert!(shows(&form, place, 404, "no_such_path"), "{nowhere}: {form}");
    }
    // The agent API knows no 405: its framework has no route for the method.
    for ((known, _, place), status) in FACES.into_iter().zip([405, 405, 404, 405, 404]) {
        let (answered, form) = call(Method::PUT, &served.url(known), &[], Bytes::new()).await.unwrap();
        assert_eq!(answered, status, "{known}: {form}");
        assert!(shows(&form, place, status, "method_not_allowed"), "{known}: {form}");
    }
    let livez = served.raw(b"DELETE /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(livez.starts_with("HTTP/1.1 405") && livez.to_lowercase().contains("\r\nallow: get"), "{livez}");
    served.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing_in_the_form_of_its_face() {
    let folder = TempFolder::new("edge-text");
    let served = Served::start(folder.path(), &[]).await;
    let ids = [
        "/api/account/%e0/messaging/consumer/conversation?v=3",
        "/v1/projects/1/messages/%c3%28",
        "/api/v1/accounts/1/conversations/%ff",
        "/trunkline/v1/files/1/%e0",
        "/callbacks/%e0/1",
    ];
    for (path, (.., place)) in ids.into_iter().zip(FACES) {
        let (status, form) = call(Method::GET, &served.url(path), &[], Bytes::new()).await.unwrap();
        assert_eq!(status, 404, "{path}");
        assert!(shows(&form, place, 404, "no_such_path"), "{path}: {form}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_body_is_refused_from_one_byte_over_the_limit() {
    let folder = TempFolder::new("edge-bodies");
    let served = Served::start(folder.path(), &[("TRUNKLINE_LIMITS__BODY_BYTES_MAX", "5000")]).await;
    for (path, _, place) in FACES {
        let url = served.url(path);
        let post = |bytes: usize| call(Method::POST, &url, &[], Bytes::from(vec![b' '; bytes]));
        let (at_limit, _) = post(5_000).await.unwrap();
        assert_ne!(at_limit, 413, "{path}");
        let (status, form) = post(5_001).await.unwrap();
        assert_eq!(status, 413, "{path}: {form}");
        assert!(shows(&form, place, 413, "too_large"), "{path}: {form}");
    }
    // In pieces, the length is not known beforehand: 16 at a time, and the last makes it 5,008.
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let pieces = format!("10\r\n{}\r\n", " ".repeat(16)).repeat(313);
    let answer = served.raw(format!("{head}{pieces}0\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("INVALID_ARGUMENT"), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn headers_are_refused_over_their_limit() {
    let folder = TempFolder::new("edge-headers");
    let served = Served::start(folder.path(), &[("TRUNKLINE_LIMITS__HEADER_BYTES_MAX", "10000")]).await;
    let request = |bytes: usize| {
        let frame = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: \r\n\r\n";
        let long = "x".repeat(bytes - frame.len());
        frame.replace("x-long: ", &format!("x-long: {long}"))
    };
    let fits = served.raw(request(10_000).as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    for over in [10_001, 19_000] {
        let refused = served.raw(request(over).as_bytes()).await;
        assert!(refused.starts_with("HTTP/1.1 431"), "{over}: {refused}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_request_that_does_not_arrive_is_cut() {
    let folder = TempFolder::new("edge-slow");
    let settings = [("TRUNKLINE_SERVER__HEADER_TIMEOUT_S", "1"), ("TRUNKLINE_SERVER__BODY_TIMEOUT_S", "1")];
    let served = Served::start(folder.path(), &settings).await;
    // The end of the connection is what is waited for: without the limit it stays open.
    let headers = served.raw(b"GET /livez HTTP/1.1\r\nho").await;
    assert!(!headers.contains("200"), "{headers}");
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\ngra";
    let body = served.raw(head.as_bytes()).await;
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("DEADLINE_EXCEEDED"), "{body}");
    served.stop().await;
}

#[tokio::test]
async fn one_connection_more_than_the_limit_waits_for_a_place() {
    let folder = TempFolder::new("edge-connections");
    let served = Served::start(folder.path(), &[("TRUNKLINE_LIMITS__CONNECTIONS_MAX", "2")]).await;
    let ask = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect(ask).await;
        answered(&mut stream).await;
        open.push(stream);
    }
    let last = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let waiting = served.connect(last).await;
    open[0].write_all(ask).await.unwrap();
    answered(&mut open[0]).await;
    let nothing = waiting.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock, "there is no place for it yet");
    drop(open.pop());
    assert!(rest(waiting).await.starts_with("HTTP/1.1 200"));
    served.stop().await;
}

/// Reads one whole answer of `/livez`.
async fn answered(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"ok\n") {
        let mut piece = [0; 1_024];
        let bytes = stream.read(&mut piece).await.unwrap();
        assert_ne!(bytes, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..bytes]);
    }
}

#[tokio::test]
async fn the_operator_sees_health_and_metrics_on_an_address_of_their_own() {
    let folder = TempFolder::new("edge-operator");
    let served = Served::start(folder.path(), &[]).await;
    let (status, _) = call(Method::GET, &served.url("/metrics"), &[], Bytes::new()).await.unwrap();
    assert_eq!(status, 404, "metrics are not for the public address");
    for path in ["/livez", "/readyz"] {
        let url = format!("http://{}{path}", served.operator);
        assert_eq!(call(Method::GET, &url, &[], Bytes::new()).await.unwrap().0, 200, "{path}");
    }
    let mut stream = TcpStream::connect(served.operator).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let page = rest(stream).await;
    for line in [
        "# TYPE trunkline_http_requests_total counter",
        "trunkline_http_requests_total{face=\"none\",status=\"4xx\"} 1",
        "# TYPE trunkline_connections_open gauge",
        concat!("trunkline_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(page.contains(line), "{line} is missing in:\n{page}");
    }
    served.stop().await;
}
