//! `GET …/apps` and `GET …/apps/{app_id}`: apps as the vendor prints them. Secrets stay inside: where the vendor
//! shows tokens, this server shows which accounts are connected.

use axum::extract::{Path, State};
use axum::response::Response;
use domain::app::{App, ProcessingMode};
use domain::id::AppId;
use domain::record::{Counter, Key};
use serde_json::{Value, json};

use crate::channels;
use crate::error::Problem;
use crate::gate::{Caller, Desk, Shared};
use crate::json as js;

/// One app.
pub async fn one(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let directory = desk.engine.directory();
    let app = AppId::parse(&id).and_then(|id| directory.app(caller.tenant, id));
    let app = app.ok_or_else(|| Problem::not_found("app"))?;
    Ok(js::ok(&printed(&desk, app).await?))
}

/// All apps; never paged.
pub async fn list(State(desk): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let directory = desk.engine.directory();
    let mut apps: Vec<_> = directory.apps_of(caller.tenant).collect();
    apps.sort_by_key(|app| app.number);
    let mut all = Vec::with_capacity(apps.len());
    for app in apps {
        all.push(printed(&desk, app).await?);
    }
    Ok(js::ok(&json!({ "apps": all })))
}

async fn printed(desk: &Desk, app: &App) -> Result<Value, Problem> {
    let waiting =
        desk.engine.row::<Counter>(Key::queue(app.tenant, app.id)).await.map_err(Problem::unread)?;
    let waiting = waiting.map_or(0, |counter| counter.0);
    let vendor = app.channels.iter().filter(|account| !account.channel.is_face());
    let credentials = vendor.map(|account| {
        let mut printed = json!({
            "channel": channels::shown(&account.channel), "callback_secret": "",
            "state": {"status": "ACTIVE", "description": ""}, "channel_known_id": account.account,
            "credential_ordinal_number": 0,
        });
        if let Some((member, fields)) = channels::credentials(&account.channel, &account.account) {
            printed[member] = fields;
        }
        printed
    });
    let mode = match app.mode {
        ProcessingMode::Conversation => "CONVERSATION",
        ProcessingMode::Dispatch => "DISPATCH",
    };
    Ok(json!({
        "id": app.id.ulid(),
        "display_name": app.name,
        "channel_credentials": credentials.collect::<Vec<Value>>(),
        "conversation_metadata_report_view": "FULL",
        "rate_limits": {"inbound": 0, "outbound": desk.rates.sends_per_second_per_app, "webhooks": 0},
        "retention_policy": {"retention_type": "PERSIST_RETENTION_POLICY", "ttl_days": 0},
        "dispatch_retention_policy": {
            "retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": app.dispatch_retention_days,
        },
        "processing_mode": mode,
        "smart_conversation": {"enabled": false},
        "queue_stats": {"outbound_size": waiting, "outbound_limit": app.queue_limit},
        "persist_message_status": {"enabled": true},
        "message_search": {"enabled": false},
        "callback_settings": {"secret_for_overridden_callback_urls": ""},
        "delivery_report_based_fallback": {
            "enabled": app.patience.report_s.is_some(),
            "delivery_report_waiting_time": app.patience.report_s.unwrap_or(0),
        },
        "message_retry_settings": {"retry_duration": app.patience.retry_s},
    }))
}
