//! One try to fetch a file that a person sent: ask the connector where it is, get it, look into it, store it, record
//! how that ended. Whatever happens before the record is done again after a crash, under the same id.
//!
//! Addresses at providers hold credentials: no log line, reason or metric here names one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_api::{Connector, HttpRequest, HttpResponse, Line, OutError, SendError};
use domain::command::fetch::{Ended as Fetched, Finish, Found};
use domain::content::{Content, Media};
use domain::delivery::{Reason, ReasonKind};
use domain::id::{FileId, MessageId};
use domain::job::Job;
use domain::message::Message;
use domain::tenant::{File, Presence};
use http::{Method, header};
use ports::files::Rendering;
use sha2::{Digest as _, Sha256};

use super::{Ended, UNAVAILABLE_MS, Worked};
use crate::engine::{Engine, stopped};

/// How long a try may take in all, in milliseconds.
const TRY_MS_MAX: u64 = 120_000;
/// Bytes that are digested without letting others go on.
const DIGESTED_AT_ONCE: usize = 1 << 20;

/// Runs a fetch job once.
pub(super) async fn fetch(engine: &Engine, job: &Job, message: MessageId, file: FileId) -> Worked {
    let later = || Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)).into();
    let Ok(_seat) = engine.fetching().seats.try_acquire() else {
        return later();
    };
    let Ok(wanted) = Wanted::load(engine, job, message, file).await else {
        return later();
    };
    let stopping = engine.stopping();
    let ended = match wanted {
        Some(wanted) => tokio::select! {
            biased;
            ended = wanted.fetch(engine) => ended,
            // Nobody waits for a download at a stop: the next start fetches again.
            () = stopped(&stopping) => return later(),
        },
        None => refused("nothing is known of it any more"),
    };
    let finish = Finish { tenant: job.tenant, message, file, job: job.id, ended };
    match engine.conclude(finish).await {
        Ok(file) => {
            file.iter().for_each(count);
            engine.fetching().settled.notify_waiters();
            Ended::Done.into()
        }
        Err(_) => later(),
    }
}

/// Removes the bytes of the files that a message names; `false` when any may be left. The rows go after them.
pub(super) async fn erase_bytes(engine: &Engine, job: &Job, message: MessageId) -> bool {
    let Ok(content) = engine.get::<Content>(job.tenant, message.0).await else {
        return false;
    };
    let media = content.as_ref().map(|content| content.body.media()).unwrap_or_default();
    for file in media.into_iter().filter_map(|media| media.file) {
        if let Err(error) = engine.parts().files.remove(job.tenant, file).await {
            tracing::warn!(%error, file_id = file.ulid(), "a file could not be erased; it is tried again");
            return false;
        }
    }
    true
}

/// What is to be fetched, and from whom.
struct Wanted {
    file: Arc<File>,
    /// `None`: the app has no such channel now, or the server does not know it.
    from: Option<(Arc<dyn Connector>, Line)>,
    media: Media,
}

impl Wanted {
    /// `None`: the file is not awaited any more.
    async fn load(
        engine: &Engine,
        job: &Job,
        message: MessageId,
        file: FileId,
    ) -> Result<Option<Wanted>, ports::Error> {
        let message = engine.get::<Message>(job.tenant, message.0).await?;
        let (Some(file), Some(message)) = (engine.get::<File>(job.tenant, file.0).await?, message) else {
            return Ok(None);
        };
        let Presence::Awaited(awaited) = &file.presence else {
            return Ok(None);
        };
        let media = Media {
            url: awaited.reference.clone(),
            mime: file.mime.clone(),
            name: file.name.clone(),
            size: file.size,
            ..Media::default()
        };
        let directory = engine.directory();
        let from = message.address.as_ref().and_then(|address| {
            let line = engine.line(directory.app(job.tenant, job.app)?, &address.channel)?;
            Some((engine.connector(address.channel.as_str())?, line))
        });
        Ok(Some(Wanted { file, from, media }))
    }

    async fn fetch(self, engine: &Engine) -> Fetched {
        let Some((connector, line)) = self.from else {
            return failed(ReasonKind::ChannelBadConfiguration, "the channel is not configured in the app");
        };
        let (media, limits) = (self.media, engine.parts().limits);
        // A task of its own, so that a panic in one connector counts as a try.
        let getting = tokio::spawn(async move {
            let bytes_max = match connector.abilities().media_bytes_max {
                0 => limits.fetched_bytes_max,
                of_channel => of_channel.min(limits.fetched_bytes_max),
            };
            let whole = get(&*connector, &line, &media, usize::try_from(bytes_max).unwrap_or(usize::MAX));
            tokio::time::timeout(Duration::from_millis(TRY_MS_MAX), whole).await
        });
        let bytes = match getting.await {
            Ok(Ok(Ok(bytes))) => bytes,
            Ok(Ok(Err(ended))) => return ended,
            Ok(Err(_)) => return failed(ReasonKind::ChannelFailure, "the provider took too long"),
            Err(error) => {
                tracing::error!(%error, "a connector panicked");
                return failed(ReasonKind::Internal, "the connector failed");
            }
        };
        match keep(engine, &self.file, bytes).await {
            Ok(found) => Fetched::Stored(found),
            Err(error) => {
                tracing::warn!(%error, "a fetched file could not be stored; it is tried again");
                failed(ReasonKind::Internal, "the file could not be stored")
            }
        }
    }
}

