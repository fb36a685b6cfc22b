//! `POST …/conversations/{conversation_id}/toggle_status`. Reference section 7.2.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::command::standing::SetStanding;
use domain::conversation::Standing;
use serde_json::json;

use crate::conversation::{standing, word};
use crate::error::Problem;
use crate::routes::{Call, Desk};
use crate::{form, input, once};

pub(crate) async fn toggle(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, &format!("toggle status of {}", conversation.number), &input)?;
    let to = match form::text(input.get("status")).filter(|given| !given.is_empty()) {
        Some(given) => {
            standing(&given).ok_or_else(|| Problem::Invalid(format!("'{given}' is not a valid status")))?
        }
        None if conversation.standing == Standing::Open => Standing::Resolved,
        None => Standing::Open,
    };
    let command = SetStanding {
        tenant: conversation.tenant,
        conversation: conversation.id,
        to,
        by: call.caller.party(),
        contact: None,
    };
    let number = conversation.number;
    let render = move |now: &Standing| {
        let payload = json!({
            "success": true, "conversation_id": number, "current_status": word(*now), "snoozed_until": null,
        });
        once::ok(&json!({ "meta": {}, "payload": payload }))
    };
    let done = once::run(&desk, key, command, render, |_| Problem::NotFound).await?;
    Ok(once::response(done))
}
