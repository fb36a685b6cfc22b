//! `POST /api/account/{account}/consumer?v=1.0`: the ConsumerJWS of an external consumer id.
//! It never expires and is the same every time, so that clients may keep it for ever.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::settings::{BODY_BYTES_MAX, EXT_CONSUMER_ID_CHARS_MAX};
use crate::{Face, answer, door, tokens};

/// Issues the token.
pub async fn handler(
    State(face): State<Face>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(why) = door::installation(&face, &account, &headers) {
        return why.into_response();
    }
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let given: Value = serde_json::from_slice(&body).unwrap_or_default();
    let external = given.get("ext_consumer_id").and_then(Value::as_str).unwrap_or_default();
    if external.is_empty() || external.chars().count() > EXT_CONSUMER_ID_CHARS_MAX {
        let error = json!({ "error": "invalid_request", "error_description": "ext_consumer_id is missing or invalid" });
        return answer::json(StatusCode::BAD_REQUEST, &error);
    }
    let claims = json!({
        "account_id": account,
        "ext_consumer_id": external,
        "lp_consumer_id": tokens::consumer_id(&account, external),
    });
    let token = tokens::sign(&face.settings.signing_key, "consumerjws", &claims);
    answer::json(StatusCode::CREATED, &json!({ "token": token }))
}
