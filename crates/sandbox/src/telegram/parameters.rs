//! Parameters of a call, in each of the ways the Bot API takes them: JSON, query, form and multipart.
//!
//! Objects are JSON strings in the three others. An uploaded file becomes an entry of the media store; its parameter
//! then holds the entry's id, as if the file had been sent by id.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::media::Media;
use crate::world::World;

pub(super) type Parameters = Map<String, Value>;

pub(super) async fn read(
    world: &World,
    account: &str,
    headers: &HeaderMap,
    query: Option<&str>,
    body: Bytes,
) -> Result<Parameters, String> {
    let mut parameters = form(query.unwrap_or_default().as_bytes())?;
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        multipart(world, account, kind, body, &mut parameters).await?;
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        parameters.extend(form(&body)?);
    } else if !body.is_empty() {
        let object = serde_json::from_slice::<Parameters>(&body);
        parameters.extend(object.map_err(|_| "can't parse JSON object".to_owned())?);
    }
    Ok(parameters)
}

fn form(bytes: &[u8]) -> Result<Parameters, String> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_bytes(bytes).map_err(|error| error.to_string())?;
    Ok(pairs.into_iter().map(|(key, value)| (key, loosened(value))).collect())
}

fn loosened(text: String) -> Value {
    if text.starts_with(['{', '[']) {
        return serde_json::from_str(&text).unwrap_or(Value::String(text));
    }
    Value::String(text)
}

async fn multipart(
    world: &World,
    account: &str,
    kind: &str,
    body: Bytes,
    parameters: &mut Parameters,
) -> Result<(), String> {
    let boundary = multer::parse_boundary(kind).map_err(|error| error.to_string())?;
    let mut form = multer::Multipart::new(stream::once(async { Ok::<_, Infallible>(body) }), boundary);
    while let Some(field) = form.next_field().await.map_err(|error| error.to_string())? {
        let key = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let mime = field.content_type().map_or("application/octet-stream".to_owned(), ToString::to_string);
        let bytes = field.bytes().await.map_err(|error| error.to_string())?;
        let value = match file_name {
            Some(name) => {
                let id = world.next_id().to_string();
                world.media.put(id.clone(), Media { account: account.to_owned(), mime, name, bytes });
                Value::String(id)
            }
            None => loosened(String::from_utf8_lossy(&bytes).into_owned()),
        };
        parameters.insert(key, value);
    }
    Ok(())
}
