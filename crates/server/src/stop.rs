//! When to stop: a polite request of the system or Ctrl-C begins it, a second one ends the process at once; and a
//! store that broke ends it as a failure.

use std::process::ExitCode;

use anyhow::bail;
use engine::Engine;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code of a process that was told twice to stop: as if the signal itself had ended it.
const TOLD_TWICE: u8 = 130;

/// Requests to stop, heard from the moment this is made.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub fn listen() -> std::io::Result<Stop> {
        Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns at the next SIGTERM or SIGINT.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Returns when asked; fails as soon as the store broke, because nothing can be kept any more.
    pub async fn asked_of(&mut self, engine: &Engine) -> anyhow::Result<()> {
        tokio::select! {
            () = self.asked() => Ok(()),
            why = engine.broken() => bail!("the store broke, so nothing can be kept any more: {why}. What was acknowledged is found again at the next start"),
        }
    }

    /// Finishes, unless asked once more.
    pub async fn finish(&mut self, work: impl Future<Output = ()>) -> ExitCode {
        tokio::select! {
            () = work => ExitCode::SUCCESS,
            () = self.asked() => {
                crate::tell_error("trunkline: told twice to stop, so open work is left to the next start");
                ExitCode::from(TOLD_TWICE)
            }
        }
    }
}
