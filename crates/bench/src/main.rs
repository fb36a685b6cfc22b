//! `make bench`: what a send costs its caller, the machine and its neighbours, with every sync on, beside a bare axum
//! server that parses the same body, in one run on one machine.
//!
//! Generator, sandbox, webhook receiver and server share the machine's cores; the ledger is kept outside the server.
//! Bounded in count and time; it talks to loopback alone.

mod bare;
mod closed;
mod course;
mod demo;
mod figures;
mod held;
mod kannel;
mod open;
mod process;
mod sections;
mod sink;
mod target;
mod wire;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use course::Course;
use held::Held;
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
    /// Messages to store first, where lists or a start with many are measured.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// Sections to measure, all of them unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Section>,
    /// Serves the bare axum server instead of measuring.
    #[arg(long, hide = true)]
    bare: bool,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(Arguments::parse()))
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// `messages:send` saturated, handed over as it goes. `calm` and `lists` need its rate, and bring it along.
    Accept,
    /// Waiting times at parts of that rate.
    Calm,
    /// A tenant beside one that floods.
    Fairness,
    /// Lists, memory and a start with many messages stored.
    Stored,
    /// Lists with many messages stored while sends go on.
    Lists,
    /// Accepted to the last callback, over HTTP: saturated, and from a receipt to its callback at parts of that rate.
    Journeys,
    /// Accepted to the last callback through a message center, beside Kannel.
    Kannel,
    /// `messages:send` saturated while no provider is there.
    AcceptOnly,
    /// A start with 100,000 jobs open.
    Jobs,
}

impl Arguments {
    fn wants(&self, sections: &[Section]) -> bool {
        self.only.is_empty() || sections.iter().any(|section| self.only.contains(section))
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    use Section::{AcceptOnly, Jobs};
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
    let mut target = Target::start(&arguments.binary).await?;
    let (ready_ms, idle_mb) = (target.ready.as_millis(), target.used().resident_mb);
    print(&format!("trunkline              ready after {ready_ms} ms, {idle_mb} MB idle"));
    let mut course = Course::default();
    with_providers(&mut target, &arguments, &mut course).await?;
    if arguments.wants(&[AcceptOnly, Jobs]) {
        let mut held = Held::over(target, &arguments.binary).await?;
        if arguments.wants(&[AcceptOnly]) {
            sections::held::accept_only(&held, time, &mut course).await?;
        }
        if arguments.wants(&[Jobs]) {
            sections::held::open_jobs(&mut held, &mut course).await?;
        }
    }
    Ok(())
}

/// Everything that hands over to the sandbox.
async fn with_providers(
    target: &mut Target,
    arguments: &Arguments,
    course: &mut Course,
) -> anyhow::Result<()> {
    use Section::{Accept, Calm, Fairness, Journeys, Kannel, Lists, Stored};
    let (time, mut rate) = (Duration::from_secs(arguments.seconds), 0.0);
    if arguments.wants(&[Stored, Lists]) {
        sections::fill(target, arguments.messages, course).await?;
    }
    if arguments.wants(&[Accept, Calm, Lists]) {
        rate = sections::accept(target, time, course).await?;
    }
    if arguments.wants(&[Calm]) {
        sections::waits::steps(target, time, rate, course).await?;
    }
    if arguments.wants(&[Lists]) {
        sections::lists::under_load(target, time, rate, course).await?;
    }
    if arguments.wants(&[Fairness]) {
        sections::fairness(target, time, course).await?;
    }
    if arguments.wants(&[Stored]) {
        sections::stored(target, course).await?;
    }
    if arguments.wants(&[Journeys]) {
        sections::journeys(target, time, course).await?;
    }
    if arguments.wants(&[Kannel]) {
        sections::kannel::beside_kannel(target, time, course).await?;
    }
    Ok(())
}

fn print(line: &str) {
    use std::io::Write as _;
    // Nobody is left to tell when the output is gone.
    drop(writeln!(std::io::stdout(), "{line}"));
}
