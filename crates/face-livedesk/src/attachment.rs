//! Attachments as printed, and the links they carry. Reference sections 4.4 and 14.1.

use domain::content::Media;
use domain::id::TenantId;
use domain::tenant::File;
use face_kit::files::segment;
use serde::Serialize;

use crate::auth::Spoken;
use crate::shown::{Links, Shown, media};

/// One attachment, keys in the vendor's order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attachment {
    id: u64,
    message_id: u64,
    file_type: &'static str,
    account_id: u64,
    extension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    data_url: String,
    thumb_url: String,
    file_size: u64,
    width: Option<u32>,
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcribed_text: Option<&'static str>,
}

/// All attachments of a message.
pub(crate) fn all(shown: &Shown, spoken: Spoken, links: &Links) -> Vec<Attachment> {
    let Some(content) = &shown.content else {
        return Vec::new();
    };
    let each = media(&content.body).iter().map(|media| match media.file {
        Some(id) => {
            let file = shown.files.iter().find(|file| file.id == id)?;
            Some(stored(shown, file, spoken, links))
        }
        None => Some(external(shown, media)),
    });
    each.flatten().collect()
}

fn stored(shown: &Shown, file: &File, spoken: Spoken, links: &Links) -> Attachment {
    let file_type = file_type(&file.mime);
    let chatwoot = spoken == Spoken::Chatwoot;
    let inline = if file_type == "audio" && chatwoot { "?disposition=inline" } else { "" };
    Attachment {
        id: file.number,
        message_id: shown.message.number,
        file_type,
        account_id: shown.account,
        extension: if chatwoot { extension(&file.name) } else { None },
        content_type: chatwoot.then(|| file.mime.clone()),
        data_url: format!("{}{inline}", data_url(links, file.tenant, file)),
        thumb_url: if file.thumbnail { thumb_url(links, file) } else { String::new() },
        file_size: file.size,
        width: file.width,
        height: file.height,
        transcribed_text: (chatwoot && file_type == "audio").then_some(""),
    }
}

/// A file that is somebody else's: shown by its own address. It has no number, so it borrows the message's.
fn external(shown: &Shown, media: &Media) -> Attachment {
    Attachment {
        id: shown.message.number,
        message_id: shown.message.number,
        file_type: file_type(&media.mime),
        account_id: shown.account,
        extension: None,
        content_type: None,
        data_url: media.url.clone(),
        thumb_url: media.thumbnail_url.clone(),
        file_size: media.size,
        width: None,
        height: None,
        transcribed_text: None,
    }
}

/// The file's lasting address.
pub(crate) fn data_url(links: &Links, tenant: TenantId, file: &File) -> String {
    let signed = links.signer.blob(tenant, file.id);
    format!("{}/rails/active_storage/blobs/redirect/{signed}/{}", links.base, segment(&file.name))
}

fn thumb_url(links: &Links, file: &File) -> String {
    let (signed, variation) = (links.signer.blob(file.tenant, file.id), links.signer.variation());
    let name = segment(&file.name);
    format!("{}/rails/active_storage/representations/redirect/{signed}/{variation}/{name}", links.base)
}

fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_owned())
}

fn file_type(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" | "image/jpg" | "image/png" | "image/gif" | "image/bmp" | "image/webp" => "image",
        "video/ogg" | "video/mp4" | "video/webm" | "video/quicktime" => "video",
        _ if mime.starts_with("audio/") => "audio",
        _ => "file",
    }
}
