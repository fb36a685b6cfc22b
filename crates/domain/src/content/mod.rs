//! What a message says: one model for all faces and channels.
//!
//! A face parses its wire form into [`Body`] and keeps its own JSON beside it ([`Original`]) so that it can print
//! exactly what it was given. Connectors send a body natively where the channel has the form and fall back to
//! [`text::render`] where it has not.

pub mod text;

use crate::channel::Channel;
use crate::id::FileId;

/// Content of one message: a body, per-channel overrides, and the face's own rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub body: Body,
    /// What a named channel gets instead of the body; beats transcoding.
    pub overrides: Vec<(Channel, Override)>,
    pub original: Option<Original>,
    /// Channel property keys and values, in the business face's words.
    pub channel_properties: Vec<(String, String)>,
}

impl Content {
    /// Plain text and nothing else.
    pub fn text(text: impl Into<String>) -> Content {
        Content::from_body(Body::Text(text.into()))
    }

    /// A body without overrides.
    pub fn from_body(body: Body) -> Content {
        Content { body, overrides: Vec::new(), original: None, channel_properties: Vec::new() }
    }

    /// The override for a channel, if one was given.
    pub fn override_for(&self, channel: &Channel) -> Option<&Override> {
        self.overrides.iter().find(|(own, _)| own == channel).map(|(_, given)| given)
    }
}

/// What a channel gets instead of the generic body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// Another generic body.
    Body(Body),
    /// The provider's own request body as JSON text, sent as it is apart from addressing.
    Raw(String),
}

/// The face's own JSON of this content, printed back by that face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Which face wrote it.
    pub face: Face,
    /// JSON text.
    pub json: String,
}

/// The faces, as the core tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// Consumer side.
    LivePerson,
    /// Business side.
    Sinch,
    /// Agent side.
    LiveDesk,
    /// A channel provider's callback.
    Provider,
    /// Our own.
    Trunkline,
}

/// The generic message types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text(String),
    Media(Media),
    /// Several files under one caption (the agent face allows that).
    Album {
        caption: String,
        items: Vec<Media>,
    },
    Location {
        title: String,
        label: String,
        latitude: String,
        longitude: String,
    },
    /// A text with up to a few buttons.
    Choice {
        text: String,
        choices: Vec<Choice>,
    },
    Card(Card),
    Carousel {
        text: String,
        cards: Vec<Card>,
        choices: Vec<Choice>,
    },
    List {
        title: String,
        description: String,
        sections: Vec<Section>,
        menu_title: String,
    },
    ContactCard {
        name: String,
        phones: Vec<String>,
        emails: Vec<String>,
        organization: String,
    },
    Template {
        name: String,
        language: String,
        parameters: Vec<(String, String)>,
    },
    /// The person picked a choice.
    Picked {
        text: String,
        postback: String,
        of_message: Option<String>,
    },
    /// Content the channel cannot express in any other way.
    Other {
        text: String,
    },
}

impl Body {
    /// The files that it shows, in order.
    pub fn media(&self) -> Vec<&Media> {
        match self {
            Body::Media(media) => vec![media],
            Body::Album { items, .. } => items.iter().collect(),
            Body::Card(card) => card.media.iter().collect(),
            Body::Carousel { cards, .. } => cards.iter().filter_map(|card| card.media.as_ref()).collect(),
            _ => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn media_mut(&mut self) -> Vec<&mut Media> {
        match self {
            Body::Media(media) => vec![media],
            Body::Album { items, .. } => items.iter_mut().collect(),
            Body::Card(card) => card.media.iter_mut().collect(),
            Body::Carousel { cards, .. } => cards.iter_mut().filter_map(|card| card.media.as_mut()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A file, stored with us or fetched by the channel from its URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Where a channel can fetch it. For stored files this is filled in when it goes out.
    pub url: String,
    /// Set when the bytes are ours, or will be: what a person sent is fetched after it was heard.
    pub file: Option<FileId>,
    /// As sniffed or declared, e.g. `image/png`; may be empty.
    pub mime: String,
    pub name: String,
    pub caption: String,
    pub thumbnail_url: String,
    pub size: u64,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub action: Action,
    pub postback: String,
}

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Reply { text: String },
    Call { title: String, phone: String },
    Link { title: String, url: String },
    ShowLocation { title: String, latitude: String, longitude: String },
    Calendar { title: String, event_title: String },
    ShareLocation { title: String },
}

impl Action {
    /// The words on the button.
    pub fn title(&self) -> &str {
        match self {
            Action::Reply { text } => text,
            Action::Call { title, .. }
            | Action::Link { title, .. }
            | Action::ShowLocation { title, .. }
            | Action::Calendar { title, .. }
            | Action::ShareLocation { title } => title,
        }
    }
}

/// Title, description, picture and buttons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    pub title: String,
    pub description: String,
    pub media: Option<Media>,
    pub choices: Vec<Choice>,
}

/// A titled group of list rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
}

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub title: String,
    pub description: String,
    pub postback: String,
}
