//! `POST /oauth2/token`: the client credentials grant, by Basic or in the form, and the tokens it gives.
//!
//! A token is a JWT whose `exp` is true, because one SDK reads it to renew in time. Errors here follow RFC 6749, not
//! the API's envelope. Time comes from the engine's clock, so the library's own look at the clock is off.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::time::Time;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Settings;
use crate::error::Problem;
use crate::gate::{Shared, basic};
use crate::json::{self, Whole};

const AUDIENCE: &str = "sinch";

/// Makes and reads tokens.
pub struct Tokens {
    lifetime_s: i64,
    signs: EncodingKey,
    reads: DecodingKey,
    rules: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
}

impl Tokens {
    pub fn new(settings: &Settings) -> Tokens {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        rules.set_audience(&[AUDIENCE]);
        Tokens {
            lifetime_s: i64::try_from(settings.token_lifetime_s).unwrap_or(i64::MAX),
            signs: EncodingKey::from_secret(&settings.signing_key),
            reads: DecodingKey::from_secret(&settings.signing_key),
            rules,
        }
    }

    fn mint(&self, key_id: &str, now: Time) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.seconds();
        let exp = iat.saturating_add(self.lifetime_s);
        let claims = Claims { aud: AUDIENCE.to_owned(), sub: key_id.to_owned(), iat, exp };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
    }

    /// The key id that a token was given to.
    pub fn key_id(&self, token: &str, now: Time) -> Result<String, Problem> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.reads, &self.rules);
        let claims = read.map_err(|_| Problem::unauthenticated())?.claims;
        if claims.exp <= now.seconds() { Err(Problem::expired()) } else { Ok(claims.sub) }
    }
}

#[derive(Default, Deserialize)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Gives a token to a key and its secret.
pub async fn issue(State(desk): State<Shared>, headers: HeaderMap, body: Whole) -> Response {
    let Ok(bytes) = json::bytes(body) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "the body could not be read");
    };
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&bytes) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "the body must be a form");
    };
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let why = "only client_credentials is supported";
            return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
        }
        None => {
            return refuse(StatusCode::BAD_REQUEST, "invalid_request", "grant_type is required");
        }
    }
    let given = basic(&headers).or_else(|| form.client_id.zip(form.client_secret));
    let Some(credential) = given.and_then(|(key_id, secret)| desk.by_secret(&key_id, &secret)) else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "client authentication failed");
    };
    match desk.tokens.mint(&credential.public, desk.engine.now()) {
        Ok(token) => {
            let mut response = json::ok(&json!({
                "access_token": token, "expires_in": desk.tokens.lifetime_s, "scope": "", "token_type": "bearer",
            }));
            let no_store = http::HeaderValue::from_static("no-store");
            response.headers_mut().insert(http::header::CACHE_CONTROL, no_store);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a token could not be signed");
            Problem::unavailable().into_response()
        }
    }
}

fn refuse(code: StatusCode, error: &str, description: &str) -> Response {
    let mut response = json::answer(code, &json!({"error": error, "error_description": description}));
    if code == StatusCode::UNAUTHORIZED {
        let scheme = http::HeaderValue::from_static(r#"Basic realm="sinch""#);
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, scheme);
    }
    response
}
