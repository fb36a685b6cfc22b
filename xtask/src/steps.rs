//! Steps of a longer command: each is announced, timed, and its skips are noticed.
//!
//! A step that fails does not hide the later ones unless they build on it. Output of the programs passes
//! through unchanged; it is read along only for the summaries of nextest, pytest and node, because a skipped
//! test is a failure where CI=1 is set.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How one step ended.
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A run of steps over one workspace.
pub struct Steps {
    root: PathBuf,
    strict: bool,
    done: Vec<(String, Outcome, Duration)>,
    summary: Option<String>,
}

impl Steps {
    /// `strict` (CI=1) turns every skip into a failure.
    pub fn new(root: &Path, strict: bool) -> Self {
        Self { root: root.to_path_buf(), strict, done: Vec::new(), summary: None }
    }

    /// Runs a program with a command line given as words; true when it succeeded.
    pub fn run(&mut self, name: &str, line: &[&str], environment: &[(&str, String)]) -> bool {
        println!("\n=== {name}: {}", line.join(" "));
        let started = now();
        let outcome = self.watch(line, environment);
        self.note(name, outcome, started)
    }

    /// Runs a check of our own; true when it succeeded.
    pub fn check(&mut self, name: &str, check: impl FnOnce(&Path) -> anyhow::Result<()>) -> bool {
        println!("\n=== {name}");
        let started = now();
        let outcome = match check(&self.root) {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        self.note(name, outcome, started)
    }

    /// Records that a step could not run here, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("\n=== {name}: SKIPPED, {why}");
        self.done.push((name.to_owned(), Outcome::Skipped(why.to_owned()), Duration::ZERO));
    }

    /// Prints the table of steps and nextest's summary; an error when anything failed.
    pub fn finish(self) -> anyhow::Result<()> {
        println!("\n=== steps");
        let mut failures = 0;
        for (name, outcome, took) in &self.done {
            let word = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Skipped(why) if !self.strict => format!("skipped: {why}"),
                Outcome::Skipped(why) => {
                    failures += 1;
                    format!("FAILED: a skip is a failure with CI=1: {why}")
                }
                Outcome::Failed(why) => {
                    failures += 1;
                    format!("FAILED: {why}")
                }
            };
            println!("{:>8.1} s  {name}: {word}", took.as_secs_f64());
        }
        if let Some(summary) = &self.summary {
            println!("{summary}");
        }
        anyhow::ensure!(failures == 0, "{failures} of {} steps failed", self.done.len());
        Ok(())
    }

    fn note(&mut self, name: &str, outcome: Outcome, started: Instant) -> bool {
        let passed = matches!(outcome, Outcome::Passed);
        if let Outcome::Failed(why) = &outcome {
            println!("{name}: {why}");
        }
        self.done.push((name.to_owned(), outcome, now().duration_since(started)));
        passed
    }

    /// Passes both streams through line by line and keeps what the summaries say about skips.
    fn watch(&mut self, line: &[&str], environment: &[(&str, String)]) -> Outcome {
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).current_dir(&self.root).stdin(Stdio::null());
        command.envs(environment.iter().map(|(key, value)| (*key, value)));
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => return Outcome::Failed(format!("{} could not be started: {error}", line[0])),
        };
        let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
        let stderr = child.stderr.take().expect("stderr was asked to be a pipe");
        let errors = std::thread::spawn(move || pass_through(stderr, &mut std::io::stderr()));
        let mut summaries = pass_through(stdout, &mut std::io::stdout());
        summaries.extend(errors.join().expect("the reader of a pipe does not panic"));
        let status = match child.wait() {
            Ok(status) => status,
            Err(error) => return Outcome::Failed(format!("{} was lost: {error}", line[0])),
        };
        let skipped = summaries.iter().find(|summary| skipped_count(summary) > 0).cloned();
        if let Some(summary) = summaries.into_iter().find(|line| line.starts_with("Summary")) {
            self.summary = Some(summary);
        }
        match skipped {
            _ if !status.success() => Outcome::Failed(format!("{status}")),
            Some(summary) if self.strict => Outcome::Failed(format!("tests were skipped: {summary}")),
            _ => Outcome::Passed,
        }
    }
}

/// Copies a pipe to one of our streams and returns its summary lines, bare of color.
fn pass_through(pipe: impl Read, out: &mut dyn Write) -> Vec<String> {
    let mut summaries = Vec::new();
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        // A closed terminal must not stop the step that writes to it.
        let _ = out.write_all(&line).and_then(|()| out.flush());
        let plain = without_color(&String::from_utf8_lossy(&line));
        if is_summary(&plain) {
            summaries.push(plain);
        }
        line.clear();
    }
    summaries
}

fn is_summary(line: &str) -> bool {
    line.starts_with("Summary [")
        || (line.starts_with('=') && line.contains(" in "))
        || line.starts_with("ℹ skipped")
        || line.starts_with("# skipped")
}

fn without_color(line: &str) -> String {
    let mut plain = String::new();
    let mut in_escape = false;
    for letter in line.trim().chars() {
        match letter {
            '\u{1b}' => in_escape = true,
            _ if in_escape => in_escape = !letter.is_ascii_alphabetic(),
            _ => plain.push(letter),
        }
    }
    plain.trim().to_owned()
}

/// The number next to the word `skipped` in a summary of nextest, pytest or node; 0 without one.
fn skipped_count(summary: &str) -> u64 {
    let words: Vec<&str> = summary.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
    let Some(at) = words.iter().position(|word| *word == "skipped") else {
        return 0;
    };
    let number = |index: usize| words.get(index).and_then(|word| word.parse().ok());
    at.checked_sub(1).and_then(number).or_else(|| number(at + 1)).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "the tools time their own steps; no product code runs here")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    //! Summaries of the three test runners.
    use super::*;

    #[test]
    fn skips_are_counted_in_the_summaries_of_all_runners() {
        let check = |line: &str, count: u64| {
            let plain = without_color(line);
            assert!(is_summary(&plain), "{line}");
            assert_eq!(skipped_count(&plain), count, "{line}");
        };
        check("     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped", 0);
        check(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.012s] 3 tests run: 3 passed, \u{1b}[1m2\u{1b}[0m skipped",
            2,
        );
        check("===== 3 passed, 1 skipped in 0.10s =====", 1);
        check("===== 3 passed in 0.10s =====", 0);
        check("ℹ skipped 4", 4);
        check("# skipped 0", 0);
    }

    #[test]
    fn a_test_name_is_no_summary() {
        assert!(!is_summary("PASS [ 0.1s] engine a_message_is_skipped"));
    }
}
