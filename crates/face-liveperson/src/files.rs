//! Files: `ms.GenerateURLFor{Upload,Download}File`, and `PUT`/`GET /v1/AUTH_async-images/{account}/{name}`.
//!
//! A path carries the id of the file, so that the event that names the path finds the bytes. URLs are signed and
//! short-lived, as object stores do it; nothing else authenticates them.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use domain::command::admin::PutFile;
use domain::id::FileId;
use domain::tenant::{File, Presence};
use domain::time::Time;
use engine::Rendering;
use face_kit::files::FETCH_AWAITED_MS;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::answer::Refusal;
use crate::door::Caller;
use crate::settings::FILE_TYPES;
use crate::{Face, tokens};

/// Where all files stand.
const ROOT: &str = "/v1/AUTH_async-images";

/// The answer to `ms.GenerateURLForUploadFile`.
pub fn upload_url(face: &Face, caller: &Caller, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let size = match body.get("fileSize") {
        Some(Value::String(size)) => size.trim().parse::<u64>().ok(),
        Some(size) => size.as_u64(),
        None => None,
    };
    let kind = body.get("fileType").and_then(Value::as_str).unwrap_or_default().to_uppercase();
    let fits = size.is_some_and(|size| size <= face.settings.file_bytes_max as u64);
    if !fits || !FILE_TYPES.contains(&kind.as_str()) {
        return Err(Refusal::Malformed);
    }
    let now = face.engine.now();
    let at = jiff::Timestamp::from_millisecond(now.0)
        .unwrap_or_default()
        .strftime("%d-%m-%Y_%H-%M-%S")
        .to_string();
    let id = FileId(face.engine.new_id()).uuid();
    let millis = now.0.rem_euclid(1000);
    let path = format!("{ROOT}/{}/{}_uuid_{id}_{at}-{millis:03}.{kind}", caller.account, caller.consumer);
    Ok(signed(face, "PUT", &path))
}

/// The answer to `ms.GenerateURLForDownloadFile`.
pub fn download_url(face: &Face, caller: &Caller, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let path = body.get("relativePath").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
    let own = path.starts_with(&format!("{ROOT}/{}/", caller.account));
    if own { Ok(signed(face, "GET", path)) } else { Err(Refusal::Malformed) }
}

/// The path by which webhooks name a stored file.
pub fn path_of(account: &str, file: &File) -> String {
    format!("{ROOT}/{account}/agent_uuid_{}.{}", file.id.uuid(), type_of(&file.mime))
}

/// The file that a path names.
pub fn id_in(path: &str) -> Option<FileId> {
    let (_, after) = path.rsplit_once("_uuid_")?;
    FileId::parse(after.get(..36)?)
}

/// The vendor's file type as a media type; empty when unknown.
pub fn mime_of(file_type: &str) -> &'static str {
    match file_type.to_uppercase().as_str() {
        "JPG" | "JPEG" => "image/jpeg",
        "PNG" => "image/png",
        "GIF" => "image/gif",
        "PDF" => "application/pdf",
        "TXT" => "text/plain",
        "DOCX" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "PPTX" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "XLSX" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "",
    }
}

/// A media type as the vendor's file type.
pub fn type_of(mime: &str) -> String {
    let known = FILE_TYPES.iter().find(|kind| !mime.is_empty() && mime_of(kind) == mime);
    let subtype = || mime.rsplit('/').next().unwrap_or_default().to_uppercase();
    match known {
        Some(kind) => (*kind).to_owned(),
        None if mime.is_empty() => "IMG".to_owned(),
        None => subtype(),
    }
}

/// `PUT`: the raw bytes of a file.
pub async fn upload(
    State(face): State<Face>,
    Path((account, name)): Path<(String, String)>,
    uri: Uri,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Response {
    let tenant = face.engine.directory().tenant_by_site(&account).cloned();
    let (true, Some(tenant)) = (is_genuine(&face, "PUT", uri.path(), query.as_deref()), tenant) else {
        return invalid();
    };
    let Some(id) = id_in(&name) else { return invalid() };
    if bytes.len() > face.settings.file_bytes_max {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let file = File {
        id,
        tenant: tenant.id,
        number: 0,
        mime: infer::get(&bytes).map_or("application/octet-stream", |kind| kind.mime_type()).to_owned(),
        name,
        size: bytes.len() as u64,
        width: None,
        height: None,
        sha256: Sha256::digest(&bytes).into(),
        thumbnail: false,
        created_at: face.engine.now(),
        presence: Presence::Stored,
    };
    let kept = face.engine.put_file(tenant.id, id, Rendering::Original, bytes).await.is_ok();
    if kept && face.engine.execute(PutFile(file)).await.is_ok() {
        StatusCode::CREATED.into_response()
    } else {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

/// `GET`: the bytes, as a download that never acts as content of our origin.
pub async fn download(
    State(face): State<Face>,
    Path((account, name)): Path<(String, String)>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Response {
    let tenant = face.engine.directory().tenant_by_site(&account).cloned();
    let (true, Some(tenant)) = (is_genuine(&face, "GET", uri.path(), query.as_deref()), tenant) else {
        return invalid();
    };
    let Some(id) = id_in(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let row = face.engine.file(tenant.id, id, FETCH_AWAITED_MS).await;
    let bytes = face.engine.file_bytes(tenant.id, id, Rendering::Original).await;
    match (row, bytes) {
        (Ok(Some(file)), Ok(Some(bytes))) => (StatusCode::OK, headers(&file), bytes).into_response(),
        (Err(_), _) | (_, Err(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn headers(file: &File) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mime =
        HeaderValue::from_str(&file.mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, mime);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers
}

fn signed(face: &Face, method: &str, path: &str) -> Value {
    let lifetime_s = face.settings.file_url_lifetime_s;
    let expires_s = face.engine.now().seconds().saturating_add_unsigned(lifetime_s);
    let query = query(&face.settings.signing_key, method, path, expires_s);
    json!({ "relativePath": path, "queryParams": query })
}

/// The query parameters that open a path until this second.
pub fn query(key: &[u8; 32], method: &str, path: &str, expires_s: i64) -> Value {
    let signature = tokens::file_signature(key, method, expires_s, path);
    json!({ "temp_url_sig": signature, "temp_url_expires": expires_s.to_string() })
}

fn is_genuine(face: &Face, method: &str, path: &str, query: Option<&str>) -> bool {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
    let value = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let (Some(signature), Some(expires)) = (value("temp_url_sig"), value("temp_url_expires")) else {
        return false;
    };
    let Ok(expires_s) = expires.parse::<i64>() else {
        return false;
    };
    let right = tokens::file_signature(&face.settings.signing_key, method, expires_s, path);
    let Time(now_ms) = face.engine.now();
    bool::from(right.as_bytes().ct_eq(signature.as_bytes())) && now_ms < expires_s.saturating_mul(1000)
}

fn invalid() -> Response {
    (StatusCode::UNAUTHORIZED, "Temp URL invalid").into_response()
}
