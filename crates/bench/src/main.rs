//! `make bench`: accepted messages per second through the business API with every sync on, beside a bare axum server
//! that parses the same body, in one run on one machine.
//!
//! The generator keeps 64 connections busy with one request each (closed loop): it says what a saturated server
//! does, not what an unsaturated one would. Bounded in count and time; it talks to loopback alone.

mod bare;
mod generator;
mod server;

use std::time::Duration;

use generator::{Load, Report};
use server::Server;

/// Connections, each with one request under way.
const CONNECTIONS: usize = 64;
/// How long each load runs.
const SECONDS: u64 = 10;
/// How long before measuring.
const WARM_UP_SECONDS: u64 = 2;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let binary = std::env::args().nth(1).unwrap_or_else(|| "target/release/trunkline".to_owned());
    if std::env::args().nth(2).as_deref() == Some("bare") {
        return bare::serve().await;
    }
    let bare = Server::bare().await?;
    let ceiling = measure(&bare.load()).await?;
    let bare_rss = bare.rss_mb();
    drop(bare);
    let trunkline = Server::trunkline(&binary).await?;
    let (ready_ms, idle_mb) = (trunkline.ready_ms, trunkline.rss_mb());
    let accepted = measure(&trunkline.load()).await?;
    let loaded_mb = trunkline.rss_mb();
    drop(trunkline);
    let ratio = accepted.per_second / ceiling.per_second;
    print(&format!(
        "conditions: {CONNECTIONS} connections, closed loop, {SECONDS} s after {WARM_UP_SECONDS} s, generator on the same cores"
    ));
    print(&format!("bare axum:      {ceiling}, {bare_rss} MB"));
    print(&format!("messages:send:  {accepted}, {ratio:.2} of bare axum"));
    print(&format!(
        "trunkline:      ready after {ready_ms} ms, {idle_mb} MB idle, {loaded_mb} MB after the load"
    ));
    Ok(())
}

async fn measure(load: &Load) -> anyhow::Result<Report> {
    generator::run(load, CONNECTIONS, Duration::from_secs(WARM_UP_SECONDS)).await?;
    generator::run(load, CONNECTIONS, Duration::from_secs(SECONDS)).await
}

fn print(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stdout(), "{line}"));
}
