//! `POST /v1/projects/{project_id}/messages:send`: translates the request into the core's `Send`.
//!
//! Checked in the order: JSON, app_id, recipient, message, names, lengths, lists, ttl, then what needs the app.
//! Ours beside the vendor's: an `Idempotency-Key` header gives a repeated request its first answer again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::app::{App, ProcessingMode};
use domain::channel::{Address, Channel};
use domain::command::send::{MetadataChange, Recipient, Refusal, Send, Sent};
use domain::content::{Body, Content, Face, Original, Override};
use domain::id::{AppId, ContactId, TenantId};
use engine::{OnceFailure, OnceKey, StoredAnswer};
use face_kit::once::{self, Fingerprint};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::merge::merge_patch;
use super::wire::{AppMessage, Request};
use super::{body, check};
use crate::error::Problem;
use crate::gate::{Caller, Desk, Shared};
use crate::json::{self, Whole};
use crate::{channels, print, print_content};

/// When a client whose app's queue is full is told to come back.
const QUEUE_FULL_RETRY_MS: u64 = 1_000;

/// Sends.
pub async fn handler(
    State(desk): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Whole,
) -> Result<Response, Problem> {
    let bytes = json::bytes(body)?;
    let key = once_key(caller.tenant, &headers, &bytes)?;
    if let Some(key) = &key
        && let Some(kept) = once::kept(&desk.engine, key).await.map_err(failed)?
    {
        return Ok(given(kept));
    }
    let command = command(&desk, caller.tenant, &bytes)?;
    desk.sends.take(command.app, desk.engine.now().0).map_err(Problem::too_many)?;
    once::run(&desk.engine, key, command, answer).await.map(given).map_err(failed)
}

fn given(answer: StoredAnswer) -> Response {
    json::stored(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK), answer.body)
}

fn failed(failure: OnceFailure<Refusal>) -> Problem {
    match failure {
        OnceFailure::Reused => Problem::exists("Idempotency-Key was used with another request"),
        OnceFailure::Failed(failure) => Problem::of(failure, refused),
    }
}

