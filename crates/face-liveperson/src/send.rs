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
use domain::id::ConversationId;
use engine::{OnceKey, StoredAnswer};
use http::{HeaderMap, StatusCode};
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
    let element = envelope::read(body).await.unwrap_or_default();
    let req_id = envelope::req_id(&element);
    if !envelope::is_version_3(query.as_deref()) {
        return Refusal::Malformed.answer(&req_id);
    }
    let Some(request) = envelope::parse(&element) else {
        return Refusal::Malformed.answer(&req_id);
    };
    let key = once::key(&caller, &headers, &element);
    match act(&face, &caller, request, key, &req_id).await {
        Ok(response) => response,
        Err(refusal) => refusal.answer(&req_id),
    }
}

async fn act(
    face: &Face,
    caller: &Caller,
    request: Request,
    key: Option<OnceKey>,
    req_id: &Value,
) -> Result<Response, Refusal> {
    let body = match request.kind.as_str() {
        "ms.PublishEvent" => {
            let conversation = conversation_of(&request.body)?;
            let event =
                request.body.get("event").and_then(connector_event::parse).ok_or(Refusal::Malformed)?;
            if let (Published::Content(content), Some(key)) = (&event, key) {
                let receive = receive(caller, conversation, content.clone(), request.metadata);
                let req_id = req_id.clone();
                let render = move |received: &Received| StoredAnswer {
                    status: 200,
                    body: answer::ok(&json!({ "sequence": received.sequence }), &req_id)
                        .to_string()
                        .into_bytes(),
                };
                let stored = face.engine.execute_once(key, receive, render).await?;
                return Ok(answer::ready(StatusCode::OK, stored.body));
            }
            json!({ "sequence": publish(face, caller, conversation, event, request.metadata).await? })
        }
        "cm.UpdateConversationField" => fields::update(face, caller, &request.body).await?,
        "userprofile.SetUserProfile" => {
            let profile = profile::parse(&request.body);
            let (tenant, app, from) = (caller.tenant, caller.app, caller.address());
            face.engine.execute(SetProfile { tenant, app, from, profile }).await?;
            json!({ "msg": "OK User Profile set successfully" })
        }
        "ms.GenerateURLForUploadFile" => files::upload_url(face, caller, &request.body)?,
        "ms.GenerateURLForDownloadFile" => files::download_url(face, caller, &request.body)?,
        _ => return Err(Refusal::Malformed),
    };
    Ok(answer::json(StatusCode::OK, &answer::ok(&body, req_id)))
}

/// Publishes an event into a conversation; gives its sequence.
pub async fn publish(
    face: &Face,
    caller: &Caller,
    conversation: ConversationId,
    event: Published,
    metadata: String,
) -> Result<i64, Refusal> {
    let tenant = caller.tenant;
    match event {
        Published::Content(content) => {
            let received = face.engine.execute(receive(caller, conversation, content, metadata)).await?;
            Ok(received.sequence.unwrap_or(0))
        }
        Published::Receipt { status, sequences } => {
            let contact = caller.contact(face).await?;
            let command = Acknowledge { tenant, conversation, contact, status, sequences, metadata };
            Ok(face.engine.execute(command).await?)
        }
        Published::Signal(signal) => {
            let contact = Some(caller.contact(face).await?);
            let (address, by) = (Some(caller.address()), Party::Consumer);
            face.engine.execute(Signal { tenant, conversation, address, signal, by, contact }).await?;
            Ok(0)
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
