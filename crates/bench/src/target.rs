//! The processes under load: the bare server, the sandbox, and Trunkline, each ending with its value.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use crate::demo::{Demo, LONG, SILENT, body};
use crate::figures::Used;
use crate::process::{Process, START_MAX, free_address, ready};
use crate::wire::{Connection, Load};

/// The ceiling.
pub struct Bare {
    process: Process,
    address: String,
}

impl Bare {
    pub async fn start() -> anyhow::Result<Bare> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = Process::start(command.arg("--bare").stdout(Stdio::piped()))?;
        let out = process.stdout()?;
        let address = BufReader::new(out).lines().next_line().await?.context("no address")?;
        Ok(Bare { process, address })
    }

    pub fn load(&self) -> Load {
        let template = body("app", "WHATSAPP", SILENT, LONG);
        Load {
            address: self.address.clone(),
            path: "/send".to_owned(),
            authorization: "none".to_owned(),
            template: Some(template),
        }
    }

    pub fn used(&self) -> Used {
        self.process.used()
    }
}

/// Trunkline beside a sandbox of its own process, on a data folder of its own.
pub struct Target {
    binary: PathBuf,
    data: PathBuf,
    pub sandbox_address: String,
    sandbox: Process,
    server: Process,
    /// How to talk to it.
    pub demo: Demo,
    /// From the start of the process to the first 200 of `/readyz`.
    pub ready: Duration,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.server.end();
        // What cannot be removed stays in the system's folder for temporary files.
        drop(std::fs::remove_dir_all(&self.data));
    }
}

impl Target {
    /// An empty server, ready.
    pub async fn start(binary: &str) -> anyhow::Result<Target> {
        let data = std::env::temp_dir().join(format!("trunkline-bench-{}", std::process::id()));
        std::fs::create_dir_all(&data)?;
        let binary = PathBuf::from(binary);
        let (address, sandbox_address) = (free_address()?, free_address()?);
        let mut command = Command::new(&binary);
        let sandbox =
            Process::start(command.args(["sandbox", "--listen", &sandbox_address]).stdout(Stdio::null()))?;
        ready(&sandbox_address, "/about").await?;
        let (server, ready) = launch(&binary, &data, (&address, &sandbox_address), &[]).await?;
        let demo = Demo::read(&data, &address).await?;
        let target = Target { binary, data, sandbox_address, sandbox, server, demo, ready };
        target.demo.unsubscribe().await?;
        Ok(target)
    }

    /// Kills the server and starts it again on its data, with these settings in its environment; the sandbox goes on.
    pub async fn restart(&mut self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.server.kill().await?;
        let addresses = (self.demo.address.as_str(), self.sandbox_address.as_str());
        (self.server, self.ready) = launch(&self.binary, &self.data, addresses, settings).await?;
        self.demo.unsubscribe().await
    }

    /// Ends both processes, and leaves the folder and how to talk to whoever serves it next.
    pub async fn end(mut self) -> anyhow::Result<(PathBuf, Demo)> {
        self.server.kill().await?;
        self.sandbox.kill().await?;
        let demo = Demo::read(&self.data, &self.demo.address).await?;
        // Nothing is left to be removed.
        Ok((std::mem::take(&mut self.data), demo))
    }

    pub fn used(&self) -> Used {
        self.server.used()
    }

    /// How many send requests the provider has read.
    pub async fn read_by_provider(&self, after: usize) -> anyhow::Result<Vec<Arrival>> {
        let mut connection = Connection::open(&self.sandbox_address).await?;
        let mut arrivals = Vec::new();
        loop {
            let path = format!("/ledger?limit=10000&after={}", after + arrivals.len());
            let rows = connection.get(&path, "none").await?;
            let rows = rows.as_array().context("the ledger is no list")?;
            if rows.is_empty() {
                return Ok(arrivals);
            }
            arrivals.extend(rows.iter().map(|row| Arrival {
                number: row["text"].as_str().and_then(|text| text.split(' ').next()?.parse().ok()),
                at: SystemTime::UNIX_EPOCH
                    + Duration::from_millis(row["received_at_ms"].as_u64().unwrap_or_default()),
            }));
        }
    }
}

/// A send request that the provider read.
pub struct Arrival {
    /// The number at the head of its text.
    pub number: Option<usize>,
    pub at: SystemTime,
}

async fn launch(
    binary: &PathBuf,
    data: &PathBuf,
    (address, sandbox): (&str, &str),
    settings: &[(&str, &str)],
) -> anyhow::Result<(Process, Duration)> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(["demo", "--listen", address, "--sandbox", &format!("http://{sandbox}"), "--data"]);
    command.arg(data).envs(settings.iter().copied());
    let mut server = Process::start(command.stdout(Stdio::piped()))?;
    ready(address, "/readyz").await?;
    let took = started.elapsed();
    played(&mut server).await?;
    Ok((server, took))
}

/// Waits until the demo's own conversation is played: it would be measured with the load.
async fn played(server: &mut Process) -> anyhow::Result<()> {
    let mut lines = BufReader::new(server.stdout()?).lines();
    let heard = async {
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("Trunkline serves at") {
                return Ok(());
            }
        }
        bail!("the server ended before its demo was played")
    };
    tokio::time::timeout(START_MAX, heard).await.context("the demo does not end")??;
    // The rest is read too, so that the server never waits for its output.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(())
}
