//! The generator: keep-alive connections, each sending one prepared request after the other and timing the answer.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Longest answer that is expected.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What to send where. `%` in the body's template is replaced by a number of seven digits.
#[derive(Clone)]
pub struct Load {
    pub address: String,
    pub path: String,
    pub authorization: String,
    pub template: String,
}

/// What was measured.
pub struct Report {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        write!(f, "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms", self.per_second, ms(self.p50), ms(self.p99))
    }
}

/// Runs a load and reports. Any answer but 200 ends it.
pub async fn run(load: &Load, connections: usize, time: Duration) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for nth in 0..connections {
        tasks.spawn(connection(load.clone(), nth, started + time));
    }
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        times.extend(ended??);
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Ok(Report { per_second: times.len() as f64 / seconds, p50: at(50), p99: at(99) })
}

async fn connection(load: Load, nth: usize, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(&load.address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let mut count = 0;
    while Instant::now() < until {
        count += 1;
        let body = load.template.replace('%', &format!("{:07}", nth * 100_000 + count % 100_000));
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\nauthorization: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            load.path,
            load.authorization,
            body.len()
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
        times.push(sent.elapsed());
    }
    Ok(times)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled])?;
        let Some(end) = text.find("\r\n\r\n") else {
            continue;
        };
        let head = text[..end].to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("an answer without a length")?.trim().parse()?;
        if filled < end + 4 + length {
            continue;
        }
        if !head.starts_with("http/1.1 200") {
            bail!("the server answered: {text}");
        }
        return Ok(());
    }
}
