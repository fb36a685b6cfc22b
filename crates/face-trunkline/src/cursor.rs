//! Cursors as this face prints them: opaque, URL-safe, the place behind an event of the tenant's log.
//!
//! A cursor names its log as well. A server that was restored from a backup gives the positions after it out again, so
//! a place in the first server's log would be another one here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::Id;
use engine::domain;

use crate::error::Refusal;

/// What a cursor begins with before it is encoded; another version would begin otherwise.
const VERSION: &str = "2:";

/// The cursor behind a position.
pub(crate) fn write(log: Id, position: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{VERSION}{}:{position}", short(log)))
}

/// The position of a cursor of this log.
pub(crate) fn read(log: Id, cursor: &str) -> Result<u64, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Refusal::BadCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::BadCursor)?;
    let (named, position) =
        text.strip_prefix(VERSION).and_then(|rest| rest.split_once(':')).ok_or(Refusal::BadCursor)?;
    // The store counts in signed 64 bits.
    let position = position.parse().ok().filter(|position| i64::try_from(*position).is_ok());
    let position = position.ok_or(Refusal::BadCursor)?;
    if named == short(log) { Ok(position) } else { Err(Refusal::OtherLog) }
}

/// The half of the log's name that chance made.
fn short(log: Id) -> String {
    format!("{:016x}", log.0 as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Id = Id(0x0199_0000_0000_7000_8000_0000_0000_00aa);

    #[test]
    fn a_cursor_is_read_in_its_own_log_alone() {
        for position in [0, 7, i64::MAX as u64] {
            let cursor = write(LOG, position);
            assert_eq!(read(LOG, &cursor), Ok(position));
            assert_eq!(read(Id(LOG.0 ^ 1), &cursor), Err(Refusal::OtherLog));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let past = format!("2:{}:{}", short(LOG), i64::MAX as u64 + 1);
        for wrong in ["", "1:7", "2:7", "2::", "3:00:7", &past] {
            assert_eq!(read(LOG, &encoded(wrong)), Err(Refusal::BadCursor), "{wrong}");
        }
        assert_eq!(read(LOG, "???"), Err(Refusal::BadCursor));
    }
}
