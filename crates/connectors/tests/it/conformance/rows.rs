//! What the suite must be told about each channel, and nothing that it could find out: a new channel is a row here.

use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderValue};
use sandbox::Running;
use serde_json::{Value, json};
use sha2::Sha256;

/// In every credential, so that one search finds any that leaks.
pub const SECRET: &str = "S3CRET";

/// One channel.
#[derive(Clone, Copy)]
pub struct Row {
    pub channel: &'static str,
    /// Our account's name at the provider.
    pub account: &'static str,
    /// Before the four magic characters of an address.
    pub person: &'static str,
    /// The settings of our account against this sandbox.
    pub settings: fn(&Running) -> Vec<(&'static str, String)>,
    /// What the provider knows of our account, apart from where callbacks go.
    pub registered: fn() -> Value,
    pub proof: Proof,
}

/// How a callback proves where it comes from, as headers for a secret and a body.
#[derive(Clone, Copy)]
pub enum Proof {
    /// Nothing comes by callback.
    Session,
    /// The secret itself is shown.
    Shown(fn(&str, &[u8]) -> HeaderMap),
    /// The body is signed.
    Signed(fn(&str, &[u8]) -> HeaderMap),
}

pub const WHATSAPP: Row = Row {
    channel: "WHATSAPP",
    account: "1060",
    person: "44770090",
    settings: |sandbox| {
        vec![
            ("access_token", format!("{SECRET}-token")),
            ("app_secret", SECRET.to_owned()),
            ("verify_token", format!("{SECRET}-word")),
            ("base_url", format!("{}/whatsapp", sandbox.url())),
        ]
    },
    registered: || json!({ "access_token": format!("{SECRET}-token"), "app_secret": SECRET }),
    proof: Proof::Signed(|secret, body| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        one_header("x-hub-signature-256", &signature)
    }),
};

pub const TELEGRAM: Row = Row {
    channel: "TELEGRAM",
    account: "123:S3CRET",
    person: "555",
    settings: |sandbox| {
        vec![
            ("bot_token", format!("123:{SECRET}")),
            ("secret_token", SECRET.to_owned()),
            ("base_url", format!("{}/telegram", sandbox.url())),
        ]
    },
    registered: || json!({ "secret_token": SECRET }),
    proof: Proof::Shown(|secret, _| one_header("x-telegram-bot-api-secret-token", secret)),
};

pub const SMS: Row = Row {
    channel: "SMS",
    account: "acme",
    person: "44770090",
    settings: |sandbox| {
        vec![
            ("host", sandbox.smpp_addr.ip().to_string()),
            ("port", sandbox.smpp_addr.port().to_string()),
            ("system_id", "acme".to_owned()),
            ("password", SECRET.to_owned()),
            ("source_addr", "447700900999".to_owned()),
        ]
    },
    registered: || json!({ "password": SECRET, "address": "447700900999" }),
    proof: Proof::Session,
};

fn one_header(name: &'static str, value: &str) -> HeaderMap {
    let value = HeaderValue::from_str(value).expect("a header value");
    HeaderMap::from_iter([(http::HeaderName::from_static(name), value)])
}
