//! A request's body as one tree of values and a list of files, whatever its content type. Reference section 2.2.
//!
//! JSON, urlencoded and multipart mean the same; the query string merges below the body. Sizes are bounded while
//! reading, so that an oversized request is refused before it is in memory.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::error::Problem;
use crate::form;
use crate::settings::Settings;

/// Fields of one multipart request, files aside.
const FIELDS_MAX: usize = 1_000;

/// One file part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub name: Option<String>,
    pub bytes: Bytes,
}

/// A read request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub fields: Map<String, Value>,
    pub files: Vec<Part>,
}

impl Input {
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key)
    }
}

/// Reads the body and merges it over the query.
pub(crate) async fn read(
    headers: &HeaderMap,
    query: &Map<String, Value>,
    body: Body,
    settings: &Settings,
) -> Result<Input, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lower = kind.to_ascii_lowercase();
    let mut input = if lower.starts_with("multipart/form-data") {
        let boundary = multer::parse_boundary(kind).map_err(|_| Problem::Malformed)?;
        multipart(body, boundary, settings).await?
    } else {
        let bytes = whole(body, settings.plain_request_bytes_max).await?;
        let fields = if lower.starts_with("application/x-www-form-urlencoded") && !looks_like_json(&bytes) {
            form::checked(&bytes).ok_or(Problem::Malformed)?
        } else {
            json(&bytes)?
        };
        Input { fields, files: Vec::new() }
    };
    for (key, value) in query {
        input.fields.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Ok(input)
}

/// `curl -d` without a content type declares a form; a body that begins as an object is none.
fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn json(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        // The framework keeps other JSON under a key that no handler reads.
        Ok(_) => Ok(Map::new()),
        Err(_) => Err(Problem::Malformed),
    }
}

async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut kept = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::Malformed)?;
        if kept.len() + chunk.len() > bytes_max {
            return Err(Problem::TooLarge);
        }
        kept.extend_from_slice(&chunk);
    }
    Ok(kept.freeze())
}

async fn multipart(body: Body, boundary: String, settings: &Settings) -> Result<Input, Problem> {
    let mut parts = multer::Multipart::new(body.into_data_stream(), boundary);
    let (mut input, mut total, mut seen) = (Input::default(), 0, 0);
    while let Some(mut field) = parts.next_field().await.map_err(|_| Problem::Malformed)? {
        seen += 1;
        let key = field.name().unwrap_or_default().to_owned();
        let is_file = is_attachment(&key) && (field.file_name().is_some() || field.content_type().is_some());
        let name = field.file_name().map(str::to_owned);
        let mut kept = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| Problem::Malformed)? {
            total += chunk.len();
            if total > settings.request_bytes_max {
                return Err(Problem::TooLarge);
            }
            if is_file && kept.len() + chunk.len() > settings.attachment_bytes_max {
                return Err(Problem::validation("Attachments file size is too big"));
            }
            if !is_file && kept.len() + chunk.len() > settings.plain_request_bytes_max {
                return Err(Problem::TooLarge);
            }
            kept.extend_from_slice(&chunk);
        }
        if !is_file {
            if seen > FIELDS_MAX {
                return Err(Problem::TooLarge);
            }
            let text = String::from_utf8(kept.into()).map_err(|_| Problem::Malformed)?;
            form::insert(&mut input.fields, &key, Value::String(text));
            continue;
        }
        // What a browser sends for a file input that nothing was chosen in.
        if kept.is_empty() && name.as_deref().is_none_or(str::is_empty) {
            continue;
        }
        if input.files.len() == settings.attachments_max {
            return Err(Problem::validation("Attachments exceeded maximum allowed"));
        }
        input.files.push(Part { name, bytes: kept.freeze() });
    }
    Ok(input)
}

/// The spellings of the attachments part that clients use.
fn is_attachment(key: &str) -> bool {
    key == "attachments" || key.starts_with("attachments[")
}
