//! Files that persons send. A provider's callback only names them, so the message is kept with a file whose bytes are
//! awaited and a job to fetch them; the file has its id, and thus its links, from the beginning.
//!
//! The bytes are stored before [`Finish`] says so. A file is settled once: whoever comes later finds nothing to do.

use super::Command;
use crate::content::Content;
use crate::delivery::Reason;
use crate::event::Fact;
use crate::id::{FileId, JobId, MessageId, TenantId};
use crate::job::Work;
use crate::message::Message;
use crate::record::Key;
use crate::tenant::{Awaited, File, Presence, file_name};
use crate::view::{About, Halt, View};

/// Before the second, third, … try, in seconds: not quite twelve hours in all.
const DELAYS_S: [i64; 11] = [2, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 14_400];
/// How often a file is tried before it is given up.
pub const TRIES_MAX: u32 = DELAYS_S.len() as u32 + 1;
/// What a file is called that its sender gave no name.
const NAMELESS: &str = "attachment";
/// The longest media subtype that is taken for the ending of a name.
const ENDING_CHARS_MAX: usize = 5;

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The bytes are stored durably under the file's id.
    Stored(Found),
    /// Not this time; the provider may have said for how long to leave it alone.
    Failed { reason: Reason, retry_after_ms: Option<i64> },
    /// Not now and not later.
    Refused(Reason),
}

/// What the bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub mime: String,
    pub size: u64,
    /// Pixels, for images.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub sha256: [u8; 32],
    /// Whether a thumbnail is stored beside them.
    pub thumbnail: bool,
}

/// Records how a try to fetch a file ended. One that failed comes again later, unless it was the last.
#[derive(Clone, Debug)]
pub struct Finish {
    pub tenant: TenantId,
    pub message: MessageId,
    pub file: FileId,
    pub job: JobId,
    pub ended: Ended,
}

impl Command for Finish {
    /// The file as it is now; `None`: it was not awaited, and nothing changed.
    type Answer = Option<File>;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Option<File>, Halt<Self::Refusal>> {
        view.finish_job(self.job);
        let key = Key::id::<File>(self.tenant, self.file.0);
        view.want(&[key.clone(), Key::id::<Message>(self.tenant, self.message.0)])?;
        let message = view.by_id::<Message, _>(self.tenant, self.message.0)?;
        let (Some(file), Some(message)) = (view.get::<File, _>(&key)?, message) else {
            return Ok(None);
        };
        let Presence::Awaited(awaited) = &file.presence else {
            return Ok(None);
        };
        let mut file = File::clone(&file);
        file.presence = self.presence(view, &message, awaited);
        if let (Ended::Stored(found), Presence::Stored) = (&self.ended, &file.presence) {
            found.clone().describe(&mut file);
        }
        let told = match &file.presence {
            Presence::Stored => Some(Fact::FileFetched { file: self.file }),
            Presence::Lost(reason) => Some(Fact::FileLost { file: self.file, reason: reason.clone() }),
            Presence::Awaited(_) => None,
        };
        if let Some(fact) = told {
            view.emit(self.tenant, about(&message), fact);
        }
        view.put(key, file.clone());
        Ok(Some(file))
    }
}

impl Finish {
    fn presence(&self, view: &mut View<'_>, message: &Message, awaited: &Awaited) -> Presence {
        let (reason, retry_after_ms) = match &self.ended {
            Ended::Stored(_) => return Presence::Stored,
            Ended::Refused(reason) => return Presence::Lost(reason.clone()),
            Ended::Failed { reason, retry_after_ms } => (reason, retry_after_ms.unwrap_or(0)),
        };
        let Some(delay_s) = DELAYS_S.get(awaited.tries as usize) else {
            return Presence::Lost(reason.clone());
        };
        let longest_ms = DELAYS_S[DELAYS_S.len() - 1] * 1_000;
        let delay_ms = retry_after_ms.clamp(delay_s * 1_000, longest_ms);
        let again_at = view.now().plus_ms(delay_ms);
        view.schedule(message, again_at, Work::Fetch { message: message.id, file: self.file });
        Presence::Awaited(Awaited { tries: awaited.tries + 1, ..awaited.clone() })
    }
}

impl Found {
    fn describe(self, file: &mut File) {
        file.mime = self.mime;
        file.size = self.size;
        file.width = self.width;
        file.height = self.height;
        file.sha256 = self.sha256;
        file.thumbnail = self.thumbnail;
    }
}

fn about(message: &Message) -> About {
    About {
        app: Some(message.app),
        contact: message.contact,
        conversation: message.conversation,
        message: Some(message.id),
    }
}

/// Whether a message names files whose bytes are not ours.
pub(super) fn is_elsewhere(content: &Content) -> bool {
    content.body.media().into_iter().any(|media| media.file.is_none() && !media.url.is_empty())
}

/// Where the numbers of files are counted.
pub(super) fn counter(tenant: TenantId) -> Key {
    Key::counter(tenant, "file")
}

/// Makes an awaited file of each reference in a message. The content names the file from now on, and the reference is
/// kept with the file alone.
pub(super) fn await_files<R>(
    view: &mut View<'_>,
    tenant: TenantId,
    content: &mut Content,
) -> Result<Vec<FileId>, Halt<R>> {
    let mut files = Vec::new();
    for media in content.body.media_mut() {
        if media.file.is_some() || media.url.is_empty() {
            continue;
        }
        let id = FileId(view.next_id());
        let reference = std::mem::take(&mut media.url);
        let name = file_name(&media.name).unwrap_or_else(|| usual_name(&media.mime));
        let file = File {
            id,
            tenant,
            number: view.next_number(tenant, "file")?,
            name,
            mime: media.mime.clone(),
            size: media.size,
            width: None,
            height: None,
            sha256: [0; 32],
            thumbnail: false,
            created_at: view.now(),
            presence: Presence::Awaited(Awaited { reference, tries: 0 }),
        };
        view.put(Key::id::<File>(tenant, id.0), file);
        media.file = Some(id);
        files.push(id);
    }
    Ok(files)
}

/// A name for a file of this type, with the ending by which programs know it where the type's own name is one.
fn usual_name(mime: &str) -> String {
    let essence = mime.split(';').next().unwrap_or_default().trim();
    let ending = essence.split_once('/').map_or("", |(_, subtype)| subtype);
    let fits = (1..=ENDING_CHARS_MAX).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { format!("{NAMELESS}.{ending}") } else { NAMELESS.to_owned() }
}

/// Makes the jobs that fetch a message's files, the first try at once.
pub(super) fn schedule(view: &mut View<'_>, message: &Message, files: &[FileId]) {
    for file in files {
        view.schedule(message, view.now(), Work::Fetch { message: message.id, file: *file });
    }
}

/// Forgets the files that a content names. Their bytes are gone already.
pub(super) fn forget<R>(view: &mut View<'_>, tenant: TenantId, content: &Content) -> Result<(), Halt<R>> {
    let ids: Vec<FileId> = content.body.media().into_iter().filter_map(|media| media.file).collect();
    let keys: Vec<Key> = ids.iter().map(|id| Key::id::<File>(tenant, id.0)).collect();
    view.want(&keys)?;
    for key in keys {
        if view.get::<File, R>(&key)?.is_some() {
            view.delete(key);
        }
    }
    Ok(())
}
