//! The commands as lists of steps.
//!
//! Everything is built with the release profile and one set of features, so that clippy's build scripts, the
//! tests, the binary and the benchmarks share what they can.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::steps::Steps;
use crate::tidy;

/// Seeds that one soak may play; they take about an hour on two cores.
const SEEDS_MAX: u64 = 20_000;

/// House rules only: prints each failure as `path:line: sentence`.
pub fn tidy(root: &Path) -> anyhow::Result<()> {
    let problems = tidy::problems(root)?;
    for problem in &problems {
        println!("{problem}");
    }
    anyhow::ensure!(problems.is_empty(), "tidy: {} failures, listed above", problems.len());
    println!("tidy: nothing to complain about");
    Ok(())
}

/// What needs no build of the product.
pub fn lint(root: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new(root, false);
    lint_steps(&mut steps);
    if can_start("cargo-deny") {
        steps.run("deny", &["cargo", "deny", "--workspace", "check"], &[]);
    } else {
        steps.skip("deny", "cargo-deny is not installed; tidy has checked the licences");
    }
    steps.finish()
}

/// Everything a change must pass.
pub fn test(root: &Path) -> anyhow::Result<()> {
    let mut steps = Steps::new(root, flag("CI"));
    lint_steps(&mut steps);
    let build = ["cargo", "build", "--release", "--workspace", "--bins", "--tests", "--locked"];
    if steps.run("build", &build, &[]) {
        steps.run("tests", &["cargo", "nextest", "run", "--release", "--workspace", "--locked"], &[]);
        if root.join("clients").is_dir() {
            python_clients(root, &mut steps);
            node_clients(root, &mut steps);
        }
    }
    steps.finish()
}

/// The load generator; the budgets are judged by the binary that measures them.
pub fn bench(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let binary = built(root, "dist").display().to_string();
    let mut line =
        vec!["cargo", "run", "--release", "--locked", "--package", "bench", "--", "--binary", &binary];
    line.extend(arguments);
    let mut steps = Steps::new(root, false);
    let build = ["cargo", "build", "--profile", "dist", "--locked", "--package", "server"];
    if steps.run("build", &build, &[]) {
        steps.run("bench", &line, &[]);
    }
    steps.finish()
}

/// The crash tests of the server, as many rounds as asked. They print their progress and a report.
pub fn crash(root: &Path, rounds: &str) -> anyhow::Result<()> {
    rounds
        .parse::<u32>()
        .with_context(|| format!("the number of rounds must be a number, not `{rounds}`"))?;
    let line = ["cargo", "nextest", "run", "--release", "--package", "server", "-E", "test(/^crash::/)"];
    let line = [line.as_slice(), &["--no-capture"]].concat();
    let mut steps = Steps::new(root, false);
    let environment = [
        ("TRUNKLINE_CRASH_ROUNDS", rounds.to_owned()),
        // One test may then last as long as its rounds do.
        ("NEXTEST_PROFILE", "crash".to_owned()),
    ];
    steps.run("crash", &line, &environment);
    steps.finish()
}

/// Seeds of the simulation beyond those that every test run plays.
pub fn soak(root: &Path, seeds: &str, from: &str) -> anyhow::Result<()> {
    let number =
        |text: &str| text.parse::<u64>().with_context(|| format!("`{text}` is not a number of seeds"));
    let (seeds, from) = (number(seeds)?, number(from)?);
    anyhow::ensure!(
        seeds <= SEEDS_MAX,
        "{seeds} seeds at once are too many: play up to {SEEDS_MAX} from FROM on"
    );
    let line = ["cargo", "nextest", "run", "--release", "--package", "simulation", "-E", "test(/soak/)"];
    let mut steps = Steps::new(root, false);
    let environment = [
        ("TRUNKLINE_SEEDS", format!("{from}..{}", from.saturating_add(seeds))),
        // One test may then last as long as its seeds do.
        ("NEXTEST_PROFILE", "crash".to_owned()),
    ];
    steps.run("soak", &line, &environment);
    steps.finish()
}

fn lint_steps(steps: &mut Steps) {
    steps.run("format", &["cargo", "fmt", "--all", "--check"], &[]);
    steps.run("format of fuzz", &["cargo", "fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"], &[]);
    steps.check("tidy", tidy);
    let clippy = ["cargo", "clippy", "--release", "--workspace", "--all-targets", "--locked", "--quiet"];
    // The levels are the workspace's own: `all` is denied, `pedantic` warns.
    steps.run("clippy", &clippy, &[]);
}

/// Real Python clients against the real binary, in an environment of their own.
fn python_clients(root: &Path, steps: &mut Steps) {
    let name = "python clients";
    if !root.join("clients/requirements.txt").is_file() {
        return;
    }
    if !can_start("python3") {
        steps.skip(name, "python3 is not installed");
        return;
    }
    let home = root.join(".tools/python");
    let python = home.join("bin/python").display().to_string();
    let made = Path::new(&python).is_file()
        || steps.run("python environment", &["python3", "-m", "venv", &home.display().to_string()], &[]);
    let requirements = ["-r", "clients/requirements.txt"];
    let pip = [python.as_str(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    if made && steps.run("python packages", &[pip.as_slice(), &requirements].concat(), &[]) {
        let environment = [("TRUNKLINE_BIN", binary(root).display().to_string())];
        steps.run(name, &[python.as_str(), "-B", "-m", "pytest", "-rs", "clients"], &environment);
    }
}

/// Real JavaScript clients, with node's own test runner.
fn node_clients(root: &Path, steps: &mut Steps) {
    let name = "node clients";
    if !root.join("clients/package.json").is_file() {
        return;
    }
    if !can_start("npm") || !can_start("node") {
        steps.skip(name, "node and npm are not installed");
        return;
    }
    let environment = [("TRUNKLINE_BIN", binary(root).display().to_string())];
    if steps.run("node packages", &["npm", "ci", "--prefix", "clients", "--prefer-offline"], &[]) {
        let line = "cd clients && exec node --test --test-reporter=spec";
        steps.run(name, &["sh", "-c", line], &environment);
    }
}

/// Where cargo leaves the product that is tested.
fn binary(root: &Path) -> PathBuf {
    built(root, "release")
}

fn built(root: &Path, profile: &str) -> PathBuf {
    let target = setting("CARGO_TARGET_DIR").unwrap_or_else(|| "target".to_owned());
    root.join(target).join(profile).join("trunkline")
}

fn can_start(program: &str) -> bool {
    let quiet = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn flag(name: &str) -> bool {
    setting(name).is_some_and(|value| value != "0" && value != "false")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tools have no configuration file; the product reads `config`"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
