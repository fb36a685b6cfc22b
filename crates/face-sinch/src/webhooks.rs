//! Webhooks: create, list of an app, get, update, delete. A webhook is a subscription in this face's dialect.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use domain::command::admin::{DeleteSubscription, PutSubscription};
use domain::content::Face;
use domain::id::{AppId, SubscriptionId, TenantId};
use domain::subscription::Subscription;
use serde_json::{Value, json};

use crate::callbacks::{is_dismissed, is_hidden};
use crate::error::Problem;
use crate::gate::{Caller, Desk, Shared};
use crate::json::{self as js, Whole};
use crate::webhooks_wire::{WEBHOOKS_MAX, Webhook};

/// `POST …/apps/{app_id}/webhooks`, which the vendor documents as not implemented.
pub async fn not_here(_: Caller) -> Problem {
    Problem::unimplemented("create webhooks at /webhooks")
}

/// Creates one.
pub async fn create(State(desk): State<Shared>, caller: Caller, body: Whole) -> Result<Response, Problem> {
    let given: Webhook = js::parse(&js::bytes(body)?)?;
    let app = given.app_id.clone().filter(|id| !id.is_empty());
    let app = app.ok_or_else(|| Problem::invalid("app_id is required"))?;
    let target = given.target.clone().filter(|target| !target.is_empty());
    let target = target.ok_or_else(|| Problem::invalid("target is required"))?;
    let triggers = given.triggers.clone().ok_or_else(|| Problem::invalid("triggers is required"))?;
    given.check()?;
    let app = known_app(&desk, caller.tenant, &app)?;
    room(&of(&desk, caller.tenant, app), &target)?;
    let subscription = Subscription {
        id: SubscriptionId(desk.engine.new_id()),
        tenant: caller.tenant,
        app: Some(app),
        number: 0,
        dialect: Face::Sinch,
        carries: None,
        target,
        secret: given.secret.clone().unwrap_or_default(),
        triggers,
        settings: settings(given.target_type.as_deref()),
        enabled: true,
        parallel: false,
        previous: None,
        created_at: desk.engine.now(),
    };
    put(&desk, subscription).await
}

async fn put(desk: &Desk, subscription: Subscription) -> Result<Response, Problem> {
    let from = *desk.engine.head().borrow();
    let kept = desk.engine.execute(PutSubscription { subscription, from }).await;
    let kept =
        kept.map_err(|failure| Problem::of(failure, |_| Problem::exists("the webhook exists already")))?;
    Ok(js::ok(&printed(&kept)))
}

fn settings(target_type: Option<&str>) -> String {
    let dismissed = target_type == Some("DISMISS");
    if dismissed { json!({"target_type": "DISMISS"}).to_string() } else { String::new() }
}

/// Whether an app with these other webhooks may have one more with this target.
fn room(others: &[Arc<Subscription>], target: &str) -> Result<(), Problem> {
    if others.len() >= WEBHOOKS_MAX {
        return Err(Problem::invalid(format!("an app has at most {WEBHOOKS_MAX} webhooks")));
    }
    if others.iter().any(|other| other.target == target) {
        return Err(Problem::invalid("the app has a webhook with this target already"));
    }
    Ok(())
}

fn known_app(desk: &Desk, tenant: TenantId, id: &str) -> Result<AppId, Problem> {
    let directory = desk.engine.directory();
    let app = AppId::parse(id).and_then(|id| directory.app(tenant, id));
    app.map(|app| app.id).ok_or_else(|| Problem::not_found("app"))
}

/// An app's webhooks in order of creation.
fn of(desk: &Desk, tenant: TenantId, app: AppId) -> Vec<Arc<Subscription>> {
    let directory = desk.engine.directory();
    let own = directory.subscriptions_of(tenant).filter(|one| one.app == Some(app) && is_webhook(one));
    let mut own: Vec<Arc<Subscription>> = own.cloned().collect();
    own.sort_by_key(|one| one.id);
    own
}

fn is_webhook(subscription: &Subscription) -> bool {
    subscription.dialect == Face::Sinch && !is_hidden(subscription)
}

fn find(desk: &Desk, tenant: TenantId, id: &str) -> Result<Arc<Subscription>, Problem> {
    let directory = desk.engine.directory();
    let id = SubscriptionId::parse(id);
    let found = directory.subscriptions_of(tenant).find(|one| Some(one.id) == id && is_webhook(one));
    found.cloned().ok_or_else(|| Problem::not_found("webhook"))
}

/// All seven members, always.
fn printed(subscription: &Subscription) -> Value {
    json!({
        "id": subscription.id.ulid(),
        "app_id": subscription.app.map(AppId::ulid).unwrap_or_default(),
        "target": subscription.target,
        "target_type": if is_dismissed(subscription) { "DISMISS" } else { "HTTP" },
        "secret": subscription.secret,
        "triggers": subscription.triggers,
        "client_credentials": null,
    })
}

/// An app's webhooks.
pub async fn of_app(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, app)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let app = known_app(&desk, caller.tenant, &app)?;
    let all: Vec<Value> = of(&desk, caller.tenant, app).iter().map(|one| printed(one)).collect();
    Ok(js::ok(&json!({"webhooks": all})))
}

/// One webhook.
pub async fn one(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(js::ok(&printed(&*find(&desk, caller.tenant, &id)?)))
}

/// Replaces the members that the body has.
pub async fn update(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
    body: Whole,
) -> Result<Response, Problem> {
    let mut subscription = Arc::unwrap_or_clone(find(&desk, caller.tenant, &id)?);
    let given: Webhook = js::parse(&js::bytes(body)?)?;
    given.check()?;
    if let Some(app) = given.app_id.as_deref().filter(|app| !app.is_empty()) {
        subscription.app = Some(known_app(&desk, caller.tenant, app)?);
    }
    subscription.target = given.target.unwrap_or(subscription.target);
    let mut others = of(&desk, caller.tenant, subscription.app.unwrap_or_default());
    others.retain(|other| other.id != subscription.id);
    room(&others, &subscription.target)?;
    if given.target_type.is_some() {
        subscription.settings = settings(given.target_type.as_deref());
    }
    subscription.secret = given.secret.unwrap_or(subscription.secret);
    subscription.triggers = given.triggers.unwrap_or(subscription.triggers);
    put(&desk, subscription).await
}

/// Removes one.
pub async fn delete(
    State(desk): State<Shared>,
    caller: Caller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let subscription = find(&desk, caller.tenant, &id)?.id;
    let gone = desk.engine.execute(DeleteSubscription { tenant: caller.tenant, subscription }).await;
    match gone {
        Ok(true) => Ok(js::ok(&json!({}))),
        Ok(false) => Err(Problem::not_found("webhook")),
        Err(failure) => Err(Problem::of(failure, |never| match never {})),
    }
}
