//! The webhook object on the wire, its limits, and its checks.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Problem;

/// Characters of `target`.
pub const TARGET_CHARS_MAX: usize = 742;
/// Webhooks of one app.
pub const WEBHOOKS_MAX: usize = 5;

/// The vendor's triggers; those without a fact in the core are accepted and never fire.
pub const TRIGGERS: [&str; 23] = [
    "MESSAGE_INBOUND",
    "MESSAGE_DELIVERY",
    "MESSAGE_SUBMIT",
    "EVENT_INBOUND",
    "EVENT_DELIVERY",
    "CONVERSATION_START",
    "CONVERSATION_STOP",
    "CONVERSATION_DELETE",
    "CONTACT_CREATE",
    "CONTACT_DELETE",
    "CONTACT_MERGE",
    "CONTACT_UPDATE",
    "CONTACT_IDENTITIES_DUPLICATION",
    "CAPABILITY",
    "OPT_IN",
    "OPT_OUT",
    "CHANNEL_EVENT",
    "UNSUPPORTED",
    "SMART_CONVERSATIONS",
    "SMART_CONVERSATION",
    "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION",
    "RECORD_NOTIFICATION",
    "BATCH_STATUS_UPDATE",
];

#[derive(Deserialize)]
pub struct Webhook {
    #[serde(alias = "appId")]
    pub app_id: Option<String>,
    pub target: Option<String>,
    #[serde(alias = "targetType")]
    pub target_type: Option<String>,
    pub secret: Option<String>,
    pub triggers: Option<Vec<String>>,
    #[serde(alias = "clientCredentials")]
    pub client_credentials: Option<Value>,
}

impl Webhook {
    /// Checks of what is there; what must be there is the caller's.
    pub fn check(&self) -> Result<(), Problem> {
        if let Some(target) = &self.target {
            crate::messages::web_address(target, TARGET_CHARS_MAX, "target")?;
        }
        match self.target_type.as_deref() {
            None | Some("HTTP" | "DISMISS") => {}
            Some(other) => {
                return Err(Problem::invalid(format!("target_type: unknown value \"{other}\"")));
            }
        }
        for trigger in self.triggers.iter().flatten() {
            if !TRIGGERS.contains(&trigger.as_str()) {
                return Err(Problem::invalid(format!("triggers: unknown value \"{trigger}\"")));
            }
        }
        if self.triggers.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::invalid("triggers must have at least one element"));
        }
        // Accepting them and then calling without a token would be worse than saying no.
        if self.client_credentials.as_ref().is_some_and(|given| !given.is_null()) {
            return Err(Problem::unimplemented("client_credentials are not supported, use secret"));
        }
        Ok(())
    }
}
