//! `POST …/conversations/{conversation_id}/assignments`. Reference section 7.2.
//!
//! Our addition: `expected_assignee_id` makes it compare-and-set; the loser is told who won by the same answer with
//! status 409.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::command::standing::Assign;
use domain::id::AgentId;
use http::StatusCode;
use serde_json::Value;

use crate::error::{Problem, answer};
use crate::routes::{Call, Desk};
use crate::{form, input, once, sender};

pub(crate) async fn handler(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, &format!("assign {}", conversation.number), &input)?;
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
    let account = tenant.clone();
    let render = move |now: &Option<AgentId>| {
        let won = now.and_then(|id| directory.agent(account.id, id));
        let shown = won.map_or(Value::Null, |agent| sender::assignee(agent, account.account_number));
        once::json(if *now == to { StatusCode::OK } else { StatusCode::CONFLICT }, &shown)
    };
    let done = once::run(&desk, key, command, render, |_| Problem::NotFound).await?;
    Ok(once::response(done))
}
