//! Providers' callbacks, for every channel of the registry that takes any.
//!
//! A body is taken only with the proof that belongs to it, and changes nothing without. What is genuine is taken or
//! cannot be understood, says the same when it is read again, and names people as the channel writes them.
#![no_main]

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use connector_api::{Callback, Connector, Inbound, Line};
use domain::id::AppId;
use engine::Rejected;
use fuzz::rows::{APP, CHANNEL, SECRET};
use fuzz::world::{self, World};
use hmac::{Hmac, Mac as _};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

fuzz_target!(|body: &[u8]| {
    for registered in connectors::all() {
        if let Some(proof) = proof(registered.connector.channel(), body) {
            let callback = callback(body, Some(proof));
            read(&*registered.connector, &callback);
            world::with(|world| post(world, registered.connector.channel(), callback));
        }
    }
});

/// The header that proves who sends; `None` for channels that take no callbacks.
fn proof(channel: &str, body: &[u8]) -> Option<(&'static str, String)> {
    match channel {
        CHANNEL => {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
            mac.update(body);
            Some(("x-hub-signature-256", format!("sha256={}", hex::encode(mac.finalize().into_bytes()))))
        }
        "TELEGRAM" => Some(("x-telegram-bot-api-secret-token", SECRET.to_owned())),
        _ => None,
    }
}

fn callback(body: &[u8], proof: Option<(&'static str, String)>) -> Callback {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = proof {
        headers
            .insert(HeaderName::from_static(name), HeaderValue::from_str(&value).expect("proofs are ASCII"));
    }
    Callback { headers, query: String::new(), body: Bytes::copy_from_slice(body) }
}

fn read(connector: &dyn Connector, callback: &Callback) {
    let setting = |name: &str| (name.to_owned(), SECRET.to_owned());
    let settings = ["app_secret", "secret_token"].map(setting).to_vec();
    let line = Line::new("1060", settings, Arc::new(testkit::NoWayOut));
    let read = || connector.read(connector.authenticate(callback, &line).expect("it is genuine"), &line);
    let once = read();
    assert_eq!(once, read());
    for inbound in once.unwrap_or_default() {
        if let Inbound::Message { from, .. } | Inbound::Signal { from, .. } = &inbound {
            let written = connector.normalize(from);
            assert!(written.is_none_or(|written| *written == **from), "{inbound:?}");
        }
        if let Inbound::Message { source_id, .. } = &inbound {
            assert!(!source_id.is_empty(), "a repeat is known by its id: {inbound:?}");
        }
    }
}

fn post(world: &World, channel: &str, callback: Callback) {
    let app = AppId::parse(APP).expect("a ULID");
    let position = world.engine.position();
    let mut headers = callback.headers.clone();
    for value in headers.values_mut() {
        let forged = value.to_str().expect("proofs are ASCII").replace(['0', '3'], "1");
        *value = HeaderValue::from_str(&forged).expect("still ASCII");
    }
    for headers in [headers, HeaderMap::new()] {
        if headers == callback.headers {
            continue;
        }
        let forged = Callback { headers, ..callback.clone() };
        assert_eq!(world.run(world.engine.provider_callback(channel, app, forged)), Err(Rejected::Forged));
    }
    assert_eq!(world.engine.position(), position, "nobody's words changed something");
    let taken = world.run(world.engine.provider_callback(channel, app, callback));
    assert!(matches!(taken, Ok(()) | Err(Rejected::Unreadable(_))), "{taken:?}");
}
