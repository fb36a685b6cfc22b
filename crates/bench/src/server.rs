//! The servers under load, each a process of its own that ends with the value.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::generator::Load;

/// How long a start may take.
const START_MAX: Duration = Duration::from_mins(1);

/// A running server.
pub struct Server {
    child: Child,
    load: Load,
    pub ready_ms: u128,
    data: Option<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.start_kill());
        if let Some(data) = &self.data {
            drop(std::fs::remove_dir_all(data));
        }
    }
}

impl Server {
    /// The ceiling.
    pub async fn bare() -> anyhow::Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["-", "bare"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("no output")?;
        let address = BufReader::new(out).lines().next_line().await?.context("no address")?;
        let load = Load {
            address,
            path: "/send".to_owned(),
            authorization: "none".to_owned(),
            template: body("app"),
        };
        Ok(Server { child, load, ready_ms: 0, data: None })
    }

    /// The demo server on an empty folder; its channel never reports for these recipients.
    pub async fn trunkline(binary: &str) -> anyhow::Result<Server> {
        let data = std::env::temp_dir().join(format!("trunkline-bench-{}", std::process::id()));
        std::fs::create_dir_all(&data)?;
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let started = Instant::now();
        let child = Command::new(binary)
            .args(["demo", "--listen", &address, "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{binary} cannot be started; run make build first"))?;
        while TcpStream::connect(&address).await.is_err() {
            if started.elapsed() > START_MAX {
                bail!("the server did not start");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ready_ms = started.elapsed().as_millis();
        let info = info(&data, started).await?;
        let sinch = &info["sinch"];
        let text = |name: &str| sinch[name].as_str().unwrap_or_default().to_owned();
        let load = Load {
            address,
            path: format!("/v1/projects/{}/messages:send", text("project_id")),
            authorization: format!(
                "Basic {}",
                STANDARD.encode(format!("{}:{}", text("key_id"), text("key_secret")))
            ),
            template: body(&text("app_id")),
        };
        Ok(Server { child, load, ready_ms, data: Some(data) })
    }

    /// What to send.
    pub fn load(&self) -> Load {
        self.load.clone()
    }

    /// Resident memory in MB; 0 where the system does not tell.
    pub fn rss_mb(&self) -> u64 {
        let status = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/status")));
        let status = status.and_then(Result::ok).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next())
            .and_then(|kb| kb.parse::<u64>().ok())
            .unwrap_or(0)
            / 1024
    }
}

async fn info(data: &std::path::Path, started: Instant) -> anyhow::Result<Value> {
    loop {
        if let Ok(bytes) = std::fs::read(data.join("demo.json")) {
            return Ok(serde_json::from_slice(&bytes)?);
        }
        if started.elapsed() > START_MAX {
            bail!("the server wrote no demo.json");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// About 600 bytes, to a recipient for whom the sandbox accepts and never reports.
fn body(app: &str) -> String {
    let text = "Your parcel waits at the locker on the corner of the market square. ".repeat(4);
    json!({"app_id": app,
        "recipient": {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": "+46%0005"}]}},
        "message": {"text_message": {"text": text.trim()}},
        "message_metadata": "campaign-7", "ttl": "86400s"})
    .to_string()
}