/// Exactly two members: one SDK passes them on as arguments by name. Neither needs escaping.
fn answer(sent: &Sent) -> StoredAnswer {
    let (id, time) = (sent.message.ulid(), print::time(sent.accepted_at));
    StoredAnswer {
        status: 200,
        body: format!(r#"{{"message_id":"{id}","accepted_time":"{time}"}}"#).into_bytes(),
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownApp => Problem::not_found("app"),
        Refusal::UnknownContact => Problem::not_found("contact"),
        Refusal::ChannelNotConfigured(channel) => not_configured(&channel),
        Refusal::ContactInDispatch => {
            Problem::invalid("recipient.identified_by is required in dispatch mode")
        }
        Refusal::QueueFull => Problem::too_many(QUEUE_FULL_RETRY_MS),
        Refusal::NoChannel => Problem::invalid("the recipient has no identity on a channel of the app"),
    }
}

fn not_configured(channel: &Channel) -> Problem {
    Problem::invalid(format!("channel {} is not configured in the app", channels::shown(channel)))
}

fn once_key(tenant: TenantId, headers: &HeaderMap, bytes: &[u8]) -> Result<Option<OnceKey>, Problem> {
    let key = once::key(headers).map_err(|_| {
        let max = once::KEY_CHARS_MAX;
        Problem::invalid(format!("Idempotency-Key must be 1 to {max} printable ASCII characters, given once"))
    })?;
    let Some(key) = key else { return Ok(None) };
    let request = json::canonical(json::parse::<Value>(bytes)?);
    let fingerprint = Fingerprint::of("messages:send").json(&request).finish();
    Ok(Some(OnceKey { tenant, face: Face::Sinch, key: key.to_owned(), fingerprint }))
}

/// The whole request as a command.
fn command(desk: &Desk, tenant: TenantId, bytes: &[u8]) -> Result<Send, Problem> {
    let request: Request<'_> = json::parse(bytes)?;
    let app_id = request.app_id.as_deref().unwrap_or_default();
    if app_id.is_empty() {
        return Err(Problem::invalid("app_id is required"));
    }
    let named = Named::of(&request)?;
    let raw = request.message.ok_or_else(|| Problem::invalid("message is required"))?.get();
    let (message, whole) = message(raw)?;
    let order = request.channel_priority_order.iter().flatten();
    let order = order.map(|name| channels::named(name, "channel_priority_order"));
    let order = order.collect::<Result<Vec<Channel>, Problem>>()?;
    let priority = check::queue(request.queue.as_deref())?;
    let dispatch_only = check::dispatch_only(request.processing_strategy.as_deref())?;
    let class = check::class(request.message_content_type.as_deref())?;
    let merges = check::merges(request.conversation_metadata_update_strategy.as_deref())?;
    lengths(&request)?;
    let metadata = check::metadata_object(request.conversation_metadata.as_ref())?;
    let content =
        content((raw, &whole), &message, request.channel_properties.into_iter().flatten().collect())?;
    let ttl_s = check::ttl(request.ttl.as_ref())?;
    let app = AppId::parse(app_id).and_then(|id| desk.engine.directory().app(tenant, id).cloned());
    let app = app.ok_or_else(|| Problem::not_found("app"))?;
    let dispatched = dispatch_only || app.mode == ProcessingMode::Dispatch;
    let change = metadata.map(|text| {
        if merges && !dispatched {
            MetadataChange::Merge { patch: text, merge: merge_patch }
        } else {
            MetadataChange::Replace(text)
        }
    });
    Ok(Send {
        tenant,
        app: app.id,
        recipient: named.recipient(desk, &app, dispatched, &order)?,
        content,
        order,
        callback_url: request.callback_url.filter(|url| !url.is_empty()),
        metadata: request.message_metadata.unwrap_or_default(),
        conversation_metadata: change,
        correlation_id: request.correlation_id.filter(|given| !given.is_empty()),
        priority,
        ttl_s,
        dispatch_only,
        class,
        shown_agent: shown_agent(&message),
    })
}

fn lengths(request: &Request<'_>) -> Result<(), Problem> {
    fn given(text: &Option<String>) -> &str {
        text.as_deref().unwrap_or_default()
    }
    check::length(given(&request.message_metadata), check::MESSAGE_METADATA_CHARS_MAX, "message_metadata")?;
    check::length(given(&request.correlation_id), check::CORRELATION_ID_CHARS_MAX, "correlation_id")?;
    for (key, value) in request.channel_properties.iter().flatten() {
        let field = format!("channel_properties.{key}");
        check::length(value, check::CHANNEL_PROPERTY_CHARS_MAX, &field)?;
    }
    match request.callback_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => check::web_address(url, check::CALLBACK_URL_CHARS_MAX, "callback_url"),
        None => Ok(()),
    }
}

fn shown_agent(message: &AppMessage) -> String {
    let Some(agent) = &message.agent else {
        return String::new();
    };
    serde_json::json!({
        "display_name": agent.display_name.as_deref().unwrap_or_default(),
        "type": agent.kind.as_deref().unwrap_or("UNKNOWN_AGENT_TYPE"),
        "picture_url": agent.picture_url.as_deref().unwrap_or_default(),
    })
    .to_string()
}

/// The recipient as written: names checked, addresses not yet.
enum Named {
    Contact(String),
    Identities(Vec<(Channel, String)>),
}

impl Named {
    fn of(request: &Request<'_>) -> Result<Named, Problem> {
        let recipient =
            request.recipient.as_ref().ok_or_else(|| Problem::invalid("recipient is required"))?;
        let contact = recipient.contact_id.as_ref().filter(|id| !id.is_empty());
        match (contact, &recipient.identified_by) {
            (Some(id), None) => Ok(Named::Contact(id.clone())),
            (None, Some(by)) => {
                let listed = by.channel_identities.as_deref().unwrap_or_default();
                if listed.is_empty() {
                    return Err(Problem::invalid("recipient.identified_by.channel_identities is required"));
                }
                let field = "recipient.identified_by.channel_identities";
                let mut all: Vec<(Channel, String)> = Vec::with_capacity(listed.len());
                for one in listed {
                    let channel = channels::named(one.channel.as_deref().unwrap_or_default(), field)?;
                    let identity = one.identity.clone().filter(|identity| !identity.is_empty());
                    let identity =
                        identity.ok_or_else(|| Problem::invalid(format!("{field}.identity is required")))?;
                    if all.iter().any(|(other, _)| *other == channel) {
                        return Err(Problem::invalid(format!("{field}: a channel may occur once")));
                    }
                    all.push((channel, identity));
                }
                Ok(Named::Identities(all))
            }
            _ => Err(Problem::invalid("recipient must have exactly one of contact_id and identified_by")),
        }
    }

