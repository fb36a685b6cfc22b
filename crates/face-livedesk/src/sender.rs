//! Who is shown as sender of a message: an agent, the contact, or a bot. Reference section 4.3.

use domain::agent::{Agent, Role};
use domain::app::App;
use domain::contact::Contact;
use domain::message::Author;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::shown::Shown;

/// The sender's printed forms, keys in the vendor's order.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Sender {
    User {
        id: u64,
        name: String,
        available_name: String,
        avatar_url: String,
        r#type: &'static str,
        availability_status: &'static str,
        thumbnail: String,
    },
    Contact(Value),
    Bot {
        id: u64,
        name: String,
        avatar_url: String,
        r#type: &'static str,
    },
}

/// The sender of a message; activity lines have none.
pub(crate) fn of(shown: &Shown) -> Option<Sender> {
    match shown.message.author {
        Author::System => None,
        Author::Contact => shown.contact.as_deref().map(|contact| Sender::Contact(self::contact(contact))),
        Author::Agent(_) => shown.agent.as_deref().map(agent),
        Author::App => shown.app.as_deref().map(app),
    }
}

fn agent(agent: &Agent) -> Sender {
    let (id, name, avatar_url) = (agent.number, agent.name.clone(), agent.avatar_url.clone());
    if agent.role == Role::Bot {
        return Sender::Bot { id, name, avatar_url, r#type: "agent_bot" };
    }
    Sender::User {
        id,
        available_name: name.clone(),
        name,
        thumbnail: avatar_url.clone(),
        avatar_url,
        r#type: "user",
        // No face of ours knows presence; the vendor's default without a live socket.
        availability_status: "offline",
    }
}

fn app(app: &App) -> Sender {
    Sender::Bot { id: app.number, name: app.name.clone(), avatar_url: String::new(), r#type: "agent_bot" }
}

/// Empty text as null.
pub(crate) fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

/// The contact as sender.
pub(crate) fn contact(contact: &Contact) -> Value {
    json!({
        "additional_attributes": {},
        "custom_attributes": custom_attributes(contact),
        "email": or_null(&contact.email),
        "id": contact.number,
        "identifier": or_null(&contact.external_id),
        "name": contact.display_name,
        "phone_number": or_null(&contact.phone),
        "thumbnail": contact.avatar_url,
        "blocked": false,
        "type": "contact",
    })
}

/// The business's own notes on a contact, where they are an object.
pub(crate) fn custom_attributes(contact: &Contact) -> Map<String, Value> {
    serde_json::from_str(&contact.metadata).unwrap_or_default()
}

/// An agent as `meta.assignee` and answers of assignments show it.
pub(crate) fn assignee(agent: &Agent, account: u64) -> Value {
    json!({
        "id": agent.number,
        "account_id": account,
        "availability_status": "offline",
        "auto_offline": true,
        "confirmed": true,
        "email": agent.email,
        "provider": "email",
        "available_name": agent.name,
        "name": agent.name,
        "role": role(agent.role),
        "thumbnail": agent.avatar_url,
    })
}

/// A role's word.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Agent | Role::Bot => "agent",
    }
}
