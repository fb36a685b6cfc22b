//! A server whose providers are gone: nothing of what it accepts can be handed over, and everything waits.
//!
//! A demo makes the tenants, and its sandbox ends; `serve` goes on with its folder. The first hand-overs find nobody, a
//! breaker shuts, and from then on one message at a time is tried.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::bail;
use tokio::process::Command;
use tokio::time::Instant;

use crate::demo::Demo;
use crate::figures::Used;
use crate::process::{Process, READY_STEP, START_MAX, free_address, ready};
use crate::target::Target;
use crate::wire::Connection;

pub struct Held {
    binary: String,
    data: PathBuf,
    operator: String,
    server: Process,
    pub demo: Demo,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.server.end();
        // What cannot be removed stays in the system's folder for temporary files.
        drop(std::fs::remove_dir_all(&self.data));
    }
}

/// How long a start took.
pub struct Started {
    /// Until the first 200 of `/readyz`.
    pub ready: Duration,
    /// Until the jobs were found.
    pub found: Duration,
}

impl Held {
    /// Goes on with a target's folder and all that is stored there.
    pub async fn over(target: Target, binary: &str) -> anyhow::Result<Held> {
        let (data, demo) = target.end().await?;
        let operator = free_address()?;
        let server = serve(binary, &data, &demo.address, &operator)?;
        let held = Held { binary: binary.to_owned(), data, operator, server, demo };
        ready(&held.demo.address, "/readyz").await?;
        held.demo.unsubscribe().await?;
        Ok(held)
    }

    pub fn used(&self) -> Used {
        self.server.used()
    }

    /// A number at the operator's address: the sum over all labels, 0 if it is not there yet.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let page = Connection::open(&self.operator).await?.text("/metrics").await?;
        Ok(sum(&page, name))
    }

    /// Jobs that the server holds in memory.
    pub async fn jobs(&self) -> anyhow::Result<usize> {
        Ok(self.metric("trunkline_jobs_held").await? as usize)
    }

    /// Kills the server and starts it again on its data; waits until it has found so many jobs.
    pub async fn restart(&mut self, jobs: usize) -> anyhow::Result<Started> {
        self.server.kill().await?;
        let started = Instant::now();
        self.server = serve(&self.binary, &self.data, &self.demo.address, &self.operator)?;
        ready(&self.demo.address, "/readyz").await?;
        let ready = started.elapsed();
        while self.jobs().await? < jobs {
            if started.elapsed() > START_MAX {
                bail!("{} of {jobs} jobs are found again", self.jobs().await?);
            }
            tokio::time::sleep(READY_STEP).await;
        }
        Ok(Started { ready, found: started.elapsed() })
    }
}

/// A metric of a page in Prometheus' text form, over all its labels.
fn sum(page: &str, name: &str) -> f64 {
    let values = page.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{'))
    });
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Vendors' rates are off, as in the demo.
fn serve(binary: &str, data: &Path, address: &str, operator: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(binary);
    let settings = [
        ("SERVER__LISTEN", address),
        ("SERVER__OPERATOR_LISTEN", operator),
        ("SINCH__REQUESTS_PER_SECOND", "0"),
        ("SINCH__SENDS_PER_SECOND_PER_APP", "0"),
        ("LIMITS__PROVIDER_RATES", "false"),
        ("HTTP_OUT__PROVIDERS_ALLOW_LOOPBACK", "true"),
        ("LOG__FILTER", "error"),
    ];
    command.arg("serve").envs(settings.map(|(name, value)| (format!("TRUNKLINE_{name}"), value)));
    Process::start(command.env("TRUNKLINE_STORE__DATA", data).stdout(Stdio::null()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_metric_is_summed_over_its_labels_and_told_from_longer_names() {
        let page =
            "# TYPE tried counter\ntried{channel=\"A\"} 3\ntried{channel=\"B\"} 4\ntried_twice 9\nheld 5\n";
        for (name, value) in [("tried", 7.0), ("held", 5.0), ("absent", 0.0)] {
            assert!((super::sum(page, name) - value).abs() < f64::EPSILON, "{name}");
        }
    }
}
