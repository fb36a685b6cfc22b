//! `cargo xtask fuzz`: builds the fuzz targets (`fuzz/`), runs each for a while, and says in a line how it went.
//!
//! The toolchain that builds the product does: libFuzzer's counters are a pass of LLVM, asked for by the flags below,
//! which are those of `cargo fuzz` without a sanitizer. What a target learns stays in `fuzz/corpus` for the next run;
//! what it finds is left in `fuzz/artifacts`, and fails the command.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::steps::Steps;

const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];
/// One input that takes longer is a finding.
const INPUT_S_MAX: u32 = 10;
/// More memory than this is a finding.
const MEGABYTES_MAX: u32 = 2_048;
/// Lines of a finding that are shown.
const LINES_SHOWN: usize = 40;
/// Longest word that is worth keeping whole.
const WORD_BYTES_MAX: usize = 40;

/// Every target for so many seconds.
pub fn run(root: &Path, seconds: &str) -> anyhow::Result<()> {
    let seconds: u32 = seconds
        .parse()
        .with_context(|| format!("the seconds of a target must be a number, not `{seconds}`"))?;
    let (room, host) = (root.join("fuzz"), crate::host()?);
    let manifest = room.join("Cargo.toml").display().to_string();
    let target = room.join("target").display().to_string();
    let build = ["cargo", "build", "--release", "--locked", "--bins", "--manifest-path", &manifest];
    // A named platform keeps the flags away from build scripts.
    let build = [build.as_slice(), &["--target", &host, "--target-dir", &target]].concat();
    let mut steps = Steps::new(root, false);
    if steps.run("build", &build, &[("RUSTFLAGS", FLAGS.join(" "))]) {
        let binaries = room.join("target").join(host).join("release");
        for name in targets(&room)? {
            steps.check(&name, |_| fuzz(&room, &binaries.join(&name), &name, seconds));
        }
    }
    steps.finish()
}

/// One file each.
fn targets(room: &Path) -> anyhow::Result<BTreeSet<String>> {
    let files = fs::read_dir(room.join("targets")).context("fuzz/targets cannot be listed")?;
    let name = |file: fs::DirEntry| Some(file.path().file_stem()?.to_str()?.to_owned());
    Ok(files.flatten().filter_map(name).collect())
}

fn fuzz(room: &Path, binary: &Path, name: &str, seconds: u32) -> anyhow::Result<()> {
    let [corpus, artifacts, seeds] =
        ["corpus", "artifacts", "seeds"].map(|folder| room.join(folder).join(name));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let words = words_file(room, name, &seeds)?;
    let output = Command::new(binary)
        .args([corpus, seeds])
        .args(words.map(|words| format!("-dict={}", words.display())))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_S_MAX}"))
        .arg(format!("-rss_limit_mb={MEGABYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let finding = said.lines().skip_while(|line| !line.contains("panicked") && !line.contains("ERROR"));
        finding.take(LINES_SHOWN).for_each(|line| println!("{line}"));
        anyhow::bail!("a finding, {}; the input is in {}", output.status, artifacts.display());
    }
    println!("{}", summary(&said).context("libFuzzer did not say how it ended")?);
    Ok(())
}

/// What libFuzzer's last line says, such as `#4010036 DONE cov: 473 ft: 1070 corp: 157/58Kb …`.
fn summary(said: &str) -> Option<String> {
    let words: Vec<&str> = said.lines().rfind(|line| line.contains("DONE"))?.split_whitespace().collect();
    let behind = |label: &str| words.iter().position(|word| *word == label).and_then(|at| words.get(at + 1));
    let runs = words.first()?.trim_start_matches('#');
    let (coverage, corpus) = (behind("cov:")?, behind("corp:")?);
    Some(format!("{runs} runs, {coverage} branches covered by {corpus} of inputs, nothing found"))
}

/// The names in the seeds, as a dictionary of libFuzzer: it does not guess whole words. `None`: they hold none.
fn words_file(room: &Path, name: &str, seeds: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut words = BTreeSet::new();
    for file in files(seeds)? {
        let seed = fs::read(file).with_context(|| format!("{name} has an unreadable seed"))?;
        words.extend(String::from_utf8_lossy(&seed).split('"').skip(1).step_by(2).filter_map(word));
    }
    let path = room.join("target").join(format!("{name}.words"));
    let lines: String = words.into_iter().collect();
    fs::write(&path, &lines).context("a dictionary cannot be written")?;
    Ok((!lines.is_empty()).then_some(path))
}

/// The files in a folder and in those inside it, as libFuzzer reads them too.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let inside = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    for path in inside.flatten().map(|entry| entry.path()) {
        if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

fn word(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let fits = (2..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| format!("\"{text}\"\n"))
}

#[cfg(test)]
mod tests {
    //! What is read of libFuzzer's words, and of seeds.
    use super::*;

    #[test]
    fn the_last_line_tells_runs_and_coverage() {
        let said = "#8\tINITED cov: 3\n#4010036\tDONE   cov: 473 ft: 1070 corp: 157/58Kb lim: 4096 exec/s: 190954\nDone";
        let told = "4010036 runs, 473 branches covered by 157/58Kb of inputs, nothing found";
        assert_eq!(summary(said).as_deref(), Some(told));
        assert_eq!(summary("stopped"), None);
    }

    #[test]
    fn words_are_kept_when_a_dictionary_can_hold_them() {
        assert_eq!(word("text_message").as_deref(), Some("\"text_message\"\n"));
        for unfit in ["", "a", "two words", "back\\slash", "ü", &"x".repeat(41)] {
            assert_eq!(word(unfit), None, "{unfit}");
        }
    }
}
