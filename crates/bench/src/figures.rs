//! Percentiles, and what the system says of a process.

use std::fmt;
use std::time::Duration;

/// Ticks of processor time a second in `/proc`: fixed by the system's interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// Times of one kind of thing.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        Times(times)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that `share` percent stay within.
    pub fn within(&self, share: usize) -> Duration {
        let place = (self.0.len() * share / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share: usize| self.within(share).as_secs_f64() * 1000.0;
        write!(f, "p50 {:.2} ms, p99 {:.2} ms", ms(50), ms(99))
    }
}

/// What a process has used so far.
#[derive(Clone, Copy, Default)]
pub struct Used {
    pub cpu_s: f64,
    /// Bytes that it caused to be written to storage.
    pub written: u64,
    pub resident_mb: u64,
}

impl Used {
    /// Zeros where the system does not tell.
    pub fn by(process: u32) -> Used {
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        let stat = read("stat");
        // After the name, which may hold spaces: state is the first field, utime and stime are the 12th and 13th.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks =
            after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Used {
            cpu_s: ticks.sum::<f64>() / TICKS_PER_SECOND,
            written: field(&read("io"), "write_bytes:"),
            resident_mb: field(&read("status"), "VmRSS:") / 1024,
        }
    }
}
