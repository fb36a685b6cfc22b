//! `POST …/conversations/{conversation_id}/toggle_typing_status`. Reference section 7.2.
//!
//! Typing a private note is nobody else's business: it goes nowhere.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::command::consumer::Signal;
use domain::event::SignalKind;

use crate::error::{Problem, empty};
use crate::routes::{Call, Desk};
use crate::{form, input, once};

pub(crate) async fn toggle(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, &format!("typing in {}", conversation.number), &input)?;
    let signal = match form::text(input.get("typing_status")).as_deref() {
        Some("on") => SignalKind::Composing,
        Some("off") => SignalKind::Paused,
        _ => return Ok(empty()),
    };
    if form::boolean(input.get("is_private")) == Some(true) {
        return Ok(empty());
    }
    let command = Signal {
        tenant: conversation.tenant,
        conversation: conversation.id,
        address: conversation.address.clone(),
        signal,
        by: call.caller.party(),
        contact: None,
    };
    let done = once::run(&desk, key, command, |()| once::empty(), |_| Problem::NotFound).await?;
    Ok(once::response(done))
}
