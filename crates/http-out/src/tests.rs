//! The guard against literal addresses and lying name servers, and what a caller is told about bytes that left.
//! Real sockets on loopback; every server here is a few lines written for one case.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use connector_api::{HttpOut, HttpRequest, OutError};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Client, Limits, Policy, Resolve, Subnet};

struct Names(Vec<IpAddr>);

impl Resolve for Names {
    fn lookup(&self, _host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

fn request(url: &str) -> HttpRequest {
    HttpRequest {
        method: Method::POST,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        timeout_ms: 2_000,
        answer_bytes_max: 64,
    }
}

fn home() -> Client {
    Client::new(Policy { allow_loopback: true, ..Policy::default() }, Limits::default())
}

/// Serves one connection with a fixed answer; an empty one closes after reading.
async fn serve(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut read = [0; 4096];
            let _ = stream.read(&mut read).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[test]
fn only_the_public_internet_is_permitted() {
    let policy = Policy::default();
    for public in ["1.1.1.1", "93.184.216.34", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
    {
        assert!(policy.permits(public.parse().unwrap()), "{public}");
    }
    let private = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:1.1.1.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2002:7f00:1::1",
        "2001::1",
        "2001:db8::1",
    ];
    for address in private {
        assert!(!policy.permits(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn the_operator_opens_subnets_by_name() {
    let allow = vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()];
    let policy = Policy { allow, allow_loopback: false };
    assert!(policy.permits("10.1.255.1".parse().unwrap()));
    assert!(policy.permits("::ffff:10.1.0.1".parse().unwrap()));
    assert!(policy.permits("fd00:1::5".parse().unwrap()));
    assert!(!policy.permits("10.2.0.1".parse().unwrap()));
    assert!(!policy.permits("127.0.0.1".parse().unwrap()));
    for wrong in ["10.0.0.0/33", "ten", "10.0.0.0/", "fd00::/129", ""] {
        assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn odd_spellings_of_private_addresses_are_forbidden() {
    let client = Client::new(Policy::default(), Limits::default());
    let urls = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "http://user:password@1.1.1.1/",
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "not a url",
    ];
    for url in urls {
        let ended = client.call(request(url)).await;
        assert!(matches!(ended, Err(OutError::Forbidden(_))), "{url}: {ended:?}");
    }
}

#[tokio::test]
async fn a_name_that_points_inside_is_forbidden() {
    for address in ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:192.168.0.1"] {
        let names = Arc::new(Names(vec![address.parse().unwrap()]));
        let client = Client::with_resolver(Policy::default(), Limits::default(), names);
        for scheme in ["http", "https"] {
            let ended = client.call(request(&format!("{scheme}://callbacks.example/"))).await;
            assert!(matches!(ended, Err(OutError::Forbidden(_))), "{scheme} {address}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn of_mixed_addresses_only_the_permitted_is_connected_to() {
    let url = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let url = url.replace("127.0.0.1", "hook.example");
    let names = Names(vec!["10.255.255.1".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let client = Client::with_resolver(policy, Limits::default(), Arc::new(names));
    let answer = client.call(request(&url)).await.expect("the permitted one answers");
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hi"[..]));
}

#[tokio::test]
async fn a_closed_port_means_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    drop(listener);
    let ended = home().call(request(&url)).await;
    assert!(matches!(ended, Err(OutError::NotSent(_))), "{ended:?}");
    let secure = home().call(request(&serve("not tls").await.replace("http:", "https:"))).await;
    assert!(matches!(secure, Err(OutError::NotSent(_))), "{secure:?}");
}

#[tokio::test]
async fn a_connection_dropped_after_reading_is_no_answer() {
    let ended = home().call(request(&serve("").await)).await;
    assert!(matches!(ended, Err(OutError::NoAnswer(_))), "{ended:?}");
}

#[tokio::test]
async fn a_silent_server_is_no_answer_at_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let ended = home().call(HttpRequest { timeout_ms: 50, ..request(&url) }).await;
    assert!(matches!(ended, Err(OutError::NoAnswer(_))), "{ended:?}");
}

#[tokio::test]
async fn no_request_outlasts_the_clients_own_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let limits = Limits { request_timeout_ms_max: 50, ..Limits::default() };
    let client = Client::new(Policy { allow_loopback: true, ..Policy::default() }, limits);
    let ended = client.call(HttpRequest { timeout_ms: u64::MAX, ..request(&url) }).await;
    assert!(matches!(ended, Err(OutError::NoAnswer(_))), "{ended:?}");
}

#[tokio::test]
async fn the_answer_has_a_size_limit() {
    let url = serve("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef").await;
    let at_limit = home().call(HttpRequest { answer_bytes_max: 6, ..request(&url) }).await;
    assert!(at_limit.is_ok(), "{at_limit:?}");
    let over = home().call(HttpRequest { answer_bytes_max: 5, ..request(&url) }).await;
    assert_eq!(over.err(), Some(OutError::TooLong));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let url = serve("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let answer = home().call(request(&url)).await.expect("the redirect itself is the answer");
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn a_pooled_connection_that_closed_is_replaced() {
    let url = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let client = home();
    for _ in 0..5 {
        assert_eq!(client.call(request(&url)).await.map(|answer| answer.status), Ok(200));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[test]
fn secrets_of_a_request_are_not_in_its_debug_form() {
    let mut request = request("https://api.example/botSECRET/sendMessage?key=SECRET");
    request.headers.insert("authorization", HeaderValue::from_static("Bearer SECRET"));
    request.body = Bytes::from_static(b"SECRET");
    assert!(!format!("{request:?}").contains("SECRET"));
}
