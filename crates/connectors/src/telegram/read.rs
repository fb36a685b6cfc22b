//! What an update says. Pure. Groups, edits and everything else that is not a person writing to the bot are left out.
//! Ids are `chat:message`, because the provider counts messages per chat.

use std::sync::Arc;

use connector_api::{Inbound, Unreadable};
use domain::content::{Body, Content, Media};

use super::wire::{CallbackQuery, File, Message, Update, User};

/// Stands before a file id in `Media::url`; `Connector::locate` turns it into an address.
pub const MEDIA_PREFIX: &str = "provider:";

pub fn update(body: &[u8]) -> Result<Vec<Inbound>, Unreadable> {
    let update: Update = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
    let written = update.message.and_then(message);
    let pressed = update.callback_query.and_then(pressed);
    Ok(written.into_iter().chain(pressed).collect())
}

fn message(message: Message) -> Option<Inbound> {
    if !matches!(message.chat.kind.as_str(), "private" | "") {
        return None;
    }
    let chat = message.chat.id;
    let source_id = format!("{chat}:{}", message.message_id);
    let reply_to =
        message.reply_to_message.as_ref().map(|replied| Arc::from(format!("{chat}:{}", replied.message_id)));
    let writer = message.from.as_ref();
    let (name, language) = (
        writer.map(full_name).unwrap_or_default(),
        writer.map(|user| user.language_code.clone()).unwrap_or_default(),
    );
    Some(Inbound::Message {
        from: chat.to_string().into(),
        name,
        source_id: source_id.into(),
        content: Content::from_body(body(message)?),
        reply_to,
        language,
    })
}

/// `None` for service messages, which hold none of the known contents.
fn body(message: Message) -> Option<Body> {
    let caption = message.caption;
    if let Some(text) = message.text {
        return Some(Body::Text(text));
    }
    if let Some(venue) = message.venue {
        return Some(Body::Location {
            title: venue.title,
            label: venue.address,
            latitude: venue.location.latitude.to_string(),
            longitude: venue.location.longitude.to_string(),
        });
    }
    if let Some(location) = message.location {
        return Some(Body::Location {
            title: String::new(),
            label: String::new(),
            latitude: location.latitude.to_string(),
            longitude: location.longitude.to_string(),
        });
    }
    if let Some(contact) = message.contact {
        let name = format!("{} {}", contact.first_name, contact.last_name).trim().to_owned();
        let phones = vec![contact.phone_number];
        return Some(Body::ContactCard { name, phones, emails: Vec::new(), organization: String::new() });
    }
    let files = [
        (message.photo.into_iter().last(), "image/jpeg"),
        (message.animation, "video/mp4"),
        (message.video, "video/mp4"),
        (message.video_note, "video/mp4"),
        (message.voice, "audio/ogg"),
        (message.audio, "audio/mpeg"),
        (message.document, ""),
        (message.sticker, "image/webp"),
    ];
    let (file, mime) = files.into_iter().find_map(|(file, mime)| file.map(|file| (file, mime)))?;
    Some(media(file, mime, caption))
}

fn media(file: File, usual_mime: &str, caption: String) -> Body {
    let mime = if file.mime_type.is_empty() { usual_mime.to_owned() } else { file.mime_type };
    Body::Media(Media {
        url: format!("{MEDIA_PREFIX}{}", file.file_id),
        mime,
        name: file.file_name,
        caption,
        size: file.file_size,
        ..Media::default()
    })
}

fn pressed(query: CallbackQuery) -> Option<Inbound> {
    let on = query.message?;
    let of_message = format!("{}:{}", on.chat.id, on.message_id);
    let buttons = on.reply_markup.into_iter().flat_map(|markup| markup.inline_keyboard).flatten();
    let text = buttons
        .into_iter()
        .find(|button| button.callback_data == query.data)
        .map_or_else(|| query.data.clone(), |button| button.text);
    Some(Inbound::Message {
        from: on.chat.id.to_string().into(),
        name: full_name(&query.from),
        source_id: format!("press:{}", query.id).into(),
        content: Content::from_body(Body::Picked {
            text,
            postback: query.data,
            of_message: Some(of_message.clone()),
        }),
        reply_to: Some(of_message.into()),
        language: query.from.language_code,
    })
}

fn full_name(user: &User) -> String {
    format!("{} {}", user.first_name, user.last_name).trim().to_owned()
}
