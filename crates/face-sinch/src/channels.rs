//! The vendor's channel enum: the one place where this face names channels.
//!
//! A name outside it is refused in requests. Our own two channels have no name there and read as the vendor's
//! "unspecified".

use domain::channel::Channel;

use serde_json::{Map, Value, json};

use crate::error::Problem;

/// The thirteen channels, in the order of the vendor's page.
const NAMES: [&str; 13] = [
    "WHATSAPP",
    "RCS",
    "SMS",
    "MESSENGER",
    "VIBERBM",
    "MMS",
    "INSTAGRAM",
    "TELEGRAM",
    "KAKAOTALK",
    "KAKAOTALKCHAT",
    "LINE",
    "WECHAT",
    "APPLEBC",
];

/// What output says where there is no channel, or one without a name here.
pub const UNSPECIFIED: &str = "CHANNEL_UNSPECIFIED";

/// A channel by its name in a request.
pub fn named(name: &str, field: &str) -> Result<Channel, Problem> {
    if NAMES.contains(&name) {
        Ok(Channel::new(name))
    } else {
        Err(Problem::invalid(format!("{field}: unknown channel \"{name}\"")))
    }
}

/// A channel's name in output.
pub fn shown(channel: &Channel) -> &'static str {
    NAMES.into_iter().find(|name| *name == channel.as_str()).unwrap_or(UNSPECIFIED)
}

/// How the vendor writes each channel's credentials: the member, its field that names the account, its secret fields.
const CREDENTIALS: [(&str, &str, Option<&str>, &[&str]); 13] = [
    ("WHATSAPP", "static_bearer", Some("claimed_identity"), &["token"]),
    ("RCS", "static_bearer", Some("claimed_identity"), &["token"]),
    ("SMS", "static_bearer", Some("claimed_identity"), &["token"]),
    ("MESSENGER", "static_token", None, &["token"]),
    ("VIBERBM", "static_bearer", Some("claimed_identity"), &["token"]),
    ("MMS", "mms_credentials", Some("account_id"), &["api_key"]),
    ("INSTAGRAM", "instagram_credentials", Some("business_account_id"), &["token"]),
    ("TELEGRAM", "telegram_credentials", None, &["token"]),
    ("KAKAOTALK", "kakaotalk_credentials", Some("kakaotalk_plus_friend_id"), &["kakaotalk_sender_key"]),
    ("KAKAOTALKCHAT", "kakaotalkchat_credentials", Some("kakaotalk_plus_friend_id"), &["api_key"]),
    ("LINE", "line_credentials", None, &["token", "secret"]),
    ("WECHAT", "wechat_credentials", Some("app_id"), &["app_secret", "token", "aes_key"]),
    ("APPLEBC", "applebc_credentials", Some("business_chat_account_id"), &[]),
];

/// A channel's credentials as an app prints them: clients tell the kind by the member and demand its fields, so they
/// are there, but the secrets stay inside and read as `""`. `None` for a channel without a name here.
pub fn credentials(channel: &Channel, account: &str) -> Option<(&'static str, Value)> {
    let known = CREDENTIALS.into_iter().find(|(name, ..)| *name == channel.as_str());
    let (_, member, naming, secrets) = known?;
    let named = naming.map(|field| (field.to_owned(), Value::from(account)));
    let blank = secrets.iter().map(|field| ((*field).to_owned(), Value::from("")));
    Some((member, named.into_iter().chain(blank).collect()))
}

/// What each channel's specific messages may be.
const SPECIFIC: [(&str, &str); 6] = [
    ("WHATSAPP", "FLOWS"),
    ("WHATSAPP", "ORDER_DETAILS"),
    ("WHATSAPP", "ORDER_STATUS"),
    ("KAKAOTALK", "COMMERCE"),
    ("KAKAOTALK", "CAROUSEL_COMMERCE"),
    ("LINE", "NOTIFICATION_MESSAGE_TEMPLATE"),
];

/// A channel specific message as the raw body that the channel gets: what one provider documents for flows, else
/// the message as it is.
pub fn specific(channel: &str, payload: &Value) -> Result<String, Problem> {
    let field = format!("message.channel_specific_message.{channel}");
    let kind = payload.get("message_type").or_else(|| payload.get("messageType")).and_then(Value::as_str);
    let kind = kind.ok_or_else(|| Problem::invalid(format!("{field}.message_type is required")))?;
    if !SPECIFIC.contains(&(channel, kind)) {
        return Err(Problem::invalid(format!("{field}.message_type: unknown value \"{kind}\"")));
    }
    let message = payload.get("message").filter(|message| message.is_object());
    let message = message.ok_or_else(|| Problem::invalid(format!("{field}.message is required")))?;
    Ok(match kind {
        "FLOWS" => flow(message).to_string(),
        _ => message.to_string(),
    })
}

/// The interactive flow message of the Cloud API.
fn flow(message: &Value) -> Value {
    let mut parameters = Map::from_iter([("flow_message_version".to_owned(), json!("3"))]);
    for name in ["flow_id", "flow_token", "flow_cta", "flow_action", "flow_action_payload"] {
        if let Some(given) = message.get(name) {
            parameters.insert(name.to_owned(), given.clone());
        }
    }
    if let Some(mode) = message.get("flow_mode") {
        parameters.insert("mode".to_owned(), mode.clone());
    }
    let mut interactive = Map::from_iter([("type".to_owned(), json!("flow"))]);
    for name in ["header", "body", "footer"] {
        if let Some(given) = message.get(name) {
            interactive.insert(name.to_owned(), given.clone());
        }
    }
    interactive.insert("action".to_owned(), json!({"name": "flow", "parameters": parameters}));
    json!({"type": "interactive", "interactive": interactive})
}

#[cfg(test)]
mod tests {
    //! Credentials as apps print them.
    use super::*;

    #[test]
    fn every_channel_prints_its_account_and_no_secret() {
        for name in NAMES {
            let printed = credentials(&Channel::new(name), "the-account");
            let (_, fields) = printed.expect("every channel of the enum has credentials");
            let values: Vec<&str> =
                fields.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()).collect();
            assert!(
                !values.is_empty() && values.iter().all(|value| ["", "the-account"].contains(value)),
                "{name}"
            );
        }
        assert!(credentials(&Channel::new(Channel::API), "1").is_none());
    }
}
