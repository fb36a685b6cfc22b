//! `POST /api/account/{account}/messaging/consumer/conversation/send?v=3` (SEND): one action of the consumer.
//!
//! Events, fields of the conversation, the profile, and URLs for files. Each is one command.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use domain::command::Person;
use domain::command::consumer::{Acknowledge, SetProfile, Signal};
use domain::command::receive::{Receive, Received};
use domain::content::{Content, Face as Dialect};
use domain::conversation::Party;
use domain::id::{ConversationId, MessageId};
use domain::record::List;
use engine::{OnceKey, StoredAnswer};
use face_kit::together::Nothing;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::answer::{self, Refusal};
use crate::connector_event::{self, Published};
use crate::door::{self, Caller};
use crate::envelope::{self, Request};
use crate::{Face, fields, files, once, profile};

/// Runs one action.
pub async fn handler(
    State(face): State<Face>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let caller = match door::caller(&face, &account, &headers) {
        Ok(caller) => caller,
        Err(why) => return why.into_response(),
    };
    if !face.throttle.admit(caller.tenant, face.engine.now()) {
        return Refusal::TooMany.answer(&Value::Null);
    }
    let element = envelope::read(body).await.unwrap_or_default();
    let req_id = envelope::req_id(&element);
    let request = envelope::parse(&element).filter(|_| envelope::is_version_3(query.as_deref()));
    match act(&face, &caller, &headers, &element, request).await {
        Ok(answer) => answer::ready(answer),
        Err(refusal) => refusal.answer(&req_id),
    }
}

async fn act(
    face: &Face,
    caller: &Caller,
    headers: &HeaderMap,
    element: &Value,
    request: Option<Request>,
) -> Result<StoredAnswer, Refusal> {
    let req_id = &envelope::req_id(element);
    let key = once::of_consumer(caller, headers, "SEND", element)?;
    let Request { kind, body, metadata } = request.ok_or(Refusal::Malformed)?;
    match kind.as_str() {
        "ms.PublishEvent" => publish(face, caller, key, req_id, &body, metadata).await,
        "cm.UpdateConversationField" => {
            let (update, done) = fields::update(caller, caller.contact(face).await?, &body)?;
            let done = json!({ "msg": done });
            once::element(face, key, req_id, update, move |()| done.clone()).await
        }
        "userprofile.SetUserProfile" => {
            let (tenant, app, from) = (caller.tenant, caller.app, caller.address());
            let command = SetProfile { tenant, app, from, profile: profile::parse(&body) };
            once::element(face, key, req_id, command, |()| json!({ "msg": profile::DONE })).await
        }
        "ms.GenerateURLForUploadFile" => {
            let url = files::upload_url(face, caller, &body)?;
            once::element(face, key, req_id, Nothing(caller.tenant), move |()| url.clone()).await
        }
        "ms.GenerateURLForDownloadFile" => {
            let url = files::download_url(face, caller, &body)?;
            once::element(face, key, req_id, Nothing(caller.tenant), move |()| url.clone()).await
        }
        _ => Err(Refusal::Malformed),
    }
}

/// `ms.PublishEvent`.
async fn publish(
    face: &Face,
    caller: &Caller,
    key: Option<OnceKey>,
    req_id: &Value,
    body: &Map<String, Value>,
    metadata: String,
) -> Result<StoredAnswer, Refusal> {
    let conversation = conversation_of(body)?;
    let tenant = caller.tenant;
    match body.get("event").and_then(connector_event::parse).ok_or(Refusal::Malformed)? {
        Published::Content(content) => {
            let command = receive(caller, conversation, content, metadata);
            let sequence = |received: &Received| json!({ "sequence": received.sequence });
            once::element(face, key, req_id, command, sequence).await
        }
        Published::Receipt { status, sequences } => {
            let contact = caller.contact(face).await?;
            let positions: Vec<u64> =
                sequences.iter().filter_map(|sequence| u64::try_from(*sequence).ok()).collect();
            let list = (List::DialogOfConversation, conversation.0);
            let found = face.engine.all_at(tenant, list, &positions).await.map_err(Refusal::unreadable)?;
            let messages = found.into_iter().map(MessageId).collect();
            let command =
                Acknowledge { tenant, conversation, contact, status, sequences, messages, metadata };
            once::element(face, key, req_id, command, |sequence| json!({ "sequence": sequence })).await
        }
        Published::Signal(signal) => {
            let contact = Some(caller.contact(face).await?);
            let (address, by) = (Some(caller.address()), Party::Consumer);
            let command = Signal { tenant, conversation, address, signal, by, contact };
            once::element(face, key, req_id, command, |()| json!({ "sequence": 0 })).await
        }
    }
}

fn receive(caller: &Caller, conversation: ConversationId, content: Content, metadata: String) -> Receive {
    Receive {
        tenant: caller.tenant,
        app: caller.app,
        face: Dialect::LivePerson,
        from: caller.address(),
        app_scoped: true,
        person: Person::default(),
        source_id: String::new(),
        content,
        reply_to: None,
        conversation: Some(conversation),
        metadata,
    }
}

/// The conversation that a body names: its MAIN dialog has the same id.
fn conversation_of(body: &Map<String, Value>) -> Result<ConversationId, Refusal> {
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Refusal::Malformed),
    };
    let named = match (text("dialogId")?, text("conversationId")?) {
        (Some(dialog), Some(conversation)) if dialog != conversation => return Err(Refusal::Malformed),
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => return Err(Refusal::Malformed),
    };
    ConversationId::parse(named).ok_or(Refusal::UnknownConversation)
}
