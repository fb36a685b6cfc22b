//! The provider's files: every fifth message of a person is one. They are given, refused, forgotten or kept waiting as
//! the seed says, until the end, when all that are still asked for are given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::domain::content::{Body, Media};
use engine::domain::event::Fact;
use engine::domain::job::Work;
use engine::domain::record::{Kind, Record};
use engine::domain::tenant::{File, Presence};
use engine::{HttpOut, HttpRequest, HttpResponse, OutError};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ports::files::Rendering;
use ports::{Files as _, Reads as _};

use crate::fate::Fate;
use crate::world::World;

/// Stands before the source of a message in the reference to its file.
const REFERENCE: &str = "provider:";

/// What a person says: the text, or a file under it.
pub fn said(source: &str, text: &str) -> Body {
    let is_file = source.ends_with(['3', '8']) && !crate::actions::KEYWORDS.contains(&text);
    if !is_file {
        return Body::Text(text.to_owned());
    }
    let (url, caption) = (format!("{REFERENCE}{source}"), text.to_owned());
    Body::Media(Media { url, caption, mime: "image/png".to_owned(), ..Media::default() })
}

/// How one download goes.
#[derive(Clone, Copy, Debug)]
enum Download {
    Given,
    Busy,
    Broken,
    Hangs,
    Gone,
}

/// Gives files out.
pub struct Shelf {
    fate: Fate,
    calm: AtomicBool,
}

impl Shelf {
    pub fn new(fate: &Fate) -> Arc<Shelf> {
        Arc::new(Shelf { fate: fate.clone(), calm: AtomicBool::new(false) })
    }

    /// Nothing fails any more.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }
}

impl HttpOut for Shelf {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            let all = [
                (60, Download::Given),
                (15, Download::Busy),
                (10, Download::Broken),
                (5, Download::Hangs),
                (10, Download::Gone),
            ];
            let goes =
                if self.calm.load(Ordering::Relaxed) { Download::Given } else { self.fate.weighted(&all) };
            self.fate.note(format_args!("download {} {goes:?}", request.url));
            let answer = |status, body| {
                Ok(HttpResponse { status, headers: http::HeaderMap::new(), body: Bytes::from(body) })
            };
            match goes {
                Download::Given => answer(200, request.url),
                Download::Busy => answer(503, String::new()),
                Download::Gone => answer(404, String::new()),
                Download::Broken => Err(OutError::NoAnswer("it broke off".to_owned())),
                Download::Hangs => {
                    tokio::time::sleep(Duration::from_millis(request.timeout_ms)).await;
                    Err(OutError::NoAnswer("it took too long".to_owned()))
                }
            }
        })
    }
}

fn rows(world: &World, kind: Kind) -> Vec<Record> {
    let rows = world.store.memory.rows_after(kind, None, usize::MAX).now_or_never();
    rows.and_then(Result::ok).unwrap_or_default().into_iter().filter_map(|row| row.record).collect()
}

/// Each file is stored whole, lost, or still wanted by a job; it was told once that it is settled, and no message shows
/// where its provider has it.
pub fn files_are_settled(world: &World) {
    let events = world.store.events_after(0);
    let jobs = world.store.memory.all_jobs();
    for record in rows(world, Kind::File) {
        let Record::File(file) = record else { continue };
        let told: Vec<&Fact> =
            events.iter().map(|event| &event.fact).filter(|fact| is_about(fact, &file)).collect();
        let right = match (&file.presence, &told[..]) {
            (Presence::Stored, [Fact::FileFetched { .. }]) => is_whole(world, &file),
            (Presence::Lost(_), [Fact::FileLost { .. }]) => true,
            (Presence::Awaited(_), []) => jobs
                .iter()
                .any(|job| matches!(job.work, Work::Fetch { file: wanted, .. } if wanted == file.id)),
            _ => false,
        };
        world.fate.demand(right, format_args!("{file:?} was told as {told:?}"));
    }
    for record in rows(world, Kind::Content) {
        let Record::Content(content) = record else { continue };
        for media in content.body.media() {
            let ours = media.file.is_some() && media.url.is_empty();
            world.fate.demand(ours, format_args!("a message shows {media:?}"));
        }
    }
}

fn is_about(fact: &Fact, own: &File) -> bool {
    matches!(fact, Fact::FileFetched { file } | Fact::FileLost { file, .. } if *file == own.id)
}

fn is_whole(world: &World, file: &File) -> bool {
    let bytes = world.files.get(file.tenant, file.id, Rendering::Original).now_or_never();
    let bytes = bytes.and_then(Result::ok).flatten().unwrap_or_default();
    bytes.len() as u64 == file.size && bytes.starts_with(REFERENCE.as_bytes())
}
