//! The ledger: one row for every send request that a provider read, in order of arrival.
//!
//! A row is turned into JSON once, when it arrives and before anybody waits for it; answering a page only joins bytes,
//! a bounded number of rows at a time under the lock. Memory is bounded by the bytes of the rows kept; older rows are
//! read back from the file when there is one, from the nearest noted place, and are gone otherwise.
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
/// Rows taken out under the lock at a time.
const ROWS_AT_ONCE: usize = 1_024;
/// Every so many rows the place in the file is noted.
const MARK_EVERY: u64 = 1_024;

#[derive(Serialize)]
pub(crate) struct Row<'a> {
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
    file_bytes: u64,
    /// Where rows 1, 1 + `MARK_EVERY`, … begin in the file.
    marks: Vec<u64>,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

impl Ledger {
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut inner = Inner {
            rows: VecDeque::new(),
            first: 1,
            bytes: 0,
            bytes_max: MEMORY_BYTES_MAX,
            file: None,
            file_bytes: 0,
            marks: Vec::new(),
        };
        if let Some(path) = path {
            inner.file = Some(read_back(path, &mut inner)?);
        }
        Ok(Self { path: path.map(Path::to_owned), inner: Mutex::new(inner) })
    }

    /// Adds a row under the next number.
    pub(crate) fn append(&self, row: &Row<'_>) {
        let fields = serde_json::to_vec(row).expect("a row has only string keys");
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = format!("{{\"n\":{},", inner.next()).into_bytes();
        line.extend_from_slice(&fields[1..]);
        line.push(b'\n');
        if let Some(file) = &mut inner.file
            && let Err(error) = file.write_all(&line)
        {
            tracing::error!(%error, "ledger row is kept in memory only");
        }
        line.pop();
        inner.push(line.into());
    }

    /// A JSON array of the rows after `after`, at most `limit` of them: those that were there when it was asked.
    pub(crate) fn page(&self, after: u64, limit: usize) -> io::Result<Vec<u8>> {
        let (first, end) = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            (inner.first, inner.next().min(after.saturating_add(1).saturating_add(limit as u64)))
        };
        let mut page = vec![b'['];
        let mut next = after.saturating_add(1);
        if next < first {
            self.in_file(next, first.min(end), &mut page)?;
            next = first;
        }
        while next < end {
            let rows = self.in_memory(next, end);
            // Rows that left memory meanwhile are a gap that the caller sees by their numbers.
            let Some((number, _)) = rows.first() else { break };
            next = number + rows.len() as u64;
            rows.iter().for_each(|(_, row)| join(&mut page, row));
        }
        page.push(b']');
        Ok(page)
    }

    fn in_memory(&self, next: u64, end: u64) -> Vec<(u64, Bytes)> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = next.saturating_sub(inner.first) as usize;
        let numbers = next.max(inner.first)..end;
        let rows = inner.rows.range(skip.min(inner.rows.len())..).cloned();
        numbers.zip(rows).take(ROWS_AT_ONCE).collect()
    }

    fn in_file(&self, next: u64, end: u64, page: &mut Vec<u8>) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mark = (next - 1) / MARK_EVERY;
        let place = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.marks.get(mark as usize).copied()
        };
        let mut file = File::open(path)?;
        file.seek(io::SeekFrom::Start(place.unwrap_or(0)))?;
        let from = if place.is_some() { mark * MARK_EVERY + 1 } else { 1 };
        let lines = BufReader::new(file).split(b'\n').skip((next - from) as usize);
        for line in lines.take((end - next) as usize) {
            join(page, &line?);
        }
        Ok(())
    }
}

impl Inner {
    /// The number that the next row gets.
    fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    fn push(&mut self, row: Bytes) {
        if (self.next() - 1).is_multiple_of(MARK_EVERY) {
            self.marks.push(self.file_bytes);
        }
        self.file_bytes += row.len() as u64 + 1;
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
        let expected = inner.next();
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
        ledger.append(&Row {
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
        assert!(texts(&ledger, u64::MAX, usize::MAX).is_empty());
    }

    #[test]
    fn pages_are_whole_across_the_bounds_of_what_is_taken_at_once() {
        let ledger = Ledger::open(None).expect("open");
        let count = 2 * ROWS_AT_ONCE + 1;
        (0..count).for_each(|_| add(&ledger, "x"));
        for after in [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, count - 1] {
            let expected: Vec<String> = (after + 1..=count).map(|n| format!("{n}x")).collect();
            assert_eq!(texts(&ledger, after as u64, usize::MAX), expected);
        }
    }

    #[test]
    fn old_rows_are_found_from_the_nearest_mark() {
        let path = std::env::temp_dir().join(format!("sandbox-marks-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let ledger = Ledger::open(Some(&path)).expect("open");
        ledger.inner.lock().expect("lock").bytes_max = 1_000;
        let count = 2 * MARK_EVERY + 10;
        (0..count).for_each(|n| add(&ledger, &n.to_string()));
        let again = Ledger::open(Some(&path)).expect("again");
        again.inner.lock().expect("lock").rows.drain(..2_000);
        again.inner.lock().expect("lock").first += 2_000;
        for ledger in [ledger, again] {
            for after in [0, MARK_EVERY - 1, MARK_EVERY, MARK_EVERY + 1, count - 2] {
                let expected: Vec<String> =
                    (after + 1..count.min(after + 3) + 1).map(|n| format!("{n}{}", n - 1)).collect();
                assert_eq!(texts(&ledger, after, 3), expected);
            }
        }
        std::fs::remove_file(&path).expect("remove");
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
