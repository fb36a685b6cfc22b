//! What the Graph API posts and answers, as its pages document it. Only the fields that are used; unknown message
//! types and extra fields never fail a batch. Outgoing bodies are written as JSON values in `map.rs`.

use serde::Deserialize;
use serde_json::Value;

/// <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components>
#[derive(Debug, Deserialize)]
pub struct Notification {
    #[serde(default)]
    pub entry: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
pub struct Entry {
    #[serde(default)]
    pub changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
pub struct Change {
    #[serde(default)]
    pub field: String,
    /// Its shape depends on `field`, so it is read only once that is known.
    #[serde(default)]
    pub value: Value,
}

#[derive(Debug, Default, Deserialize)]
pub struct Messages {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub contacts: Vec<Contact>,
    #[serde(default)]
    pub messages: Vec<Value>,
    #[serde(default)]
    pub statuses: Vec<Value>,
}

/// Which business number the rest is about.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    #[serde(default)]
    pub phone_number_id: String,
}

#[derive(Debug, Deserialize)]
pub struct Contact {
    #[serde(default)]
    pub profile: Profile,
    #[serde(default)]
    pub wa_id: String,
    #[serde(default)]
    pub user_id: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Profile {
    #[serde(default)]
    pub name: String,
}

/// One incoming message. People who hide their number have `from_user_id` alone.
#[derive(Debug, Deserialize)]
pub struct Message {
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub from_user_id: String,
    pub id: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub context: Option<Context>,
    #[serde(default)]
    pub group_id: Option<String>,
    /// The field named like the type holds the content.
    #[serde(flatten)]
    pub content: serde_json::Map<String, Value>,
}

#[derive(Debug, Deserialize)]
pub struct Context {
    #[serde(default)]
    pub id: Option<String>,
}

/// <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>
#[derive(Debug, Default, Deserialize)]
pub struct File {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub mime_type: String,
    #[serde(default)]
    pub caption: String,
    #[serde(default)]
    pub filename: String,
}

/// The statement about a message of ours.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub timestamp: String,
    #[serde(default)]
    pub recipient_id: Option<String>,
    #[serde(default)]
    pub biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    pub errors: Vec<Error>,
}

/// <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>
#[derive(Debug, Default, Deserialize)]
pub struct Error {
    #[serde(default)]
    pub code: i64,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub error_data: Option<ErrorData>,
}

#[derive(Debug, Default, Deserialize)]
pub struct ErrorData {
    #[serde(default)]
    pub details: String,
}

/// The answer to a send.
#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    pub messages: Vec<SentMessage>,
}

#[derive(Debug, Deserialize)]
pub struct SentMessage {
    pub id: String,
}

/// The answer that refuses.
#[derive(Debug, Default, Deserialize)]
pub struct Refusal {
    #[serde(default)]
    pub error: Error,
}

/// The answer about a media id.
#[derive(Debug, Deserialize)]
pub struct MediaAddress {
    pub url: String,
}
