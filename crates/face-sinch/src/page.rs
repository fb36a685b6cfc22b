//! Page tokens and page sizes. A token is a list position in hexadecimal behind a letter: URL-safe without
//! encoding, never like a date, and refused when tampered with.

use crate::error::Problem;

/// Query members that every list takes.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The pairs of a raw query string.
    pub fn of(raw: Option<&str>) -> Result<Query, Problem> {
        let pairs = serde_urlencoded::from_str(raw.unwrap_or_default());
        pairs.map(Query).map_err(|_| Problem::invalid("malformed query"))
    }

    /// A member, if given and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// `page_size`, clamped; the default when absent or not positive.
    pub fn size(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.get("page_size") else {
            return Ok(default);
        };
        let size: i64 = text.parse().map_err(|_| Problem::invalid("page_size must be an integer"))?;
        let size = usize::try_from(size).unwrap_or(0);
        Ok(if size == 0 { default } else { size.min(max) })
    }

    /// The position in `page_token`.
    pub fn position(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get("page_token") else {
            return Ok(None);
        };
        let position = text.strip_prefix('p').and_then(|hex| u64::from_str_radix(hex, 16).ok());
        position.map(Some).ok_or_else(|| Problem::invalid("page_token is invalid"))
    }

    /// A boolean member.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// The token that continues after a position; empty at the end.
pub fn token(position: Option<u64>) -> String {
    position.map(|position| format!("p{position:x}")).unwrap_or_default()
}
