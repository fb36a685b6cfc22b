//! `make bench`: what a send costs its caller, the machine and its neighbours, with every sync on, beside a bare axum
//! server that parses the same body, in one run on one machine.
//!
//! Generator, sandbox, webhook receiver and server share the machine's cores; the ledger is kept outside the server.
//! Bounded in count and time; it talks to loopback alone.

mod bare;
mod closed;
mod figures;
mod open;
mod sections;
mod sink;
mod target;
mod wire;

use std::time::Duration;

use clap::Parser;
use sections::Course;
use target::Target;

/// Measures a Trunkline binary.
#[derive(Parser)]
struct Arguments {
    /// The program to measure.
    #[arg(long, default_value = "target/release/trunkline")]
    binary: String,
    /// Seconds that each load runs.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Messages to store before lists and restart are measured.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// Serves the bare axum server instead of measuring.
    #[arg(long, hide = true)]
    bare: bool,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(Arguments::parse()))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.bare {
        return bare::serve().await;
    }
    let time = Duration::from_secs(arguments.seconds);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    print(&format!(
        "conditions: {cores} cores shared by generator, sandbox and server; {} connections; {} s a load; sync on",
        closed::CONNECTIONS,
        arguments.seconds
    ));
    let ceiling = sections::ceiling(time).await?;
    let mut target = Target::start(&arguments.binary).await?;
    print(&format!(
        "trunkline              ready after {} ms, {} MB idle",
        target.ready.as_millis(),
        target.used().resident_mb
    ));
    let mut course = Course::default();
    let rate = sections::accept(&target, time, ceiling, &mut course).await?;
    sections::calm(&target, time, rate, &mut course).await?;
    sections::fairness(&target, time, &mut course).await?;
    sections::stored(&mut target, arguments.messages, &mut course).await?;
    sections::journeys(&target, time, &mut course).await
}

fn print(line: &str) {
    use std::io::Write as _;
    // Nobody is left to tell when the output is gone.
    drop(writeln!(std::io::stdout(), "{line}"));
}
