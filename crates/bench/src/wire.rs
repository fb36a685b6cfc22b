//! A keep-alive connection that sends prepared requests: as little work as possible beside the server under load.

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer that is expected.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Room for an answer at first.
const ANSWER_BYTES: usize = 4 * 1024;

/// What to send where. `%` in path and body is replaced by a number of seven digits.
#[derive(Clone)]
pub struct Load {
    pub address: String,
    pub path: String,
    pub authorization: String,
    /// The body; without one the request is a GET.
    pub template: Option<String>,
}

impl Load {
    /// The bytes of the `number`th request.
    pub fn request(&self, number: usize) -> Vec<u8> {
        let number = digits(number);
        let path = self.path.replace('%', &number);
        match &self.template {
            Some(template) => with_body("POST", &path, &self.authorization, &template.replace('%', &number)),
            None => bare("GET", &path, &self.authorization),
        }
    }
}

/// A request's number, as it is written into the request.
pub fn digits(number: usize) -> String {
    format!("{number:07}")
}

fn with_body(method: &str, path: &str, authorization: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn bare(method: &str, path: &str, authorization: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: {authorization}\r\n\r\n").into_bytes()
}

pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: vec![0; ANSWER_BYTES] })
    }

    /// Sends and waits for the whole answer: status and body.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            if filled == self.answer.len() {
                if filled >= ANSWER_BYTES_MAX {
                    bail!("an answer of more than {ANSWER_BYTES_MAX} bytes");
                }
                self.answer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            if let Some((status, start, end)) = head(&self.answer[..filled])?
                && filled >= end
            {
                return Ok((status, &self.answer[start..end]));
            }
        }
    }

    /// Posts and asks for a success.
    pub async fn post(&mut self, path: &str, authorization: &str, body: &str) -> anyhow::Result<()> {
        self.send("POST", path, authorization, body).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        authorization: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        let (status, answer) = self.call(&with_body(method, path, authorization, body)).await?;
        if status != 200 {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(answer));
        }
        Ok(())
    }

    /// Gets text.
    pub async fn text(&mut self, path: &str) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(self.ask("GET", path, "none").await?).into_owned())
    }

    /// Gets JSON.
    pub async fn get(&mut self, path: &str, authorization: &str) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_slice(self.ask("GET", path, authorization).await?)?)
    }

    /// Puts JSON.
    pub async fn put(&mut self, path: &str, body: &str) -> anyhow::Result<()> {
        self.send("PUT", path, "none", body).await
    }

    /// Deletes.
    pub async fn delete(&mut self, path: &str, authorization: &str) -> anyhow::Result<()> {
        self.ask("DELETE", path, authorization).await.map(|_| ())
    }

    async fn ask(&mut self, method: &str, path: &str, authorization: &str) -> anyhow::Result<&[u8]> {
        let (status, answer) = self.call(&bare(method, path, authorization)).await?;
        if status != 200 {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(answer));
        }
        Ok(answer)
    }
}

/// Status, start and end of the body; `None` while the head is not complete.
fn head(answer: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    let status =
        head.get(9..12).and_then(|digits| digits.parse().ok()).context("an answer without a status")?;
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.context("an answer without a length")?.1.trim().parse()?;
    Ok(Some((status, end + 4, end + 4 + length)))
}
