//! Which fields are secret, and their way through the vault.
//!
//! Each secret is bound to its row and place: moved to another row, or another setting, it does not open. Few kinds
//! hold secrets and they are written seldom, so these rows are copied to be sealed.

use std::sync::Arc;

use domain::app::App;
use domain::record::Record;
use domain::subscription::Subscription;
use domain::tenant::Credential;

use crate::{Error, Vault};

/// Turns one secret into another form of itself, given its place.
type Turn<'a> = &'a dyn Fn(&str, &str) -> Result<String, Error>;

/// The record with its secrets sealed; `None` when its kind has none.
pub fn sealed(record: &Record, vault: &dyn Vault) -> Option<Record> {
    turned(record, &|context, secret| Ok(vault.seal(context, secret)))
        .map(|sealed| sealed.expect("sealing has no way to fail"))
}

/// The record with its secrets opened.
pub fn opened(record: Record, vault: &dyn Vault) -> Result<Record, Error> {
    turned(&record, &|context, sealed| vault.open(context, sealed)).unwrap_or(Ok(record))
}

fn turned(record: &Record, turn: Turn<'_>) -> Option<Result<Record, Error>> {
    match record {
        Record::App(entity) => Some(app(entity, turn).map(|turned| Record::App(Arc::new(turned)))),
        Record::Credential(entity) => {
            Some(credential(entity, turn).map(|turned| Record::Credential(Arc::new(turned))))
        }
        Record::Subscription(entity) => {
            Some(subscription(entity, turn).map(|turned| Record::Subscription(Arc::new(turned))))
        }
        _ => None,
    }
}

fn app(app: &App, turn: Turn<'_>) -> Result<App, Error> {
    let mut app = app.clone();
    let row = format!("app/{}/{}", app.tenant.ulid(), app.id.ulid());
    for account in &mut app.channels {
        for (name, value) in &mut account.settings {
            let place = format!("{row}/{}/{}/{name}", account.channel.as_str(), account.account);
            *value = turn(&place, value)?;
        }
    }
    if let Some(secret) = &mut app.override_callback_secret {
        *secret = turn(&format!("{row}/override_callback_secret"), secret)?;
    }
    Ok(app)
}

fn credential(credential: &Credential, turn: Turn<'_>) -> Result<Credential, Error> {
    let mut credential = credential.clone();
    let row = format!("credential/{}/{}", credential.tenant.ulid(), credential.id.ulid());
    if let Some(secret) = &mut credential.secret {
        *secret = turn(&row, secret)?;
    }
    Ok(credential)
}

/// An empty secret means unsigned, and stays empty.
fn subscription(subscription: &Subscription, turn: Turn<'_>) -> Result<Subscription, Error> {
    let mut subscription = subscription.clone();
    let row = format!("subscription/{}/{}", subscription.tenant.ulid(), subscription.id.ulid());
    if !subscription.secret.is_empty() {
        subscription.secret = turn(&row, &subscription.secret)?;
    }
    if let Some(previous) = &mut subscription.previous {
        previous.secret = turn(&format!("{row}/previous"), &previous.secret)?;
    }
    Ok(subscription)
}
