//! One message: shown (our addition), its status told by an API inbox, its content deleted. Reference 6.2 to 6.4.
//!
//! The core's status only moves forward, so `failed` back to `sent` changes nothing here, unlike upstream.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::channel::Channel;
use domain::command::expire::Erase;
use domain::command::receipt::TakeReceipt;
use domain::conversation::Conversation;
use domain::delivery::{Reason, ReasonKind, Receipt, Status};
use domain::id::JobId;
use domain::message::Message;

use crate::error::{Problem, ok};
use crate::routes::{Call, Desk};
use crate::{form, input, shown, view};

pub(crate) async fn show(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let message = find(&desk, &call, &conversation).await?;
    print(&desk, &call, &conversation, message).await
}

pub(crate) async fn update(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let api = Channel::new(Channel::API);
    if conversation.address.as_ref().is_some_and(|address| address.channel != api) {
        return Err(Problem::Forbidden("Message status update is only allowed for API inboxes"));
    }
    let message = find(&desk, &call, &conversation).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let status = match form::text(input.get("status")).as_deref() {
        Some("delivered") => Some(Status::Delivered),
        Some("read") => Some(Status::Read),
        Some("failed") => Some(Status::Failed),
        _ => None,
    };
    if let (Some(status), Some(delivery)) = (status, &message.delivery) {
        let error = form::text(input.get("external_error")).unwrap_or_default();
        let reason = Reason::new(ReasonKind::ChannelRejected, error);
        let receipt =
            Receipt { status, reason: (status == Status::Failed).then_some(reason), at: desk.engine.now() };
        let command = TakeReceipt {
            tenant: message.tenant,
            app: message.app,
            channel: api,
            provider_id: Arc::from(message.id.ulid()),
            token: Some((message.id, delivery.attempt_number())),
            receipt,
        };
        let done = desk.engine.execute(command).await;
        done.map_err(|failure| Problem::from_failure(failure, |never| match never {}))?;
    }
    let message = find(&desk, &call, &conversation).await?;
    print(&desk, &call, &conversation, message).await
}

pub(crate) async fn delete(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let message = find(&desk, &call, &conversation).await?;
    // No job stands behind this erasure; the id names none.
    let job = JobId(desk.engine.new_id());
    let done = desk.engine.execute(Erase { tenant: message.tenant, message: message.id, job }).await;
    done.map_err(|failure| Problem::from_failure(failure, |never| match never {}))?;
    print(&desk, &call, &conversation, message).await
}

/// The message in the path, if it stands in this conversation.
async fn find(desk: &Desk, call: &Call, conversation: &Conversation) -> Result<Arc<Message>, Problem> {
    let number = call.number("message_id")?;
    let found = desk.engine.by_number::<Message>(conversation.tenant, "message", number).await;
    let found = found.map_err(Problem::store)?;
    found.filter(|message| message.conversation == Some(conversation.id)).ok_or(Problem::NotFound)
}

async fn print(
    desk: &Desk,
    call: &Call,
    conversation: &Conversation,
    message: Arc<Message>,
) -> Result<Response, Problem> {
    let loaded = shown::load(&desk.engine, &call.caller.tenant, conversation, vec![message]).await?;
    let first = loaded.first().ok_or(Problem::Internal)?;
    Ok(ok(&view::message(first, call.caller.spoken, &desk.links())))
}
