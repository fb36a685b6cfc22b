//! The `trunkline` program: reads the command line and the configuration, and wires the rooms together.
//!
//! Nothing here is worth a unit test: what decides anything lives in a room of its own.

mod clock;
mod data;
mod demo;
mod listen;
mod node;
mod random;
mod routes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use cli::{AdminAnswer, AdminRequest, Arguments, Command};
use config::Config;
use tracing_subscriber::EnvFilter;

use data::DataFolder;
use node::{Extras, Node};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::anyhow!("the runtime cannot start: {error}")),
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    tell_error(&format!("trunkline: {error:#}"));
    ExitCode::FAILURE
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { config } => serve(configuration(config.as_deref())?).await,
        Command::Demo(arguments) => {
            let config = told(config::load_over(demo::defaults(), None))?;
            log(&config)?;
            demo::run(
                config,
                demo::Options {
                    data: arguments.data,
                    listen: arguments.listen,
                    tls_listen: arguments.tls_listen,
                    once: arguments.once,
                    sandbox: arguments.sandbox,
                    vendor_limits: arguments.vendor_limits,
                },
            )
            .await
        }
        Command::Sandbox { listen, ledger, strict_windows } => sandbox(listen, ledger, strict_windows).await,
        Command::Check { config } => {
            configuration(config.as_deref())?;
            say("The configuration is complete and makes sense.");
            Ok(())
        }
        other => {
            let (request, printing) = cli::request(other).context("that is no command of administration")?;
            let config = configuration(printing.config.as_deref())?;
            let data = printing.data.clone().unwrap_or_else(|| config.store.data.clone());
            let answer = administer(config, &data, request).await?;
            say(&cli::print(&answer, &printing));
            if matches!(answer, AdminAnswer::Refused { .. }) { bail!("nothing was changed") } else { Ok(()) }
        }
    }
}

fn configuration(file: Option<&Path>) -> anyhow::Result<Config> {
    told(config::load(file))
}

fn told(loaded: Result<Config, Vec<String>>) -> anyhow::Result<Config> {
    match loaded {
        Ok(config) => Ok(config),
        Err(problems) => bail!("the configuration has problems:\n  - {}", problems.join("\n  - ")),
    }
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter).context("log.filter cannot be understood")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if config.log.json {
        subscriber.json().init()
    } else {
        subscriber.init()
    }
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    log(&config)?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let node = Node::start(&config, Extras { certificate: None, vendor_limits: true }).await?;
    if let Some(listen) = config.server.operator_listen {
        let listener = tokio::net::TcpListener::bind(listen).await.context("operator_listen")?;
        let page = axum::routing::get(move || std::future::ready(metrics.render()));
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/metrics", page)).await });
    }
    tracing::info!(address = %node.address, "serving");
    until_stopped().await;
    tracing::info!("stopping: open requests, attempts and callbacks finish first");
    node.shutdown().await;
    Ok(())
}

async fn sandbox(
    listen: Option<SocketAddr>,
    ledger: Option<PathBuf>,
    strict_windows: bool,
) -> anyhow::Result<()> {
    let defaults = sandbox::Settings::default();
    let http_listen = listen.unwrap_or(defaults.http_listen);
    let settings = sandbox::Settings { http_listen, ledger, strict_windows, ..defaults };
    let running = sandbox::Sandbox::start(settings).await?;
    say(&format!(
        "The sandbox plays providers at {} and an SMSC at {}. Stop with Ctrl-C.",
        running.url(),
        running.smpp_addr
    ));
    until_stopped().await;
    running.shutdown().await;
    Ok(())
}

/// Asks the running server, or takes the folder's lock when it is down.
async fn administer(mut config: Config, data: &Path, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    match cli::call_socket(&data::socket(data), request.clone()).await {
        Ok(answer) => return Ok(answer),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) => {}
        Err(error) => return Err(error).context("the running server does not answer"),
    }
    config.store.data = data.to_owned();
    let folder = DataFolder::lock(data)?;
    let engine = node::engine(&config, &folder, "http://127.0.0.1").await?;
    let answer = cli::administer(&engine, request).await;
    engine.shutdown().await;
    Ok(answer)
}

/// Returns at Ctrl-C or a polite request of the system.
async fn until_stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
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
