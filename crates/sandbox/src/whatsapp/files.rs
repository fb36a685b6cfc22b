//! Media: upload, description and download, each behind the bearer of the account that owns the file.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::errors::{self, GraphError};
use super::{NAME, authorize, bearer};
use crate::http::{json as answer, origin};
use crate::media::{self, Media};
use crate::world::World;

pub(super) async fn upload(
    State(world): State<Arc<World>>,
    Path((_version, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let stored = match authorize(&world, &id, &headers) {
        Ok(_) => read_form(&id, &headers, body).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(media) => {
            let media_id = world.next_id().to_string();
            world.media.put(media_id.clone(), media);
            answer(StatusCode::OK, &json!({ "id": media_id }))
        }
        Err(error) => error.respond(&world),
    }
}

async fn read_form(account: &str, headers: &HeaderMap, body: Bytes) -> Result<Media, GraphError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary =
        multer::parse_boundary(kind).map_err(|_| errors::invalid("The body must be multipart."))?;
    let body = stream::once(async { Ok::<_, std::convert::Infallible>(body) });
    let mut form = multer::Multipart::new(body, boundary);
    let (mut product, mut file, mut given_kind) = (false, None, None);
    while let Some(field) = form.next_field().await.map_err(|wrong| errors::invalid(wrong.to_string()))? {
        let key = field.name().unwrap_or_default().to_owned();
        let mime = field.content_type().map(ToString::to_string);
        let name = field.file_name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|wrong| errors::invalid(wrong.to_string()))?;
        match key.as_str() {
            "messaging_product" => product = bytes == "whatsapp",
            "type" => given_kind = String::from_utf8(bytes.to_vec()).ok(),
            "file" => file = Some((mime, name, bytes)),
            _ => {}
        }
    }
    if !product {
        return Err(errors::invalid("The parameter messaging_product is required."));
    }
    let (mime, name, bytes) = file.ok_or_else(|| errors::invalid("The parameter file is required."))?;
    let mime = mime.or(given_kind).ok_or_else(|| errors::invalid("The file's type is unknown."))?;
    Ok(Media { account: account.to_owned(), mime, name, bytes })
}

/// The account's own files only: another account's are as unknown as those that never were.
fn find(world: &World, id: &str, headers: &HeaderMap) -> Result<Arc<Media>, GraphError> {
    let media = world.media.get(id).ok_or_else(|| errors::unknown_object(id))?;
    let owner = world.accounts.get(NAME, &media.account).ok_or_else(|| errors::unknown_object(id))?;
    let given = bearer(headers).ok_or_else(errors::no_token)?;
    match owner.text("access_token") {
        Some(token) if token != given => Err(errors::unknown_object(id)),
        _ => Ok(media),
    }
}

pub(super) async fn describe(
    State(world): State<Arc<World>>,
    Path((_version, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match find(&world, &id, &headers) {
        Ok(media) => {
            let body = json!({
                "messaging_product": "whatsapp",
                "url": format!("{}/whatsapp/download/{id}", origin(&headers)),
                "mime_type": media.mime,
                "sha256": hex::encode(Sha256::digest(&media.bytes)),
                "file_size": media.bytes.len(),
                "id": id,
            });
            answer(StatusCode::OK, &body)
        }
        Err(error) => error.respond(&world),
    }
}

pub(super) async fn download(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(status) = media::refused(&world, NAME, &id) {
        return status.into_response();
    }
    match find(&world, &id, &headers) {
        Ok(media) => ([(CONTENT_TYPE, media.mime.clone())], media.bytes.clone()).into_response(),
        Err(error) => error.respond(&world),
    }
}
