//! House rules as a check: `cargo xtask tidy`, and a test of this crate, so that they run with all others.
//!
//! Each rule is a file here and a pure function over sources or facts, tried on small sources in `tests.rs`. What
//! a rule lets pass by name stands in `exempt.rs` only. A message says what to do, not only what is wrong.

mod arrows;
mod exempt;
mod headers;
mod licences;
mod map;
mod sizes;
mod sources;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::path::Path;

/// One broken rule, printed as `path:line: sentence`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub path: String,
    pub line: usize,
    pub sentence: String,
}

impl Problem {
    fn new(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
    }
}

/// Everything that is wrong in the workspace at `root`, sorted by place.
pub fn problems(root: &Path) -> anyhow::Result<Vec<Problem>> {
    let sources = sources::read_all(root)?;
    let mut found = Vec::new();
    for source in &sources {
        found.extend(headers::check(source));
        match sources::parse(source) {
            Ok(parsed) => {
                found.extend(sizes::check(source, &parsed));
                found.extend(words::check(source, &parsed, &sources));
            }
            Err(problem) => found.push(problem),
        }
    }
    found.extend(sizes::check_connectors(&sources));
    found.extend(exempt::check_fresh(&sources));
    found.extend(map::check(root)?);
    for workspace in [root, &root.join("fuzz")] {
        let metadata = arrows::metadata(workspace)?;
        found.extend(arrows::check(&arrows::rooms(root, &metadata)));
        found.extend(licences::check(&licences::third_party(&metadata)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}
