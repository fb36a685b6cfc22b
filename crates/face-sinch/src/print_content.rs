//! The core's body in the vendor's words, for content that did not come through this face: replies of agents,
//! messages of contacts. What came through this face prints as it was given.

use std::sync::Arc;

use domain::content::{Action, Body, Card, Choice, Content, Face, Media, text};
use domain::id::TenantId;
use domain::tenant::File;
use domain::time::Time;
use engine::FileLinks;
use serde_json::{Map, Value, json};

use crate::json as js;

/// Where files of ours can be fetched.
#[derive(Clone, Copy)]
pub struct Links<'a> {
    pub files: &'a [Arc<File>],
    pub urls: &'a FileLinks,
    pub tenant: TenantId,
    /// When the links begin to live.
    pub from: Time,
}

impl Links<'_> {
    fn url(self, media: &Media) -> String {
        match media.file.filter(|_| media.url.is_empty()) {
            Some(file) => self.urls.url(self.tenant, file, self.from),
            None => media.url.clone(),
        }
    }

    fn name(self, media: &Media) -> String {
        let file = self.files.iter().find(|file| Some(file.id) == media.file);
        if media.name.is_empty() {
            file.map(|file| file.name.clone()).unwrap_or_default()
        } else {
            media.name.clone()
        }
    }

    fn media(self, media: &Media) -> Value {
        json!({"url": self.url(media), "thumbnail_url": media.thumbnail_url, "filename_override": self.name(media)})
    }
}

/// Content of `app_message`; erased content reads as an empty text.
pub fn app_message(content: Option<&Content>, links: Links<'_>) -> Value {
    let Some(content) = content else {
        return text_message("");
    };
    let original = content.original.as_ref().filter(|original| original.face == Face::Sinch);
    if let Some(printed) = original.and_then(|original| js::value_of(&original.json)) {
        return printed;
    }
    match &content.body {
        Body::Media(media) if media.caption.is_empty() => json!({"media_message": links.media(media)}),
        Body::Media(media) => {
            json!({"card_message": {"title": "", "description": media.caption, "media_message": links.media(media),
                "choices": []}})
        }
        Body::Location { title, label, latitude, longitude } => {
            json!({"location_message": location(title, label, latitude, longitude)})
        }
        Body::Choice { text, choices } => {
            json!({"choice_message": {"text_message": {"text": text}, "choices": printed(choices)}})
        }
        Body::Card(own) => json!({"card_message": card(own, links)}),
        Body::Carousel { cards, choices, .. } => {
            let cards: Vec<Value> = cards.iter().map(|own| card(own, links)).collect();
            json!({"carousel_message": {"cards": cards, "choices": printed(choices)}})
        }
        Body::ContactCard { name, phones, emails, organization } => json!({"contact_info_message": {
            "name": {"full_name": name},
            "phone_numbers": phones.iter().map(|phone| json!({"phone_number": phone})).collect::<Vec<_>>(),
            "email_addresses": emails.iter().map(|email| json!({"email_address": email})).collect::<Vec<_>>(),
            "organization": {"company": organization},
        }}),
        other => text_message(&text::render(other)),
    }
}

/// Content of `contact_message`.
pub fn contact_message(content: Option<&Content>, answered: Option<&str>, links: Links<'_>) -> Value {
    let Some(content) = content else {
        return text_message("");
    };
    match &content.body {
        Body::Text(text) => text_message(text),
        Body::Media(media) if media.caption.is_empty() => json!({"media_message": links.media(media)}),
        Body::Media(media) => {
            json!({"media_card_message": {"url": links.url(media), "caption": media.caption}})
        }
        Body::Location { title, label, latitude, longitude } => {
            json!({"location_message": location(title, label, latitude, longitude)})
        }
        Body::Picked { text, postback, of_message } => {
            let of = of_message.as_deref().or(answered).unwrap_or_default();
            // The vendor's default postback: message id, underscore, label.
            let data = if postback.is_empty() { format!("{of}_{text}") } else { postback.clone() };
            json!({"choice_response_message": {"message_id": of, "postback_data": data}})
        }
        Body::Album { caption, items } => match items.first() {
            Some(media) => json!({"media_card_message": {"url": links.url(media), "caption": caption}}),
            None => text_message(caption),
        },
        other => json!({"fallback_message": {
            "raw_message": text::render(other),
            "reason": {"code": "UNSUPPORTED_OPERATION", "description": "the content has no form here",
                "sub_code": "UNSPECIFIED_SUB_CODE", "channel_code": ""},
        }}),
    }
}

/// The message that is a text and nothing else.
pub fn text_message(text: &str) -> Value {
    json!({"text_message": {"text": text}})
}

fn number(text: &str) -> Value {
    text.parse::<f64>().ok().map_or_else(|| json!(0), |number| js::canonical(json!(number)))
}

fn location(title: &str, label: &str, latitude: &str, longitude: &str) -> Value {
    let coordinates = json!({"latitude": number(latitude), "longitude": number(longitude)});
    json!({"coordinates": coordinates, "title": title, "label": label})
}

fn card(card: &Card, links: Links<'_>) -> Value {
    let mut members = Map::from_iter([
        ("title".to_owned(), json!(card.title)),
        ("description".to_owned(), json!(card.description)),
        ("choices".to_owned(), json!(printed(&card.choices))),
    ]);
    if let Some(media) = &card.media {
        members.insert("media_message".to_owned(), links.media(media));
    }
    Value::Object(members)
}

fn printed(choices: &[Choice]) -> Vec<Value> {
    choices.iter().map(choice).collect()
}

fn choice(choice: &Choice) -> Value {
    let (name, action) = match &choice.action {
        Action::Reply { text } => ("text_message", json!({"text": text})),
        Action::Call { title, phone } => ("call_message", json!({"title": title, "phone_number": phone})),
        Action::Link { title, url } => ("url_message", json!({"title": title, "url": url})),
        Action::ShowLocation { title, latitude, longitude } => {
            ("location_message", location(title, "", latitude, longitude))
        }
        Action::Calendar { title, event_title } => {
            ("calendar_message", json!({"title": title, "event_title": event_title}))
        }
        Action::ShareLocation { title } => ("share_location_message", json!({"title": title})),
    };
    json!({name: action, "postback_data": choice.postback})
}
