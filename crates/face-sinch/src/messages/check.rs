//! The checks of `messages:send` that need no rows: names, lengths, formats. Each limit is a constant named after its
//! field, with the number from the vendor's page.

use domain::consent::ContentClass;
use domain::delivery::Priority;
use serde_json::Value;
use url::Url;

use crate::error::Problem;

/// Characters of `message_metadata`.
pub const MESSAGE_METADATA_CHARS_MAX: usize = 1024;
/// Characters of `conversation_metadata`, written compactly.
pub const CONVERSATION_METADATA_CHARS_MAX: usize = 2048;
/// Characters of `correlation_id`.
pub const CORRELATION_ID_CHARS_MAX: usize = 128;
/// Characters of one channel property's value.
pub const CHANNEL_PROPERTY_CHARS_MAX: usize = 1024;
/// Seconds of `ttl`, both ends included.
pub const TTL_S_MIN: i64 = 3;
pub const TTL_S_MAX: i64 = 315_576_000_000;
/// Characters of `callback_url`; not the vendor's number, but some limit must be.
pub const CALLBACK_URL_CHARS_MAX: usize = 2048;

/// A text within its limit.
pub fn length(text: &str, max: usize, field: &str) -> Result<(), Problem> {
    // Bytes are at least as many as characters, so that short texts need no counting.
    if text.len() > max && text.chars().count() > max {
        return Err(Problem::invalid(format!("{field} must be at most {max} characters long")));
    }
    Ok(())
}

/// `ttl`: an integer with the suffix `s`.
pub fn ttl(given: Option<&Value>) -> Result<Option<i64>, Problem> {
    let text = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.as_str(),
        Some(_) => "",
    };
    let wrong = || Problem::invalid("ttl must be an integer with the suffix s, such as 10s");
    let digits = text.strip_suffix('s').ok_or_else(wrong)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    // More digits than an i64 holds are out of range, not malformed.
    let seconds = digits.parse().unwrap_or(i64::MAX);
    if (TTL_S_MIN..=TTL_S_MAX).contains(&seconds) {
        return Ok(Some(seconds));
    }
    Err(Problem::invalid(format!("ttl must be between {TTL_S_MIN}s and {TTL_S_MAX}s")))
}

/// An absolute http or https address with a host.
pub fn web_address(text: &str, max: usize, field: &str) -> Result<(), Problem> {
    length(text, max, field)?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let plain = url.filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
    // The parser takes leading blanks, line breaks within and single slashes in its stride; a client that checks does not.
    let form = text.starts_with("http://") || text.starts_with("https://");
    let form = form && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace());
    if plain.is_none() || !form {
        return Err(Problem::invalid(format!("{field} must be of the form http://host[:port]/path")));
    }
    Ok(())
}

fn unknown<T>(field: &str, given: &str) -> Result<T, Problem> {
    Err(Problem::invalid(format!("{field}: unknown value \"{given}\"")))
}

/// `queue`.
pub fn queue(given: Option<&str>) -> Result<Priority, Problem> {
    match given {
        None | Some("NORMAL_PRIORITY") => Ok(Priority::Normal),
        Some("HIGH_PRIORITY") => Ok(Priority::High),
        Some(other) => unknown("queue", other),
    }
}

/// `processing_strategy`: whether it is dispatch only.
pub fn dispatch_only(given: Option<&str>) -> Result<bool, Problem> {
    match given {
        None | Some("DEFAULT") => Ok(false),
        Some("DISPATCH_ONLY") => Ok(true),
        Some(other) => unknown("processing_strategy", other),
    }
}

/// `conversation_metadata_update_strategy`: whether it is a merge.
pub fn merges(given: Option<&str>) -> Result<bool, Problem> {
    match given {
        None | Some("REPLACE") => Ok(false),
        Some("MERGE_PATCH") => Ok(true),
        Some(other) => unknown("conversation_metadata_update_strategy", other),
    }
}

/// `message_content_type`.
pub fn class(given: Option<&str>) -> Result<ContentClass, Problem> {
    match given {
        None | Some("CONTENT_UNKNOWN") => Ok(ContentClass::Unknown),
        Some("CONTENT_MARKETING") => Ok(ContentClass::Marketing),
        Some("CONTENT_NOTIFICATION") => Ok(ContentClass::Notification),
        Some(other) => unknown("message_content_type", other),
    }
}

/// `message.agent.type`.
pub fn agent_type(given: Option<&str>) -> Result<(), Problem> {
    match given {
        None | Some("UNKNOWN_AGENT_TYPE" | "HUMAN" | "BOT") => Ok(()),
        Some(other) => unknown("message.agent.type", other),
    }
}

/// `conversation_metadata`: a JSON object within its limit, written compactly.
pub fn metadata_object(given: Option<&Value>) -> Result<Option<String>, Problem> {
    match given {
        None | Some(Value::Null) => Ok(None),
        Some(object @ Value::Object(_)) => {
            let text = object.to_string();
            length(&text, CONVERSATION_METADATA_CHARS_MAX, "conversation_metadata")?;
            Ok(Some(text))
        }
        Some(_) => Err(Problem::invalid("conversation_metadata must be a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_takes_the_seeds_format_and_range_alone() {
        for (text, seconds) in [("3s", 3), ("10s", 10), ("86400s", 86_400), ("315576000000s", TTL_S_MAX)] {
            assert_eq!(ttl(Some(&Value::from(text))), Ok(Some(seconds)));
        }
        for text in
            ["2s", "315576000001s", "99999999999999999999s", "10", "s", "-5s", "+5s", "1.5s", "10m", ""]
        {
            assert!(ttl(Some(&Value::from(text))).is_err(), "{text}");
        }
        assert!(ttl(Some(&Value::from(10))).is_err());
        assert_eq!(ttl(None), Ok(None));
    }

    #[test]
    fn web_addresses_are_absolute_http() {
        for good in ["http://host/path", "https://host:8443/a?b=c", "http://127.0.0.1:9"] {
            assert_eq!(web_address(good, 100, "callback_url"), Ok(()), "{good}");
        }
        for bad in [
            "",
            "host/path",
            "ftp://host/",
            "http://",
            "http:/host",
            "javascript:alert(1)",
            "http://u:p@host/",
            "http://host/a b",
            "http://ho\nst/",
        ] {
            assert!(web_address(bad, 100, "callback_url").is_err(), "{bad}");
        }
    }
}
