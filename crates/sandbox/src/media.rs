//! Files that providers keep: uploads of a business, and what persons send. The oldest go when space runs out.
//!
//! A person's file is fetched when the person sends it, so that a wrong address is an answer and not a broken
//! callback. Addresses may be `http` or `data`; there is no TLS here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

use crate::callbacks::Callbacks;
use crate::outcome::Verdict;
use crate::world::World;

const BYTES_MAX: usize = 256 << 20;
/// The identity under which a channel's downloads are scripted.
const SCRIPTED_AS: &str = "files";

#[derive(Debug)]
pub(crate) struct Media {
    pub account: String,
    pub mime: String,
    pub name: String,
    pub bytes: Bytes,
}

#[derive(Default)]
struct Inner {
    by_id: HashMap<String, Arc<Media>>,
    order: VecDeque<String>,
    bytes: usize,
}

#[derive(Default)]
pub(crate) struct MediaStore {
    inner: Mutex<Inner>,
}

impl MediaStore {
    pub(crate) fn put(&self, id: String, media: Media) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.bytes += media.bytes.len();
        inner.order.push_back(id.clone());
        inner.by_id.insert(id, Arc::new(media));
        while inner.bytes > BYTES_MAX && inner.order.len() > 1 {
            let Some(oldest) = inner.order.pop_front() else {
                break;
            };
            inner.bytes -= inner.by_id.remove(&oldest).map_or(0, |media| media.bytes.len());
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Media>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }
}

/// Gets a person's file; the error is a sentence for whoever asked.
pub(crate) async fn fetch(callbacks: &Callbacks, account: &str, url: &str) -> Result<Media, String> {
    let name = url.rsplit('/').next().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    if let Some(data) = url.strip_prefix("data:") {
        return decode(account, data);
    }
    let response = callbacks.get(url).await?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}", response.status()));
    }
    let mime = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime =
        mime.and_then(|value| value.split(';').next()).unwrap_or("application/octet-stream").to_owned();
    Ok(Media { account: account.to_owned(), mime, name: name.to_owned(), bytes: response.into_body() })
}

/// How a download is refused where a script says so: `0001` for good, `0004` as one too many, `ok` not at all, any
/// other code for now.
pub(crate) fn refused(world: &World, channel: &'static str, id: &str) -> Option<StatusCode> {
    match world.faults.plan(channel, SCRIPTED_AS, id, &world.settings.delays).verdict {
        Verdict::Accepted => None,
        Verdict::Refused => Some(StatusCode::NOT_FOUND),
        Verdict::Throttled => Some(StatusCode::TOO_MANY_REQUESTS),
        Verdict::Temporary | Verdict::Hung | Verdict::Dropped => Some(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn decode(account: &str, data: &str) -> Result<Media, String> {
    let (head, body) = data.split_once(',').ok_or("a data address needs a comma")?;
    let bytes: Vec<u8> = percent_decode_str(body).collect();
    let (mime, bytes) = match head.strip_suffix(";base64") {
        Some(mime) => (mime, STANDARD.decode(bytes).map_err(|error| error.to_string())?),
        None => (head, bytes),
    };
    let mime = mime.split(';').next().filter(|mime| !mime.is_empty()).unwrap_or("text/plain");
    Ok(Media { account: account.to_owned(), mime: mime.to_owned(), name: String::new(), bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_files_give_way_when_space_runs_out() {
        let store = MediaStore::default();
        let quarter = Bytes::from(vec![0; BYTES_MAX / 4]);
        let file = |bytes: &Bytes| Media {
            account: String::new(),
            mime: String::new(),
            name: String::new(),
            bytes: bytes.clone(),
        };
        for id in ["a", "b", "c", "d"] {
            store.put(id.to_owned(), file(&quarter));
        }
        assert!(store.get("a").is_some(), "exactly full");
        store.put("e".to_owned(), file(&Bytes::from_static(b"x")));
        assert!(store.get("a").is_none());
        assert!(["b", "c", "d", "e"].iter().all(|id| store.get(id).is_some()));
    }

    #[test]
    fn data_addresses_are_read_in_both_encodings() {
        for (data, mime, bytes) in [
            ("image/png;base64,aGVsbG8=", "image/png", "hello"),
            ("text/plain;charset=utf-8,a%20b", "text/plain", "a b"),
            (",x", "text/plain", "x"),
        ] {
            let media = decode("acme", data).expect(data);
            assert_eq!((media.mime.as_str(), &media.bytes[..]), (mime, bytes.as_bytes()));
        }
        assert!(decode("acme", "no comma").is_err());
        assert!(decode("acme", ";base64,***").is_err());
    }
}
