//! JSON in and out of handlers: bodies with a limit, compact answers, canonical bytes.
//!
//! An empty body counts as `{}`, because one SDK sends `content-type: application/json` with nothing in it.

use std::convert::Infallible;
use std::error::Error as _;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::Deserialize;
use serde_json::{Map, Value};

use crate::error::Problem;

/// Longest request body.
pub const BODY_BYTES_MAX: usize = 1_048_576;

/// The whole body, or why there is none.
pub struct Whole(Result<Bytes, axum::Error>);

impl<S: Sync> FromRequest<S> for Whole {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Whole, Infallible> {
        Ok(Whole(axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await))
    }
}

/// The body's bytes.
pub fn bytes(body: Whole) -> Result<Bytes, Problem> {
    match body.0 {
        Ok(bytes) if bytes.is_empty() => Ok(Bytes::from_static(b"{}")),
        Ok(bytes) => Ok(bytes),
        Err(error) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            Err(Problem::too_large())
        }
        Err(_) => Err(Problem::invalid("the request body could not be read")),
    }
}

/// Reads a JSON object.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Problem::invalid("the request body must be a JSON object"));
    }
    // The reader passes over members that nobody asks for without looking whether they are text.
    let text = std::str::from_utf8(bytes).map_err(malformed)?;
    serde_json::from_str(text).map_err(malformed)
}

fn malformed(error: impl std::fmt::Display) -> Problem {
    Problem::invalid(format!("malformed request body: {error}"))
}

/// An answer with a JSON body.
pub fn answer<T: Serialize>(code: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => stored(code, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An answer whose JSON bytes are there already.
pub fn stored(code: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = (code, bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200 with a JSON body.
pub fn ok<T: Serialize>(body: &T) -> Response {
    answer(StatusCode::OK, body)
}

/// The same value with members in order of name and whole floats as integers: equal for equal requests, and what
/// a JavaScript client writes again byte for byte.
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(
                members.into_iter().map(|(name, value)| (name, canonical(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Number(number) => Value::Number(whole(number)),
        other => other,
    }
}

/// Beyond this a float cannot hold every integer.
const SAFE_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

fn whole(number: serde_json::Number) -> serde_json::Number {
    match number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0) {
        Some(value) if value.abs() <= SAFE_INTEGER_MAX => serde_json::Number::from(value as i64),
        _ => number,
    }
}

/// JSON text as a compact value; `None` when it is none.
pub fn value_of(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(canonical)
}
