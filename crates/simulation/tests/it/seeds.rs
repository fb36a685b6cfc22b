//! The seeds: a thousand of them in slices, those that once found something, what a soak asks for, and a replay.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::run::{Report, STEPS, run};

/// Seeds that found something, and what that was. They stay, whatever else changes.
const FOUND: &[(u64, &str)] = &[
    (1, "a store that could not be read counted as a subscriber's failure"),
    (14, "a callback that was given up while the store was ill left no dead letter"),
    (12, "a job that looked after a message left to a callback worked beside the one of its next channel"),
    (3, "after the clock was set back, new ids came before old ones, and so did their messages"),
    (4, "a job found by the sweep stood behind a later one of its lane that had not run yet"),
    (512, "a job called another one's open attempt unknown while its bytes were about to leave"),
    (
        108,
        "a message that could not be read when its turn came lost its lane behind a pause before its first try",
    ),
    (9, "a hand-over that failed for now after the time-to-live left its message waiting for the next try"),
    (2, "a message that its consumer could not take moved to the next channel without a job"),
];

/// Plays one seed and says what was wrong, or missing in it.
fn play(seed: u64) -> Result<Report, String> {
    let report = run(seed);
    keep_trace(seed, &report);
    if let Some(failure) = report.failure(seed) {
        return Err(failure);
    }
    let counts = report.counts;
    let whole = counts.steps >= STEPS
        && counts.crashes > 0
        && counts.stale > 0
        && counts.lost_answers > 0
        && counts.clock_sets > 0
        && counts.reordered > 0;
    if whole { Ok(report) } else { Err(format!("seed {seed} lacks something: {counts:?}")) }
}

#[expect(clippy::disallowed_methods, reason = "where to keep a history comes from the command line")]
fn keep_trace(seed: u64, report: &Report) {
    if let Ok(folder) = std::env::var("TRUNKLINE_TRACES") {
        std::fs::write(format!("{folder}/{seed}.txt"), &report.trace).unwrap();
    }
}

fn play_all(seeds: impl Iterator<Item = u64>) {
    judge(seeds.filter_map(|seed| play(seed).err()).collect());
}

fn judge(failures: Vec<String>) {
    let heads: Vec<&str> = failures.iter().filter_map(|failure| failure.lines().next()).collect();
    let heads = heads.join("\n");
    assert!(failures.is_empty(), "{} seeds failed:\n{heads}\n\n{}", failures.len(), failures[0]);
}

#[test]
fn one_seed_replays_byte_by_byte() {
    for seed in 1..4 {
        let (first, second) = (run(seed).trace, run(seed).trace);
        let differ = first.lines().zip(second.lines()).find(|(one, other)| one != other);
        assert_eq!(differ, None);
        assert_eq!(first.len(), second.len());
    }
}

#[test]
fn seeds_that_found_something_pass() {
    for (seed, found) in FOUND {
        let failure = play(*seed).err();
        assert_eq!(failure, None, "this seed once found: {found}");
    }
}

/// What `make soak` asks for, or a single seed to play again: `FROM..UNTIL` or `SEED`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the seeds to play come from the command line")]
fn soak() {
    let asked = std::env::var("TRUNKLINE_SEEDS").unwrap_or_else(|_| "1000".to_owned());
    let (from, until) = asked.split_once("..").unwrap_or((&asked, ""));
    let from: u64 = from.parse().unwrap();
    let until: u64 = until.parse().unwrap_or(from + 1);
    let (next, failures) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let seeds = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                for seed in seeds.take_while(|seed| *seed < until) {
                    failures.lock().unwrap().extend(play(seed).err());
                }
            });
        }
    });
    judge(failures.into_inner().unwrap());
}

/// A test of its own for each slice, so that they run side by side.
macro_rules! slices {
    ($($name:ident: $from:literal),* $(,)?) => { $(
        #[test]
        fn $name() {
            play_all($from..$from + 50);
        }
    )* };
}

slices! {
    seeds_from_0: 0,
    seeds_from_50: 50,
    seeds_from_100: 100,
    seeds_from_150: 150,
    seeds_from_200: 200,
    seeds_from_250: 250,
    seeds_from_300: 300,
    seeds_from_350: 350,
    seeds_from_400: 400,
    seeds_from_450: 450,
    seeds_from_500: 500,
    seeds_from_550: 550,
    seeds_from_600: 600,
    seeds_from_650: 650,
    seeds_from_700: 700,
    seeds_from_750: 750,
    seeds_from_800: 800,
    seeds_from_850: 850,
    seeds_from_900: 900,
    seeds_from_950: 950,
}
