//! `GET /api/v1/profile`: every command line of the vendor's world logs in with it. Reference section 9.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::auth;
use crate::error::{Problem, WRONG_TOKEN, ok};
use crate::routes::{Call, Desk};
use crate::sender;

pub(crate) async fn show(State(_): State<Desk>, call: Call) -> Result<Response, Problem> {
    call.caller.human()?;
    let tenant = &call.caller.tenant;
    let agent = call.caller.agent.as_ref().ok_or(Problem::Unauthorized(WRONG_TOKEN))?;
    let role = sender::role(agent.role);
    let account = json!({
        "id": tenant.account_number,
        "name": tenant.name,
        "status": "active",
        "onboarding_step": null,
        "active_at": null,
        "role": role,
        "permissions": [role],
        "availability": "online",
        "availability_status": "offline",
        "auto_offline": true,
    });
    Ok(ok(&json!({
        "access_token": auth::token(&call.headers),
        "account_id": tenant.account_number,
        "available_name": agent.name,
        "avatar_url": agent.avatar_url,
        "confirmed": true,
        "display_name": null,
        "message_signature": null,
        "email": agent.email,
        "id": agent.number,
        "inviter_id": null,
        "name": agent.name,
        "provider": "email",
        "pubsub_token": null,
        "role": role,
        "ui_settings": {},
        "uid": agent.email,
        "type": null,
        "accounts": [account],
    })))
}
