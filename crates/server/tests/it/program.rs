//! Starts the binary under test as a person would, waits until it serves, and kills only what it started.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use connector_api::{HttpOut as _, HttpRequest};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_out::{Client, Limits, Policy};
use serde_json::Value;

/// How long a start may take before the test gives up.
const START_S_MAX: u64 = 60;

/// A free port of this machine. Somebody else may take it meanwhile; then the start fails loudly.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The program under test with its arguments.
pub fn trunkline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A running demo server.
pub struct Server {
    child: Child,
    pub base_url: String,
    data: PathBuf,
}

impl Server {
    /// Starts a demo on a data folder and waits until it is ready and has written its keys.
    pub async fn demo(data: &Path, port: u16, sandbox: &str) -> Server {
        Server::demo_told(data, port, sandbox, &[], &[]).await
    }

    /// The same with more arguments, and settings in the environment.
    pub async fn demo_told(
        data: &Path,
        port: u16,
        sandbox: &str,
        more: &[&str],
        settings: &[(&str, &str)],
    ) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let log = std::fs::File::options().create(true).append(true).open(data.join("server.log")).unwrap();
        let child = trunkline(&["demo", "--listen", &listen, "--sandbox", sandbox, "--data"])
            .arg(data)
            .args(more)
            .envs(settings.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Server { child, base_url: format!("http://{listen}"), data: data.to_owned() };
        let until = tokio::time::Instant::now() + Duration::from_secs(START_S_MAX);
        while !server.is_ready().await {
            let log = || std::fs::read_to_string(data.join("server.log")).unwrap_or_default();
            assert!(server.child.try_wait().unwrap().is_none(), "the server ended: {}", log());
            assert!(tokio::time::Instant::now() < until, "the server did not start: {}", log());
            tokio::task::yield_now().await;
        }
        server
    }

    async fn is_ready(&self) -> bool {
        let ready = call(Method::GET, &format!("{}/readyz", self.base_url), &[], Bytes::new()).await;
        ready.is_some_and(|(status, _)| status == 200) && self.data.join("demo.json").exists()
    }

    /// Waits until the demo has played its conversation and only serves.
    pub async fn until_played(&self) {
        let until = tokio::time::Instant::now() + Duration::from_secs(START_S_MAX);
        let log = || std::fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        while !log().contains("Stop with Ctrl-C") {
            assert!(tokio::time::Instant::now() < until, "the demo did not play: {}", log());
            tokio::task::yield_now().await;
        }
    }

    /// What `demo.json` says.
    pub fn info(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data.join("demo.json")).unwrap()).unwrap()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; a test that fails must not leave it behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One request; `None` when no answer came.
pub async fn call(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
    body: Bytes,
) -> Option<(u16, Value)> {
    thread_local!(static CLIENT: Client =
        Client::new(Policy { allow: Vec::new(), allow_loopback: true }, Limits::default()));
    let client = CLIENT.with(Client::clone);
    let pairs = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    let headers: HeaderMap = pairs.collect();
    let url = url.to_owned();
    let (timeout_ms, answer_bytes_max) = (30_000, 64 * 1024 * 1024);
    let answer = client.call(HttpRequest { method, url, headers, body, timeout_ms, answer_bytes_max }).await;
    let answer = answer.ok()?;
    Some((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
}
