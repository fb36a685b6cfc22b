//! The house tools: `cargo xtask <command>`, reached through `make`.
//!
//! Commands here build, check and test the workspace; none of them is part of the product. They run from any
//! folder of the repository and need nothing beyond the Rust toolchain, save where a step says what it wants.

mod commands;
mod fuzz;
mod steps;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context as _;

const USAGE: &str = "usage: cargo xtask <command>
  tidy         house rules: arrows between crates, sizes, headers, words, licences
  lint         format, clippy, tidy (and cargo deny where it is installed)
  test         lint, build, all tests, the foreign clients; with CI=1 a skip is a failure
  bench [..]   the load generator against the budgets
  crash [N]    kills a busy server N times (20) and compares ledgers
  soak [N [FROM]]  plays N seeds (1000) of the simulation, from a seed (1000) on
  fuzz [SECONDS]   runs each fuzz target for so long (60)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match arguments.as_slice() {
        ["tidy"] => commands::tidy(&root),
        ["lint"] => commands::lint(&root),
        ["test"] => commands::test(&root),
        ["bench", rest @ ..] => commands::bench(&root, rest),
        ["crash"] => commands::crash(&root, "20"),
        ["crash", rounds] => commands::crash(&root, rounds),
        ["soak"] => commands::soak(&root, "1000", "1000"),
        ["soak", seeds] => commands::soak(&root, seeds, "1000"),
        ["soak", seeds, from] => commands::soak(&root, seeds, from),
        ["fuzz"] => fuzz::run(&root, "60"),
        ["fuzz", seconds] => fuzz::run(&root, seconds),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The platform that the compiler builds for here.
fn host() -> anyhow::Result<String> {
    let version = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

/// The workspace folder, known since this crate was compiled from inside it.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies inside the workspace").to_path_buf()
}
