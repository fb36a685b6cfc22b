//! What the Bot API posts and answers, version 10.1. Only the fields that are used.
//! <https://core.telegram.org/bots/api>

use serde::Deserialize;

/// <https://core.telegram.org/bots/api#update>
#[derive(Debug, Deserialize)]
pub struct Update {
    #[serde(default)]
    pub message: Option<Message>,
    #[serde(default)]
    pub callback_query: Option<CallbackQuery>,
}

/// <https://core.telegram.org/bots/api#message>
#[derive(Debug, Deserialize)]
pub struct Message {
    pub message_id: i64,
    pub chat: Chat,
    #[serde(default)]
    pub from: Option<User>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub caption: String,
    #[serde(default)]
    pub reply_to_message: Option<Replied>,
    #[serde(default)]
    pub photo: Vec<File>,
    #[serde(default)]
    pub video: Option<File>,
    #[serde(default)]
    pub animation: Option<File>,
    #[serde(default)]
    pub video_note: Option<File>,
    #[serde(default)]
    pub voice: Option<File>,
    #[serde(default)]
    pub audio: Option<File>,
    #[serde(default)]
    pub document: Option<File>,
    #[serde(default)]
    pub sticker: Option<File>,
    #[serde(default)]
    pub venue: Option<Venue>,
    #[serde(default)]
    pub location: Option<Location>,
    #[serde(default)]
    pub contact: Option<Contact>,
}

#[derive(Debug, Deserialize)]
pub struct Replied {
    pub message_id: i64,
}

/// <https://core.telegram.org/bots/api#chat>
#[derive(Debug, Deserialize)]
pub struct Chat {
    pub id: i64,
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// <https://core.telegram.org/bots/api#user>
#[derive(Debug, Default, Deserialize)]
pub struct User {
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub language_code: String,
}

/// The fields that all file objects share: <https://core.telegram.org/bots/api#document>
#[derive(Debug, Deserialize)]
pub struct File {
    pub file_id: String,
    #[serde(default)]
    pub mime_type: String,
    #[serde(default)]
    pub file_name: String,
    #[serde(default)]
    pub file_size: u64,
}

/// <https://core.telegram.org/bots/api#location>
#[derive(Debug, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

/// <https://core.telegram.org/bots/api#venue>
#[derive(Debug, Deserialize)]
pub struct Venue {
    pub location: Location,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub address: String,
}

/// <https://core.telegram.org/bots/api#contact>
#[derive(Debug, Deserialize)]
pub struct Contact {
    #[serde(default)]
    pub phone_number: String,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
}

/// <https://core.telegram.org/bots/api#callbackquery>
#[derive(Debug, Deserialize)]
pub struct CallbackQuery {
    pub id: String,
    pub from: User,
    #[serde(default)]
    pub message: Option<Pressed>,
    #[serde(default)]
    pub data: String,
}

/// The message whose button was pressed; an old one comes without its keyboard.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    pub message_id: i64,
    pub chat: Chat,
    #[serde(default)]
    pub reply_markup: Option<Keyboard>,
}

/// <https://core.telegram.org/bots/api#inlinekeyboardmarkup>
#[derive(Debug, Deserialize)]
pub struct Keyboard {
    #[serde(default)]
    pub inline_keyboard: Vec<Vec<Button>>,
}

#[derive(Debug, Deserialize)]
pub struct Button {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub callback_data: String,
}

/// The envelope of every answer: <https://core.telegram.org/bots/api#making-requests>
#[derive(Debug, Deserialize)]
pub struct Answer<R> {
    #[serde(default)]
    pub ok: bool,
    #[serde(default = "none")]
    pub result: Option<R>,
    #[serde(default)]
    pub error_code: i64,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub parameters: Parameters,
}

fn none<R>() -> Option<R> {
    None
}

#[derive(Debug, Default, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    pub retry_after: Option<i64>,
}

/// What a send answers with.
#[derive(Debug, Deserialize)]
pub struct Sent {
    pub message_id: i64,
    pub chat: Chat,
}

/// What `getFile` answers with.
#[derive(Debug, Deserialize)]
pub struct FilePath {
    #[serde(default)]
    pub file_path: String,
}
