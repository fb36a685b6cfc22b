//! The administration socket: who gets in, how much may be said, and what callers see when nobody serves.
//! Each test has a folder of its own.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cli::{AdminAnswer, AdminRequest, AdminSocket, administer, call_socket};
use testkit::TempFolder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::house::engine;

async fn served(path: &Path) -> tokio::task::JoinHandle<()> {
    let (engine, socket) = (engine().await, AdminSocket::open(path).unwrap());
    let answer = move |request| {
        let engine = engine.clone();
        async move { administer(&engine, request).await }
    };
    tokio::spawn(socket.serve(answer))
}

async fn raw(path: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    // The server stops reading at its limit, so the rest may not get through.
    drop(stream.write_all(bytes).await);
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer).await);
    answer
}

#[tokio::test]
async fn a_request_goes_through_and_only_the_owner_may_ask() {
    let folder = TempFolder::new("cli-socket");
    let path = folder.path().join("admin.sock");
    let server = served(&path).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let created = call_socket(&path, AdminRequest::CreateTenant { name: "one".to_owned() }).await.unwrap();
    let listed = call_socket(&path, AdminRequest::ListTenants {}).await.unwrap();
    assert_eq!(created, listed);
    let none = call_socket(&path, AdminRequest::ShowTenant { tenant: "x".to_owned() }).await.unwrap();
    assert!(matches!(none, AdminAnswer::Refused { .. }));
    server.abort();
}

#[tokio::test]
async fn nonsense_and_endless_lines_are_refused() {
    let folder = TempFolder::new("cli-socket-limits");
    let path = folder.path().join("admin.sock");
    let server = served(&path).await;
    assert!(raw(&path, b"{\"request\":\"fly\"}\n").await.contains("does not know this request"));
    let mut fits = vec![b' '; (256 << 10) - 1];
    fits.push(b'\n');
    assert!(raw(&path, &fits).await.contains("does not know this request"));
    let over = vec![b' '; (256 << 10) + 1];
    assert!(raw(&path, &over).await.contains("one line of at most"));
    server.abort();
}

#[tokio::test]
async fn a_server_that_is_down_is_told_from_one_that_refuses() {
    let folder = TempFolder::new("cli-socket-down");
    let path = folder.path().join("admin.sock");
    let absent = call_socket(&path, AdminRequest::ListTenants {}).await.unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
    let server = served(&path).await;
    server.abort();
    drop(server.await);
    let stale = call_socket(&path, AdminRequest::ListTenants {}).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::ConnectionRefused);
    served(&path).await.abort();
}