/// The bytes, at most so many, from wherever the connector says that they are.
async fn get(
    connector: &dyn Connector,
    line: &Line,
    media: &Media,
    answer_bytes_max: usize,
) -> Result<Bytes, Fetched> {
    let located = connector.locate(line, media).await.map_err(unlocated)?;
    let request = HttpRequest {
        method: Method::GET,
        url: located.url,
        headers: located.headers,
        body: Bytes::new(),
        timeout_ms: TRY_MS_MAX,
        answer_bytes_max,
    };
    match line.http.call(request).await {
        Ok(answer) => read(answer),
        Err(OutError::TooLong) => Err(refused(&format!("the file has more than {answer_bytes_max} bytes"))),
        Err(OutError::Forbidden(why)) => Err(failed(ReasonKind::ChannelBadConfiguration, &why)),
        Err(OutError::NotSent(why) | OutError::NoAnswer(why)) => {
            Err(failed(ReasonKind::ChannelFailure, &why))
        }
    }
}

/// Only a plain word that the file is gone is final: a wrong token may be mended, and an address that ran out is new
/// with the next try.
fn read(answer: HttpResponse) -> Result<Bytes, Fetched> {
    let reason = |kind, description: String| {
        let channel_code = answer.status.to_string();
        Reason { kind, description, channel_code }
    };
    match answer.status {
        200 => Ok(answer.body),
        404 | 410 => {
            let words = "the provider no longer has the file".to_owned();
            Err(Fetched::Refused(reason(ReasonKind::MediaUnavailable, words)))
        }
        status => {
            let words = format!("the provider answered {status} instead of the file");
            let seconds = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = seconds.and_then(|value| value.trim().parse::<i64>().ok());
            let retry_after_ms = seconds.map(|seconds| seconds.saturating_mul(1_000));
            Err(Fetched::Failed { reason: reason(ReasonKind::ChannelFailure, words), retry_after_ms })
        }
    }
}

fn unlocated(error: SendError) -> Fetched {
    match error {
        SendError::Temporary { reason, retry_after_ms } => Fetched::Failed { reason, retry_after_ms },
        // The operator may mend it while there are tries left.
        SendError::Permanent(reason) if reason.kind == ReasonKind::ChannelBadConfiguration => {
            Fetched::Failed { reason, retry_after_ms: None }
        }
        SendError::Permanent(reason) => Fetched::Refused(reason),
    }
}

/// Looks into the bytes and stores them, the thumbnail first: they are durable when this returns.
async fn keep(engine: &Engine, file: &File, bytes: Bytes) -> Result<Found, ports::Error> {
    let parts = engine.parts();
    let seen = parts.inspect.inspect(bytes.clone(), file.mime.clone()).await;
    let sha256 = digest(&bytes).await;
    let (size, thumbnail) = (bytes.len() as u64, seen.thumbnail.is_some());
    if let Some(small) = seen.thumbnail {
        parts.files.put(file.tenant, file.id, Rendering::Thumbnail, small).await?;
    }
    parts.files.put(file.tenant, file.id, Rendering::Original, bytes).await?;
    Ok(Found { mime: seen.mime, size, width: seen.width, height: seen.height, sha256, thumbnail })
}

/// SHA-256, a slice at a time, so that a large file holds nobody up.
async fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for slice in bytes.chunks(DIGESTED_AT_ONCE) {
        digest.update(slice);
        tokio::task::yield_now().await;
    }
    digest.finalize().into()
}

fn failed(kind: ReasonKind, words: &str) -> Fetched {
    Fetched::Failed { reason: Reason::new(kind, words), retry_after_ms: None }
}

fn refused(words: &str) -> Fetched {
    Fetched::Refused(Reason::new(ReasonKind::MediaUnavailable, words))
}

fn count(file: &File) {
    let outcome = match &file.presence {
        Presence::Stored => "stored",
        Presence::Awaited(_) => "failed",
        Presence::Lost(_) => "lost",
    };
    metrics::counter!("trunkline_fetches_total", "outcome" => outcome).increment(1);
    if file.presence == Presence::Stored {
        metrics::counter!("trunkline_fetched_bytes_total").increment(file.size);
    }
}
