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
use domain::record::List;
use engine::StoredAnswer;
use face_kit::together::ThenRead;

use crate::error::{Problem, ok};
use crate::input::{self, Input};
use crate::routes::{Call, Desk};
use crate::shown::{self, Shown};
use crate::{form, once, view};

pub(crate) async fn show(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let message = find(&desk, &call, &conversation).await?;
    let shown = load(&desk, &call, &conversation, message).await?;
    Ok(ok(&view::message(&shown, call.caller.spoken, &desk.links())))
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
    let key = once::key(&call, &format!("update message {}", message.number), &input)?;
    let (tenant, id) = (message.tenant, message.id);
    let command = receipt(&desk, &message, &input);
    let render = printing(&desk, &call, load(&desk, &call, &conversation, message).await?);
    let done = once::run(&desk, key, ThenRead { command, tenant, message: id }, render, once::unrefused);
    Ok(once::response(done.await?))
}

/// What the program says of the message; `None` where it changes nothing.
fn receipt(desk: &Desk, message: &Message, input: &Input) -> Option<TakeReceipt> {
    let status = match form::text(input.get("status")).as_deref()? {
        "delivered" => Status::Delivered,
        "read" => Status::Read,
        "failed" => Status::Failed,
        _ => return None,
    };
    let delivery = message.delivery.as_ref()?;
    let error = form::text(input.get("external_error")).unwrap_or_default();
    let reason = (status == Status::Failed).then(|| Reason::new(ReasonKind::ChannelRejected, error));
    Some(TakeReceipt {
        tenant: message.tenant,
        app: message.app,
        channel: Channel::new(Channel::API),
        provider_id: Arc::from(message.id.ulid()),
        token: Some((message.id, delivery.attempt_number())),
        receipt: Receipt { status, reason, at: desk.engine.now() },
    })
}

pub(crate) async fn delete(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    call.caller.human()?;
    let message = find(&desk, &call, &conversation).await?;
    let key = once::key(&call, &format!("delete message {}", message.number), &Input::default())?;
    // No job stands behind this erasure; the id names none.
    let job = JobId(desk.engine.new_id());
    let (tenant, id) = (message.tenant, message.id);
    let erase = ThenRead { command: Some(Erase { tenant, message: id, job }), tenant, message: id };
    let shown = load(&desk, &call, &conversation, message).await?;
    let render = printing(&desk, &call, Shown { content: None, ..shown });
    Ok(once::response(once::run(&desk, key, erase, render, once::unrefused).await?))
}

/// Prints the message as it stands after a command, with all else as it was before.
fn printing(
    desk: &Desk,
    call: &Call,
    shown: Shown,
) -> impl Fn(&Option<Arc<Message>>) -> StoredAnswer + Send + 'static + use<> {
    let (spoken, links) = (call.caller.spoken, desk.links());
    move |now| {
        let message = now.clone().unwrap_or_else(|| shown.message.clone());
        once::ok(&view::message(&Shown { message, ..shown.clone() }, spoken, &links))
    }
}

/// The message in the path, if it stands in this conversation.
async fn find(desk: &Desk, call: &Call, conversation: &Conversation) -> Result<Arc<Message>, Problem> {
    let number = call.number("message_id")?;
    let list = (List::MessagesOfConversation, conversation.id.0);
    let found = desk.engine.at::<Message>(conversation.tenant, list, number).await;
    found.map_err(Problem::store)?.ok_or(Problem::NotFound)
}

async fn load(
    desk: &Desk,
    call: &Call,
    conversation: &Conversation,
    message: Arc<Message>,
) -> Result<Shown, Problem> {
    let loaded = shown::load(&desk.engine, &call.caller.tenant, conversation, vec![message]).await?;
    loaded.into_iter().next().ok_or(Problem::Internal)
}
