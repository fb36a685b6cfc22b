//! Stored forms of message content.
//! Field for field the nouns of `domain::content`; a face's own JSON is kept as the text it came as.

use domain::channel::Channel;
use domain::content::*;
use domain::id::FileId;

use super::form::{form, form_enum};

form! { Content "Content" {
    body: Body;
    overrides: Vec<(Channel, Override)>,
    original: Option<Original>,
    channel_properties: Vec<(String, String)>,
} }

form_enum! { Override "Override" { Body(Body), Raw(String) } }

form! { Original "Original" { face: Face, json: String; } }

form_enum! { Face "Face" { LivePerson, Sinch, LiveDesk, Provider, Trunkline } }

form_enum! { Body "Body" {
    Text(String),
    Media(Media),
    Album { caption: String, items: Vec<Media> },
    Location { title: String, label: String, latitude: String, longitude: String },
    Choice { text: String, choices: Vec<Choice> },
    Card(Card),
    Carousel { text: String, cards: Vec<Card>, choices: Vec<Choice> },
    List { title: String, description: String, sections: Vec<Section>, menu_title: String },
    ContactCard { name: String, phones: Vec<String>, emails: Vec<String>, organization: String },
    Template { name: String, language: String, parameters: Vec<(String, String)> },
    Picked { text: String, postback: String, of_message: Option<String> },
    Other { text: String },
} }

form! { Media "Media" {
    ;
    url: String,
    file: Option<FileId>,
    mime: String,
    name: String,
    caption: String,
    thumbnail_url: String,
    size: u64,
} }

form! { Choice "Choice" { action: Action; postback: String } }

form_enum! { Action "Action" {
    Reply { text: String },
    Call { title: String, phone: String },
    Link { title: String, url: String },
    ShowLocation { title: String, latitude: String, longitude: String },
    Calendar { title: String, event_title: String },
    ShareLocation { title: String },
} }

form! { Card "Card" { ; title: String, description: String, media: Option<Media>, choices: Vec<Choice> } }

form! { Section "Section" { ; title: String, rows: Vec<Row> } }

form! { Row "Row" { ; title: String, description: String, postback: String } }
