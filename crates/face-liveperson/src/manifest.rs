//! An app installation's manifest: the JSON that administrators write and subscriptions keep as their settings.
//!
//! `capabilities.webhooks` maps each event type to its endpoint, extra headers and retry count.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// The event types that exist for connectors.
pub const CAPABILITIES: [&str; 5] = [CONTENT, RICH, RECEIPT, CHAT_STATE, CONVERSATION];
pub const CONTENT: &str = "ms.MessagingEventNotification.ContentEvent";
pub const RICH: &str = "ms.MessagingEventNotification.RichContentEvent";
pub const RECEIPT: &str = "ms.MessagingEventNotification.AcceptStatusEvent";
pub const CHAT_STATE: &str = "ms.MessagingEventNotification.ChatStateEvent";
pub const CONVERSATION: &str = "cqm.ExConversationChangeNotification";

/// Most repeats of a webhook that may be asked for.
const RETRIES_MAX: u64 = 5;
/// Bounds of the retention time, in seconds.
const RETENTION_S: std::ops::RangeInclusive<u64> = 2..=259_200;

/// A manifest, read leniently.
#[derive(Clone, Debug)]
pub struct Manifest(pub Value);

impl Manifest {
    /// Reads settings; nothing in them is an empty manifest.
    pub fn read(settings: &str) -> Manifest {
        Manifest(serde_json::from_str(settings).unwrap_or_default())
    }

    /// A top-level text.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the installation is switched on, which it is unless it says otherwise.
    pub fn is_enabled(&self) -> bool {
        self.0.get("enabled").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Where an event type goes.
    pub fn endpoint(&self, capability: &str) -> Option<&str> {
        self.webhook(capability)?.get("endpoint")?.as_str().filter(|endpoint| !endpoint.is_empty())
    }

    /// The event types that have an endpoint.
    pub fn capabilities(&self) -> Vec<String> {
        let wanted = CAPABILITIES.iter().filter(|capability| self.endpoint(capability).is_some());
        wanted.map(|capability| (*capability).to_owned()).collect()
    }

    /// The extra headers of an event type.
    pub fn headers(&self, capability: &str) -> HeaderMap {
        let given =
            self.webhook(capability).and_then(|webhook| webhook.get("headers")).and_then(Value::as_array);
        let mut headers = HeaderMap::new();
        for entry in given.into_iter().flatten() {
            let text = |long: &str, short: &str| {
                entry.get(long).or_else(|| entry.get(short)).and_then(Value::as_str)
            };
            let name = text("header_name", "key").and_then(|name| HeaderName::try_from(name).ok());
            let value = text("header_value", "value").and_then(|value| HeaderValue::try_from(value).ok());
            if let (Some(name), Some(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// The highest repeat count of any event type.
    pub fn retries(&self) -> u32 {
        let counts = CAPABILITIES
            .iter()
            .filter_map(|capability| self.webhook(capability)?.get("max_retries")?.as_u64());
        counts.max().unwrap_or(0).min(RETRIES_MAX) as u32
    }

    /// How long undelivered events are kept, where that is set.
    pub fn retention_s(&self) -> Option<i64> {
        self.0.pointer("/capabilities/webhooks/retry/retention_time")?.as_i64()
    }

    /// What is wrong with it, in a sentence.
    pub fn complaint(&self) -> Option<&'static str> {
        if self.text("client_name").is_empty() {
            return Some("client_name is missing");
        }
        if self.0.get("scope").is_some_and(|scope| scope != "msg.consumer") {
            return Some("scope must be msg.consumer");
        }
        let is_web = |endpoint: &str| endpoint.starts_with("https://") || endpoint.starts_with("http://");
        for webhook in CAPABILITIES.iter().filter_map(|capability| self.webhook(capability)) {
            if !webhook.get("endpoint").and_then(Value::as_str).is_some_and(is_web) {
                return Some("a webhook has no valid endpoint");
            }
            let retries = webhook.get("max_retries").filter(|retries| !retries.is_null());
            if retries.is_some_and(|retries| retries.as_u64().is_none_or(|count| count > RETRIES_MAX)) {
                return Some("max_retries must be between 0 and 5");
            }
        }
        let retention = self.0.pointer("/capabilities/webhooks/retry/retention_time");
        let out_of_range =
            retention.is_some_and(|time| time.as_u64().is_none_or(|seconds| !RETENTION_S.contains(&seconds)));
        out_of_range.then_some("retention_time must be between 2 and 259200 seconds")
    }

    fn webhook(&self, capability: &str) -> Option<&Value> {
        // The names contain dots and slashes never, so they are keys as they stand.
        self.0.pointer("/capabilities/webhooks")?.get(capability)
    }
}
