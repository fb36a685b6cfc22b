//! Commands of administration on the binary: asked of the running server through its socket, or carried out in its
//! place under the folder's lock when it is down.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cli::{AdminAnswer, AdminRequest};
use config::Config;
use domain::command::admin::PutSubscription;
use domain::id::SubscriptionId;
use engine::Engine;
use store_sqlite::SqliteStore;
use tokio::time::Instant;

use anyhow::{Context as _, bail};

use crate::data::{self, DataFolder};
use crate::wiring::Wiring;
use crate::{backup, node};

/// How long a command waits for a server that holds the folder and has no socket: one that starts, or that stops.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at such a folder.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Who carries a command out.
enum Carrier {
    Server(AdminAnswer),
    Here(DataFolder),
}

/// Asks the running server, or takes the folder's lock when it is down.
pub async fn carry_out(config: Config, data: &Path, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    let folder = match carrier(data, &request).await? {
        Carrier::Server(answer) => return Ok(answer),
        Carrier::Here(folder) => folder,
    };
    if matches!(request, AdminRequest::Backup { .. }) && !folder.database().exists() {
        bail!("there is nothing to back up in {}", data.display());
    }
    let wiring = Wiring::of(config, &folder)?;
    let store = node::store(&wiring, &folder)?;
    if let AdminRequest::Backup { to } = request {
        return Ok(back_up(&store, data, &to).await);
    }
    // Opened, not started: what waits is for the server, under the server's own settings.
    let parts = node::parts(&wiring, &folder, store.clone(), "http://127.0.0.1")?;
    let engine = Engine::open(parts).await.context("the data folder cannot be opened")?;
    let answer = answer(Opened { engine: engine.clone(), store, data: data.to_owned() }, request).await;
    engine.shutdown().await;
    Ok(answer)
}

async fn carrier(data: &Path, request: &AdminRequest) -> anyhow::Result<Carrier> {
    let until = Instant::now() + PATIENCE;
    loop {
        match cli::call_socket(&data::socket(data), request.clone()).await {
            Ok(answer) => return Ok(Carrier::Server(answer)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
            Err(error) => return Err(error).context("the running server does not answer"),
        }
        match DataFolder::try_lock(data)? {
            Some(folder) => return Ok(Carrier::Here(folder)),
            None if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN).await,
            None => return DataFolder::lock(data).map(Carrier::Here),
        }
    }
}

/// What requests are carried out on.
#[derive(Clone)]
pub struct Opened {
    pub engine: Engine,
    pub store: Arc<SqliteStore>,
    /// The data folder, locked by this process.
    pub data: PathBuf,
}

/// Carries out a request, and gives new apps what the faces need to serve them.
pub async fn answer(opened: Opened, request: AdminRequest) -> AdminAnswer {
    let Opened { engine, store, data } = opened;
    if let AdminRequest::Backup { to } = request {
        return back_up(&store, &data, &to).await;
    }
    let creates = matches!(request, AdminRequest::CreateApp { .. });
    let answer = cli::administer(&engine, request).await;
    if creates && let Err(why) = equip_apps(&engine).await {
        return AdminAnswer::Refused { why };
    }
    answer
}

async fn back_up(store: &SqliteStore, data: &Path, to: &Path) -> AdminAnswer {
    match backup::write(store, data, to).await {
        Ok(backup) => AdminAnswer::BackedUp { backup },
        Err(error) => AdminAnswer::Refused { why: format!("There is no backup: {error:#}.") },
    }
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
