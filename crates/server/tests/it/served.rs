//! `trunkline serve` on a folder of its own: started with settings from the environment, administered by its own
//! commands, stopped by signals as an operator would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::{call, free_port, trunkline};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `found` gives something.
pub async fn wait<T, F: Future<Output = Option<T>>>(what: &str, mut found: impl FnMut() -> F) -> T {
    let search = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, search).await {
        Ok(found) => found,
        Err(error) => panic!("in vain: {what}: {error}"),
    }
}

/// A running server.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    pub operator: SocketAddr,
    log: PathBuf,
}

impl Served {
    /// Starts on a folder and waits until it is ready.
    pub async fn start(data: &Path, settings: &[(&str, &str)]) -> Served {
        let mut command = trunkline(&["serve"]);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let operator = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let log = data.join("server.log");
        let output = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        command
            .env("TRUNKLINE_STORE__DATA", data)
            .env("TRUNKLINE_SERVER__LISTEN", address.to_string())
            .env("TRUNKLINE_SERVER__OPERATOR_LISTEN", operator.to_string())
            .env("TRUNKLINE_HTTP_OUT__PROVIDERS_ALLOW_LOOPBACK", "true")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(output);
        let mut served = Served { child: command.spawn().unwrap(), address, operator, log };
        let until = tokio::time::Instant::now() + PATIENCE;
        while !served.is_ready().await {
            assert!(served.child.try_wait().unwrap().is_none(), "the server ended: {}", served.log());
            assert!(tokio::time::Instant::now() < until, "the server did not start: {}", served.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        served
    }

    /// What the server said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asked on the operator's address, so that the public one has no connection yet.
    async fn is_ready(&self) -> bool {
        let url = format!("http://{}/readyz", self.operator);
        call(Method::GET, &url, &[], Bytes::new()).await.is_some_and(|(status, _)| status == 200)
    }

    /// A connection with these bytes written.
    pub async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Writes a request and reads until the server closes.
    pub async fn raw(&self, request: &[u8]) -> String {
        rest(self.connect(request).await).await
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent =
            std::process::Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end of the process.
    pub async fn ended(mut self) -> ExitStatus {
        wait("the end of the server", || std::future::ready(self.child.try_wait().unwrap())).await
    }

    /// Stops it politely.
    pub async fn stop(self) {
        self.signal("TERM");
        let log = self.log.clone();
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

/// Everything until the other side closes.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset after the answer is an end as well.
    drop(read.unwrap_or_else(|_| panic!("the connection stayed open")));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs a command on a data folder.
pub fn run(data: &Path, arguments: &[&str]) -> Output {
    trunkline(arguments).arg("--data").arg(data).output().unwrap()
}

/// Runs a command of administration and reads its JSON answer.
pub fn administer(data: &Path, arguments: &[&str]) -> Value {
    let output = run(data, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
