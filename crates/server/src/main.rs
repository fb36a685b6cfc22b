//! The `trunkline` program: reads the command line and the configuration, and wires the rooms together.
//!
//! Nothing here is worth a unit test: what decides anything lives in a room of its own.

mod administration;
mod backup;
mod clock;
mod data;
mod demo;
mod edge;
mod listen;
mod node;
mod operator;
mod random;
mod routes;
mod stop;
mod wiring;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use cli::{AdminAnswer, Arguments, Command, Printing};
use config::Config;
use tracing_subscriber::EnvFilter;

use backup::Delivery;
use node::Node;
use stop::Stop;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// For files to be closed in order; a start makes up for what this leaves.
const CLOSING: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::anyhow!("the runtime cannot start: {error}")),
    };
    let ended = runtime.block_on(run(arguments.command)).unwrap_or_else(|error| complain(&error));
    // Work that a stop left open is durable; threads that still do it must not hold the process.
    runtime.shutdown_timeout(CLOSING);
    ended
}

fn complain(error: &anyhow::Error) -> ExitCode {
    tell_error(&format!("trunkline: {error:#}"));
    ExitCode::FAILURE
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { config } => return serve(configuration(config.as_deref())?).await,
        Command::Demo(arguments) => {
            let config = told(config::load_over(demo::defaults(&arguments), None))?;
            log(&config.log)?;
            return demo::run(config, arguments).await;
        }
        Command::Sandbox { listen, ledger, strict_windows } => {
            sandbox(listen, ledger, strict_windows).await?;
        }
        Command::Check { config } => {
            let config = configuration(config.as_deref())?;
            filter(&config.log)?;
            if let Some((certificate, key)) = config.server.tls_certificate.zip(config.server.tls_key) {
                listen::tls(&certificate, &key)?;
            }
            say("The configuration is complete and makes sense.");
        }
        Command::Restore { from, resume_delivery, printing } => {
            let store = settings(&printing)?.store;
            let delivery = if resume_delivery { Delivery::GoesOn } else { Delivery::Paused };
            let backup = backup::restore(&from, &store.data, store.vault_key_file.as_deref(), delivery)?;
            let paused = delivery == Delivery::Paused;
            say(&cli::print(&AdminAnswer::Restored { backup, paused }, &printing));
        }
        other => {
            let (request, printing) = cli::request(other).context("that is no command of administration")?;
            let config = settings(&printing)?;
            let data = config.store.data.clone();
            let answer = administration::carry_out(config, &data, request).await?;
            say(&cli::print(&answer, &printing));
            if matches!(answer, AdminAnswer::Refused { .. }) {
                bail!("nothing was changed");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn configuration(file: Option<&Path>) -> anyhow::Result<Config> {
    told(config::load(file))
}

/// The configuration of the server that a command is about.
fn settings(printing: &Printing) -> anyhow::Result<Config> {
    let mut config = configuration(printing.config.as_deref())?;
    if let Some(data) = &printing.data {
        config.store.data.clone_from(data);
    }
    Ok(config)
}

fn told(loaded: Result<Config, Vec<String>>) -> anyhow::Result<Config> {
    match loaded {
        Ok(config) => Ok(config),
        Err(problems) => bail!("the configuration has problems:\n  - {}", problems.join("\n  - ")),
    }
}

fn filter(log: &config::Log) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(&log.filter).context("log.filter cannot be understood")
}

fn log(log: &config::Log) -> anyhow::Result<()> {
    let config::Log { filter: _, json } = log;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter(log)?).with_writer(std::io::stderr);
    if *json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    log(&config.log)?;
    let mut stop = Stop::listen()?;
    let node = Node::start(config).await?;
    tracing::info!(address = %node.address, "serving");
    stop.asked_of(&node.engine).await?;
    tracing::info!("stopping: open requests, attempts and callbacks finish first");
    Ok(stop.finish(node.shutdown()).await)
}

async fn sandbox(
    listen: Option<SocketAddr>,
    ledger: Option<PathBuf>,
    strict_windows: bool,
) -> anyhow::Result<()> {
    let defaults = sandbox::Settings::default();
    let http_listen = listen.unwrap_or(defaults.http_listen);
    let settings = sandbox::Settings { http_listen, ledger, strict_windows, ..defaults };
    let mut stop = Stop::listen()?;
    let running = sandbox::Sandbox::start(settings).await?;
    say(&format!(
        "The sandbox plays providers at {} and an SMSC at {}. Stop with Ctrl-C.",
        running.url(),
        running.smpp_addr
    ));
    stop.asked().await;
    stop.finish(running.shutdown()).await;
    Ok(())
}

/// A line for the person at the terminal.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to stop.
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn tell_error(line: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{line}"));
}
