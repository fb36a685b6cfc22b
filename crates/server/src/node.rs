//! One running server: opens the data folder, starts the engine, opens the doors; and the order of going down.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use config::Config;
use engine::{Engine, Ids, Limits, Parts, Registered};
use http_out::{Client, Policy};
use store_files::{FileVault, FolderFiles};
use store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::SystemClock;
use crate::data::{DataFolder, socket};
use crate::listen::{Door, tls};
use crate::routes;

/// A server that accepts requests.
pub struct Node {
    pub engine: Engine,
    pub address: SocketAddr,
    pub tls_address: Option<SocketAddr>,
    doors: JoinSet<()>,
    stop: watch::Sender<bool>,
    folder: DataFolder,
}

/// What differs between `serve` and `demo`.
pub struct Extras {
    /// Certificate and key, when not from the configuration.
    pub certificate: Option<(std::path::PathBuf, std::path::PathBuf)>,
    /// The vendors' published rate limits hold.
    pub vendor_limits: bool,
}

/// Opens a data folder's store and starts an engine on it, without any door.
pub async fn engine(config: &Config, folder: &DataFolder, base_url: &str) -> anyhow::Result<Engine> {
    let key_file = config.store.vault_key_file.clone().unwrap_or_else(|| folder.vault_key());
    let vault = Arc::new(FileVault::open(&key_file)?);
    let settings = store_sqlite::Settings { sync: sync(config), ..store_sqlite::Settings::default() };
    let store = Arc::new(SqliteStore::open(&folder.database(), &settings, vault)?);
    let channels = connectors::registry::all()
        .into_iter()
        .map(|one| Registered { connector: one.connector, session: one.session })
        .collect();
    let parts = Parts {
        store: store.clone(),
        reads: store.clone(),
        claims: store,
        files: Arc::new(FolderFiles::open(&folder.files())?),
        clock: Arc::new(SystemClock),
        ids: Arc::new(Ids::from_entropy()),
        channels,
        dialects: vec![
            face_liveperson::dialect(),
            face_sinch::dialect(),
            face_livedesk::dialect(&livedesk(config, folder, false)?),
        ],
        provider_http: Arc::new(client(config.http_out.providers_allow_loopback, &[])?),
        callback_http: Arc::new(client(config.http_out.allow_loopback, &config.http_out.allow)?),
        base_url: Arc::from(base_url),
        limits: Limits {
            waiting_commands_max: config.limits.waiting_commands_max,
            batch_commands_max: config.limits.batch_commands_max,
            cached_rows_max: config.limits.cached_rows_max,
            open_attempts_max: config.limits.open_attempts_max,
            ..Limits::default()
        },
    };
    Engine::start(parts).await.context("the engine cannot start")
}

fn sync(config: &Config) -> store_sqlite::Sync {
    match config.store.sync {
        config::Sync::Full => store_sqlite::Sync::Full,
        config::Sync::Normal => store_sqlite::Sync::Normal,
    }
}

fn client(allow_loopback: bool, allow: &[String]) -> anyhow::Result<Client> {
    let parse = |subnet: &String| subnet.parse().with_context(|| format!("{subnet} is no subnet"));
    let allow = allow.iter().map(parse).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Client::new(Policy { allow, allow_loopback }, http_out::Limits::default()))
}

impl Node {
    /// Starts everything.
    pub async fn start(config: &Config, extras: Extras) -> anyhow::Result<Node> {
        let folder = DataFolder::lock(&config.store.data)?;
        let listener = bind(config.server.listen).await?;
        let address = listener.local_addr()?;
        let tls_listener = match config.server.tls_listen {
            Some(listen) => Some(bind(listen).await?),
            None => None,
        };
        let tls_address = tls_listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let base_url = config.server.base_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let livedesk = livedesk(config, &folder, extras.vendor_limits)?;
        let engine = engine(config, &folder, &base_url).await?;
        let routes = all_routes(config, &livedesk, &engine, &folder, tls_address)?;
        let stop = watch::Sender::new(false);
        let mut doors = JoinSet::new();
        let grace_s = config.server.shutdown_grace_s;
        let door = |listener, tls| Door { listener, tls, routes: routes.clone(), grace_s };
        doors.spawn(door(listener, None).serve(stop.subscribe()));
        let certificate = extras
            .certificate
            .or_else(|| config.server.tls_certificate.clone().zip(config.server.tls_key.clone()));
        if let Some(listener) = tls_listener {
            let (certificate, key) = certificate.context("tls_listen needs tls_certificate and tls_key")?;
            doors.spawn(door(listener, Some(tls(&certificate, &key)?)).serve(stop.subscribe()));
        }
        open_socket(&engine, &config.store.data, &mut doors, &stop);
        Ok(Node { engine, address, tls_address, doors, stop, folder })
    }

    /// Closes the doors, lets open requests, attempts and callbacks finish, then stops the engine.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.doors.join_next().await.is_some() {}
        self.engine.shutdown().await;
        drop(self.folder);
    }
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))
}

/// Lets commands of the same machine's owner reach this server.
fn open_socket(engine: &Engine, data: &Path, doors: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
    let (engine, path, mut stop) = (engine.clone(), socket(data), stop.subscribe());
    doors.spawn(async move {
        tokio::select! {
            ended = cli::serve_socket(engine, &path) => if let Err(error) = ended {
                tracing::warn!(%error, "the socket for commands cannot be opened");
            },
            found = stop.wait_for(|stop| *stop) => drop(found),
        }
        drop(std::fs::remove_file(&path));
    });
}

/// The agent face's settings; its callbacks carry signed links, so its dialect needs the key too.
fn livedesk(
    config: &Config,
    folder: &DataFolder,
    vendor_limits: bool,
) -> anyhow::Result<face_livedesk::Settings> {
    let per_minute = config.livedesk.messages_per_minute_per_conversation;
    Ok(face_livedesk::Settings {
        signing_key: folder.secret("livedesk.key")?,
        throttle_per_conversation_per_minute: vendor_limits.then_some(per_minute),
        ..face_livedesk::Settings::default()
    })
}

fn all_routes(
    config: &Config,
    livedesk: &face_livedesk::Settings,
    engine: &Engine,
    folder: &DataFolder,
    tls_address: Option<SocketAddr>,
) -> anyhow::Result<Router> {
    let liveperson = face_liveperson::Settings {
        app_token_lifetime_s: config.liveperson.app_token_lifetime_s,
        public_authority: config
            .liveperson
            .public_authority
            .clone()
            .or_else(|| tls_address.map(|a| a.to_string())),
        ..face_liveperson::Settings::new(folder.secret("liveperson.key")?)
    };
    let sinch = face_sinch::Settings {
        token_lifetime_s: config.sinch.token_lifetime_s,
        signing_key: folder.secret("sinch.key")?,
        rates: face_sinch::Rates::default(),
    };
    Ok(routes::own(engine.clone())
        .merge(face_liveperson::router(engine.clone(), liveperson))
        .merge(face_sinch::router(engine.clone(), sinch))
        .merge(face_livedesk::router(engine.clone(), livedesk.clone()))
        .merge(face_trunkline::router(engine.clone())))
}
