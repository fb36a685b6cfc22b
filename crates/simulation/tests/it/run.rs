//! One run: a world, its lives, the end. The same seed gives the same trace, byte by byte.

use crate::actions::{Actor, End, sleep_ms};
use crate::fate::Counts;
use crate::model::observe;
use crate::quiescence::{come_to_rest, judge};
use crate::world::World;

/// Steps of a run, its end aside.
pub const STEPS: u32 = 2_000;
/// Lines of the trace that a failure shows.
const LINES_SHOWN: usize = 60;

/// What became of a run.
pub struct Report {
    pub counts: Counts,
    pub trace: String,
    /// What was wrong, if anything.
    pub wrong: Option<String>,
}

impl Report {
    /// What a person needs to see of a run that went wrong.
    pub fn failure(&self, seed: u64) -> Option<String> {
        let wrong = self.wrong.as_ref()?;
        let lines: Vec<&str> = self.trace.lines().collect();
        let until = lines.iter().position(|line| line.contains("WRONG")).map_or(lines.len(), |at| at + 1);
        let shown = lines[until.saturating_sub(LINES_SHOWN)..until].join("\n");
        Some(format!("seed {seed}: {wrong}\n{shown}"))
    }
}

/// Runs a seed.
pub fn run(seed: u64) -> Report {
    let mut world = World::new(seed);
    world.life(async |world, engine| world.found(engine).await);
    while world.fate.counts().steps < STEPS && !world.fate.is_wrong() {
        let end = world.life(async |world, engine| live(world, engine).await);
        world.fate.note(format_args!("== {end:?}"));
        between_lives(&world, end);
    }
    if !world.fate.is_wrong() {
        world.life(async |world, engine| {
            come_to_rest(world, engine).await;
            judge(world);
        });
    }
    let (wrong, trace) = world.fate.end();
    Report { counts: world.fate.counts(), trace, wrong }
}

async fn live(world: &World, engine: &engine::Engine) -> End {
    let actor = Actor { world, engine };
    while world.fate.counts().steps < STEPS && !world.fate.is_wrong() {
        world.fate.count(|counts| counts.steps += 1);
        world.provider.look_after_silent_ones();
        if let Some(end) = actor.act().await {
            return end;
        }
        if world.fate.percent(85) {
            // The timer moves only when nothing else can run: a pause of any length lets all work end.
            sleep_ms(1).await;
        } else {
            for _ in 0..world.fate.below(20) {
                tokio::task::yield_now().await;
            }
        }
        observe(engine, &world.model).await;
        world.store.deadlines.nobody_is_late(&world.store, &world.fate);
    }
    End::Enough
}

fn between_lives(world: &World, end: End) {
    world.provider.look_after_silent_ones();
    if end == End::Stop {
        let open =
            world.provider.ledger().iter().filter(|line| line.said == crate::provider::Said::Open).count();
        world.fate.demand(open == 0, format_args!("{open} hand-overs were left open by a graceful stop"));
    }
    // Time passes while nothing runs, and now and then somebody sets the clock.
    let jump_ms = match world.fate.below(10) {
        0 => world.fate.between(60_000, 7_200_000),
        1 => -world.fate.between(1_000, 1_200_000),
        _ => world.fate.between(0, 30_000),
    };
    world.clock.jump_ms(jump_ms);
}
