//! Cursors as this face prints them: opaque, URL-safe, the place behind an event of the tenant's log.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Refusal;

/// What a cursor begins with before it is encoded; another version would begin otherwise.
const VERSION: &str = "1:";

/// The cursor behind a position.
pub(crate) fn write(position: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{VERSION}{position}"))
}

/// The position of a cursor.
pub(crate) fn read(cursor: &str) -> Result<u64, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Refusal::BadCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::BadCursor)?;
    let position = text.strip_prefix(VERSION).and_then(|position| position.parse().ok());
    // The store counts in signed 64 bits.
    position.filter(|position| i64::try_from(*position).is_ok()).ok_or(Refusal::BadCursor)
}
