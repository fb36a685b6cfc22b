//! `POST …/conversations/{conversation_id}/assignments`. Reference section 7.2.
//!
//! Our addition: `expected_assignee_id` makes it compare-and-set; the loser is told who won by the same answer with
//! status 409.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::command::standing::Assign;
use http::StatusCode;
use serde_json::Value;

use crate::error::{Problem, answer};
use crate::routes::{Call, Desk};
use crate::{form, input, sender};

pub(crate) async fn handler(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let Some(wanted) = input.get("assignee_id") else {
        // Teams are not kept: as with an unknown one, nobody is told.
        return Ok(answer(StatusCode::OK, &Value::Null));
    };
    let tenant = &call.caller.tenant;
    let directory = desk.engine.directory();
    let agent = |value: Option<&Value>| {
        let number = form::integer(value)?;
        directory.agents_of(tenant.id).find(|agent| agent.number == number).map(|agent| agent.id)
    };
    let to = agent(Some(wanted));
    let expected = input.get("expected_assignee_id").map(|value| agent(Some(value)));
    let command = Assign { tenant: tenant.id, conversation: conversation.id, to, expected };
    let now = desk.engine.execute(command).await;
    let now = now.map_err(|failure| Problem::from_failure(failure, |_| Problem::NotFound))?;
    let won = now.and_then(|id| desk.engine.directory().agent(tenant.id, id).cloned());
    let shown = won.map_or(Value::Null, |agent| sender::assignee(&agent, tenant.account_number));
    let status = if now == to { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok(answer(status, &shown))
}
