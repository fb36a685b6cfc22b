//! Paths named in ARCHITECTURE.md must exist, so that the map does not outlive the houses on it.
//!
//! A path is what stands between backticks and begins with one of our folders; patterns are left alone.

use std::path::Path;

use anyhow::Context as _;

use super::Problem;

const MAP: &str = "ARCHITECTURE.md";
const FOLDERS: [&str; 9] =
    ["crates/", "xtask/", "docs/", "clients/", "fuzz/", "scenarios/", "console/", ".ci/", ".config/"];

pub fn check(root: &Path) -> anyhow::Result<Vec<Problem>> {
    let map = root.join(MAP);
    if !map.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&map).with_context(|| format!("cannot read {MAP}"))?;
    let gone = paths(&text).into_iter().filter(|(_, path)| !root.join(path).exists());
    let problem = |(line, path): (usize, String)| {
        Problem::new(MAP, line, format!("`{path}` does not exist: correct the map"))
    };
    Ok(gone.map(problem).collect())
}

/// Each path with its line.
pub fn paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let ours = FOLDERS.iter().any(|folder| quoted.starts_with(folder));
            if ours && !quoted.contains(['<', '*', '…', '{', ' ']) {
                found.push((index + 1, quoted.split(':').next().unwrap_or_default().to_owned()));
            }
        }
    }
    found
}