    fn recipient(
        self,
        desk: &Desk,
        app: &Arc<App>,
        dispatched: bool,
        order: &[Channel],
    ) -> Result<Recipient, Problem> {
        let usable = |channel: &Channel| app.account(channel).is_some();
        if let Some(channel) = order.iter().find(|channel| !usable(channel)) {
            return Err(not_configured(channel));
        }
        let listed = match self {
            Named::Contact(_) if dispatched => return Err(refused(Refusal::ContactInDispatch)),
            Named::Contact(id) => {
                let id = ContactId::parse(&id).ok_or_else(|| Problem::not_found("contact"))?;
                return Ok(Recipient::Contact(id));
            }
            Named::Identities(listed) => listed,
        };
        let mut all = Vec::with_capacity(listed.len());
        for (channel, identity) in listed {
            let connector = desk.engine.connector(channel.as_str()).filter(|_| usable(&channel));
            let connector = connector.ok_or_else(|| not_configured(&channel))?;
            let wrong = || {
                Problem::invalid(format!("identity is not valid on channel {}", channels::shown(&channel)))
            };
            let address = connector.normalize(&identity).ok_or_else(wrong)?;
            let scoped = connector.abilities().addresses_are_app_scoped;
            all.push((Address { channel: channel.clone(), address: Arc::from(address) }, scoped));
        }
        Ok(Recipient::Identities(all))
    }
}

/// What is read of a message, and all that it says.
fn message(raw: &str) -> Result<(AppMessage, Value), Problem> {
    if !raw.starts_with('{') {
        return Err(Problem::invalid("message must be an object"));
    }
    let malformed = |error| Problem::invalid(format!("malformed message: {error}"));
    // It is kept and printed again with what nobody here reads, so all of it has to be JSON, half surrogates included.
    let whole: Value = serde_json::from_str(raw).map_err(malformed)?;
    let message: AppMessage = serde_json::from_str(raw).map_err(malformed)?;
    check::agent_type(message.agent.as_ref().and_then(|agent| agent.kind.as_deref()))?;
    Ok((message, whole))
}

fn content(
    (raw, whole): (&str, &Value),
    message: &AppMessage,
    channel_properties: Vec<(String, String)>,
) -> Result<Content, Problem> {
    let generic = body::body(message, "message")?;
    let overrides = overrides(message)?;
    let body = match generic {
        Some(body) => body,
        None if !overrides.is_empty() => Body::Other { text: String::new() },
        None => return Err(Problem::invalid("message must have exactly one content member")),
    };
    // A text alone is printed as it was given anyway.
    let plain = matches!(&body, Body::Text(text) if *whole == print_content::text_message(text));
    let original = (!plain).then(|| Original { face: Face::Sinch, json: raw.to_owned() });
    Ok(Content { body, overrides, original, channel_properties })
}

/// Highest precedence first; the first one of a channel wins.
fn overrides(message: &AppMessage) -> Result<Vec<(Channel, Override)>, Problem> {
    let mut all = Vec::new();
    for (name, payload) in message.explicit_channel_message.iter().flatten() {
        let channel = channels::named(name, "message.explicit_channel_message")?;
        let Value::String(text) = payload else {
            return Err(Problem::invalid(format!(
                "message.explicit_channel_message.{name} must be a string"
            )));
        };
        all.push((channel, Override::Raw(text.clone())));
    }
    for (name, payload) in message.channel_specific_message.iter().flatten() {
        let channel = channels::named(name, "message.channel_specific_message")?;
        all.push((channel, Override::Raw(channels::specific(name, payload)?)));
    }
    for (name, omni) in message.explicit_channel_omni_message.iter().flatten() {
        let channel = channels::named(name, "message.explicit_channel_omni_message")?;
        let at = format!("message.explicit_channel_omni_message.{name}");
        let none = || Problem::invalid(format!("{at} must have exactly one content member"));
        all.push((channel, Override::Body(body::body(omni, &at)?.ok_or_else(none)?)));
    }
    let templates = message.template_message.as_ref().and_then(|given| given.channel_template.as_ref());
    for (name, template) in templates.into_iter().flatten() {
        let channel = channels::named(name, "message.template_message.channel_template")?;
        all.push((
            channel,
            Override::Body(body::template(template, "message.template_message.channel_template")?),
        ));
    }
    Ok(all)
}
