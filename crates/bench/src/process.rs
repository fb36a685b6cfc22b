//! Processes that the bench starts, each ending with its value, and waiting for what they serve.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

use crate::figures::Used;
use crate::wire::Connection;

/// How long a start may take.
pub const START_MAX: Duration = Duration::from_mins(1);
/// How often a starting server is asked whether it is ready.
pub const READY_STEP: Duration = Duration::from_millis(5);

/// A process that is killed with its value.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Process {
    pub fn start(command: &mut Command) -> anyhow::Result<Process> {
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        child.map(Process).with_context(|| format!("{command:?} cannot be started; run make build first"))
    }

    pub fn used(&self) -> Used {
        self.0.id().map(Used::by).unwrap_or_default()
    }

    /// What it prints, if that was asked for and not taken before.
    pub fn stdout(&mut self) -> anyhow::Result<ChildStdout> {
        self.0.stdout.take().context("no output")
    }

    /// Kills it.
    pub fn end(&mut self) {
        // It may have ended already.
        drop(self.0.start_kill());
    }

    /// Kills it and waits for its end.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }
}

/// An address that nobody listens at now.
pub fn free_address() -> anyhow::Result<String> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

/// Waits until `path` is answered with 200.
pub async fn ready(address: &str, path: &str) -> anyhow::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
    let until = Instant::now() + START_MAX;
    while Instant::now() < until {
        if let Ok(mut connection) = Connection::open(address).await
            && matches!(connection.call(request.as_bytes()).await, Ok((200, _)))
        {
            return Ok(());
        }
        tokio::time::sleep(READY_STEP).await;
    }
    bail!("nothing is ready at {address}{path}");
}
