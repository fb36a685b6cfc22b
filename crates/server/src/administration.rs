//! Commands of administration on the binary: asked of the running server through its socket, or carried out in its
//! place under the folder's lock when it is down.

use std::io::ErrorKind;
use std::path::Path;

use cli::{AdminAnswer, AdminRequest};
use config::Config;
use domain::command::admin::PutSubscription;
use domain::id::SubscriptionId;
use engine::Engine;

use anyhow::Context as _;

use crate::data::{self, DataFolder};
use crate::node;
use crate::wiring::Wiring;

/// Asks the running server, or takes the folder's lock when it is down.
pub async fn carry_out(config: Config, data: &Path, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    match cli::call_socket(&data::socket(data), request.clone()).await {
        Ok(answer) => return Ok(answer),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
        Err(error) => return Err(error).context("the running server does not answer"),
    }
    let folder = DataFolder::lock(data)?;
    let wiring = Wiring::of(config, &folder)?;
    let engine = node::engine(&wiring, &folder, "http://127.0.0.1").await?;
    let answer = answer(engine.clone(), request).await;
    engine.shutdown().await;
    Ok(answer)
}

/// Carries out a request on an engine, and gives new apps what the faces need to serve them.
pub async fn answer(engine: Engine, request: AdminRequest) -> AdminAnswer {
    let creates = matches!(request, AdminRequest::CreateApp { .. });
    let answer = cli::administer(&engine, request).await;
    if creates && let Err(why) = equip_apps(&engine).await {
        return AdminAnswer::Refused { why };
    }
    answer
}

/// Each app has the subscription that carries receipts to the callback URLs of its messages.
pub async fn equip_apps(engine: &Engine) -> Result<(), String> {
    let directory = engine.directory();
    for app in directory.apps() {
        let mut theirs = directory.subscriptions_of(app.tenant);
        if theirs.any(|one| one.app == Some(app.id) && face_sinch::is_hidden(one)) {
            continue;
        }
        let id = SubscriptionId(engine.new_id());
        let subscription = face_sinch::hidden_subscription(app.tenant, app.id, id, engine.now());
        let from = engine.position();
        let put = engine.execute(PutSubscription { subscription, from }).await;
        put.map_err(|_| {
            format!("The callbacks of the app {:?} could not be set up; the next start does it.", app.name)
        })?;
    }
    Ok(())
}
