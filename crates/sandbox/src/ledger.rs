//! The ledger: one row for every send request that a provider read, in order of arrival.
//!
//! A row is turned into JSON once, when it arrives; answering a page only joins bytes. Memory is bounded by the bytes
//! of the rows kept; older rows are read back from the file when there is one, and are gone otherwise.
//! The file holds JSON lines, one write per row, so that a row survives the death of this process.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of rows held in memory.
const MEMORY_BYTES_MAX: usize = 256 << 20;

#[derive(Serialize)]
pub(crate) struct Row<'a> {
    /// Given by the ledger.
    pub n: u64,
    pub channel: &'a str,
    pub recipient: &'a str,
    pub text: &'a str,
    pub provider_id: Option<&'a str>,
    pub received_at_ms: u64,
    pub outcome: &'a str,
    pub phone_got: bool,
    pub raw: &'a Value,
}

pub(crate) struct Ledger {
    path: Option<PathBuf>,
    inner: Mutex<Inner>,
}

struct Inner {
    rows: VecDeque<Bytes>,
    /// Number of the first row in memory; rows are numbered from 1 without gaps.
    first: u64,
    bytes: usize,
    bytes_max: usize,
    file: Option<File>,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

impl Ledger {
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut inner =
            Inner { rows: VecDeque::new(), first: 1, bytes: 0, bytes_max: MEMORY_BYTES_MAX, file: None };
        if let Some(path) = path {
            inner.file = Some(read_back(path, &mut inner)?);
        }
        Ok(Self { path: path.map(Path::to_owned), inner: Mutex::new(inner) })
    }

    pub(crate) fn append(&self, mut row: Row<'_>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        row.n = inner.first + inner.rows.len() as u64;
        let mut line = serde_json::to_vec(&row).expect("a row has only string keys");
        line.push(b'\n');
        if let Some(file) = &mut inner.file
            && let Err(error) = file.write_all(&line)
        {
            tracing::error!(%error, "ledger row is kept in memory only");
        }
        line.pop();
        inner.push(line.into());
    }

    /// A JSON array of the rows after `after`, at most `limit` of them.
    pub(crate) fn page(&self, after: u64, limit: usize) -> io::Result<Vec<u8>> {
        let (first, rows) = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let skip = (after + 1).saturating_sub(inner.first) as usize;
            let rows: Vec<Bytes> = inner.rows.iter().skip(skip).take(limit).cloned().collect();
            (inner.first, rows)
        };
        let mut page = vec![b'['];
        let mut count = 0;
        if let Some(path) = self.path.as_ref().filter(|_| after + 1 < first) {
            for line in BufReader::new(File::open(path)?).split(b'\n').skip(after as usize) {
                if count as u64 + after + 1 >= first || count >= limit {
                    break;
                }
                join(&mut page, &line?);
                count += 1;
            }
        }
        for row in rows.iter().take(limit - count) {
            join(&mut page, row);
        }
        page.push(b']');
        Ok(page)
    }
}

impl Inner {
    fn push(&mut self, row: Bytes) {
        self.bytes += row.len();
        self.rows.push_back(row);
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.rows.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
            self.first += 1;
        }
    }
}

fn join(page: &mut Vec<u8>, row: &[u8]) {
    if page.len() > 1 {
        page.push(b',');
    }
    page.extend_from_slice(row);
}

/// Reads what an earlier run wrote. A last line cut short by a crash is cut off: it was never a whole row.
fn read_back(path: &Path, inner: &mut Inner) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut whole = 0;
    let mut reader = BufReader::new(&file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let expected = inner.first + inner.rows.len() as u64;
        let numbered = serde_json::from_slice::<Numbered>(&line);
        if line.last() != Some(&b'\n') || numbered.is_err() {
            break;
        }
        if numbered.is_ok_and(|row| row.n != expected) {
            return Err(io::Error::other(format!(
                "{} is not a ledger: row {expected} is missing",
                path.display()
            )));
        }
        whole += line.len() as u64;
        line.pop();
        inner.push(std::mem::take(&mut line).into());
    }
    file.set_len(whole)?;
    file.seek(io::SeekFrom::End(0))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(ledger: &Ledger, text: &str) {
        ledger.append(Row {
            n: 0,
            channel: "SMS",
            recipient: "447700900123",
            text,
            provider_id: None,
            received_at_ms: 1,
            outcome: "accepted",
            phone_got: true,
            raw: &Value::Null,
        });
    }

    fn texts(ledger: &Ledger, after: u64, limit: usize) -> Vec<String> {
        let page = ledger.page(after, limit).expect("page");
        let rows: Vec<Value> = serde_json::from_slice(&page).expect("array");
        rows.iter().map(|row| format!("{}{}", row["n"], row["text"].as_str().expect("text"))).collect()
    }

    #[test]
    fn pages_continue_after_a_number() {
        let ledger = Ledger::open(None).expect("open");
        for text in ["a", "b", "c"] {
            add(&ledger, text);
        }
        assert_eq!(texts(&ledger, 0, 10), ["1a", "2b", "3c"]);
        assert_eq!(texts(&ledger, 1, 1), ["2b"]);
        assert!(texts(&ledger, 3, 10).is_empty());
        assert!(texts(&ledger, 99, 10).is_empty());
    }

    #[test]
    fn rows_beyond_memory_come_from_the_file_and_survive_a_restart() {
        let path = std::env::temp_dir().join(format!("sandbox-ledger-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let ledger = Ledger::open(Some(&path)).expect("open");
        ledger.inner.lock().expect("lock").bytes_max = 200;
        for text in ["a", "b", "c", "d"] {
            add(&ledger, text);
        }
        assert!(ledger.inner.lock().expect("lock").first > 1);
        assert_eq!(texts(&ledger, 0, 10), ["1a", "2b", "3c", "4d"]);
        assert_eq!(texts(&ledger, 0, 2), ["1a", "2b"]);
        drop(ledger);
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("file")
            .write_all(b"{\"n\":5,\"te")
            .expect("cut");
        let again = Ledger::open(Some(&path)).expect("again");
        add(&again, "e");
        assert_eq!(texts(&again, 3, 10), ["4d", "5e"]);
        std::fs::remove_file(&path).expect("remove");
    }
}
