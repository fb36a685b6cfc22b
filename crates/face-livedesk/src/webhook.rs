//! `/webhooks` of an account: create, list, change, delete. Reference section 11.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::command::admin::{DeleteSubscription, PutSubscription};
use domain::content::Face;
use domain::id::{AppId, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use engine::{Directory, OnceKey, StoredAnswer};
use serde_json::{Value, json};
use url::Url;

use crate::callback::{DEFAULT_EVENTS, EVENTS};
use crate::error::{Problem, ok};
use crate::input::{self, Input};
use crate::routes::{Call, Desk};
use crate::{form, once};

pub(crate) async fn list(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    call.caller.administrator()?;
    let directory = desk.engine.directory();
    let mut own: Vec<_> =
        directory.subscriptions_of(call.caller.tenant.id).filter(|one| is_webhook(one)).collect();
    own.sort_by_key(|one| one.number);
    let webhooks: Vec<Value> = own
        .into_iter()
        .map(|one| {
            let mut shown = view(&directory, call.caller.tenant.account_number, one);
            shown["secret"] = one.secret.clone().into();
            shown
        })
        .collect();
    Ok(ok(&json!({ "payload": { "webhooks": webhooks } })))
}

pub(crate) async fn create(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    call.caller.administrator()?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, "create webhook", &input)?;
    if let Some(kept) = once::repeated(&desk, key.as_ref()).await? {
        return Ok(finished(&desk, &call, kept));
    }
    let id = SubscriptionId(desk.engine.new_id());
    let tenant = call.caller.tenant.id;
    let app = match field(&input, "inbox_id").filter(|given| !given.is_null()) {
        Some(given) => Some(inbox(&desk, tenant, given).ok_or(Problem::NotFound)?),
        None => None,
    };
    let fresh = Subscription {
        id,
        tenant,
        app,
        number: 0,
        dialect: Face::LiveDesk,
        carries: None,
        target: String::new(),
        secret: hex::encode(desk.signer.digest(format!("webhook/{}", id.ulid()).as_bytes())),
        triggers: DEFAULT_EVENTS.iter().map(|&event| event.to_owned()).collect(),
        settings: String::new(),
        enabled: true,
        parallel: false,
        previous: None,
        created_at: desk.engine.now(),
    };
    put(&desk, &call, key, fresh, &input).await
}

pub(crate) async fn update(State(desk): State<Desk>, call: Call, body: Body) -> Result<Response, Problem> {
    call.caller.administrator()?;
    let known = find(&desk, &call)?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, &format!("update webhook {}", known.number), &input)?;
    if let Some(kept) = once::repeated(&desk, key.as_ref()).await? {
        return Ok(finished(&desk, &call, kept));
    }
    put(&desk, &call, key, Subscription::clone(&known), &input).await
}

pub(crate) async fn delete(State(desk): State<Desk>, call: Call) -> Result<Response, Problem> {
    call.caller.administrator()?;
    let operation = format!("delete webhook {}", call.number("webhook_id")?);
    let key = once::key(&call, &operation, &Input::default())?;
    if let Some(kept) = once::repeated(&desk, key.as_ref()).await? {
        return Ok(once::response(kept));
    }
    let known = find(&desk, &call)?;
    let command = DeleteSubscription { tenant: known.tenant, subscription: known.id };
    let done = once::run(&desk, key, command, |_| once::empty(), once::unrefused).await?;
    Ok(once::response(done))
}

/// A field, flat or under the root key.
fn field<'a>(input: &'a Input, key: &str) -> Option<&'a Value> {
    input.get("webhook").and_then(|root| root.get(key)).or_else(|| input.get(key))
}

fn is_webhook(subscription: &Subscription) -> bool {
    subscription.dialect == Face::LiveDesk && subscription.carries.is_none()
}

fn find(desk: &Desk, call: &Call) -> Result<Arc<Subscription>, Problem> {
    let number = call.number("webhook_id")?;
    let directory = desk.engine.directory();
    let mut own = directory.subscriptions_of(call.caller.tenant.id);
    own.find(|one| one.number == number && is_webhook(one)).cloned().ok_or(Problem::NotFound)
}

async fn put(
    desk: &Desk,
    call: &Call,
    key: Option<OnceKey>,
    mut webhook: Subscription,
    input: &Input,
) -> Result<Response, Problem> {
    if let Some(url) = form::text(field(input, "url")) {
        webhook.target = url;
    }
    if let Some(Value::Array(events)) = field(input, "subscriptions") {
        webhook.triggers = events.iter().filter_map(|event| form::text(Some(event))).collect();
    }
    if let Some(name) = form::text(field(input, "name")) {
        webhook.settings = json!({ "name": name }).to_string();
    }
    let is_http = Url::parse(&webhook.target).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_http {
        return Err(Problem::Record("Url is invalid".to_owned(), vec!["url"]));
    }
    let directory = desk.engine.directory();
    let is_taken = directory
        .subscriptions_of(webhook.tenant)
        .any(|one| is_webhook(one) && one.id != webhook.id && one.target == webhook.target);
    if is_taken {
        return Err(Problem::Record("Url has already been taken".to_owned(), vec!["url"]));
    }
    let known = |event: &String| EVENTS.contains(&event.as_str());
    if webhook.triggers.is_empty() || !webhook.triggers.iter().all(known) {
        return Err(Problem::Record("Subscriptions Invalid events".to_owned(), vec!["subscriptions"]));
    }
    let from = *desk.engine.head().borrow();
    let account = call.caller.tenant.account_number;
    let render = move |kept: &Subscription| {
        once::ok(&json!({ "payload": { "webhook": view(&directory, account, kept) } }))
    };
    let put = PutSubscription { subscription: webhook, from };
    let done = once::run(desk, key, put, render, |_| Problem::Internal).await?;
    Ok(finished(desk, call, done))
}

/// The answer to a write. The secret is not kept with the answer but put into it here: answers are not sealed.
fn finished(desk: &Desk, call: &Call, kept: StoredAnswer) -> Response {
    let mut shown: Value = serde_json::from_slice(&kept.body).unwrap_or_default();
    let number = shown.pointer("/payload/webhook/id").and_then(Value::as_u64);
    let directory = desk.engine.directory();
    let mut own = directory.subscriptions_of(call.caller.tenant.id);
    let known = own.find(|one| Some(one.number) == number);
    if let Some(webhook) = shown.pointer_mut("/payload/webhook") {
        webhook["secret"] = known.map(|one| one.secret.clone()).into();
    }
    ok(&shown)
}

/// The inbox that a number names.
fn inbox(desk: &Desk, tenant: TenantId, number: &Value) -> Option<AppId> {
    let number = form::integer(Some(number))?;
    desk.engine.directory().app_by_number(tenant, number).map(|app| app.id)
}

/// The webhook without its secret.
fn view(directory: &Directory, account: u64, webhook: &Subscription) -> Value {
    let settings: Value = serde_json::from_str(&webhook.settings).unwrap_or_default();
    let mut shown = json!({
        "id": webhook.number,
        "name": settings.get("name"),
        "url": webhook.target,
        "account_id": account,
        "subscriptions": webhook.triggers,
    });
    if let Some(app) = webhook.app.and_then(|app| directory.app(webhook.tenant, app)) {
        shown["inbox"] = json!({ "id": app.number, "name": app.name });
    }
    shown
}
