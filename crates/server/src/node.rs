//! One running server: opens the data folder, starts the engine, opens the doors; and the order of going down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cli::AdminSocket;
use config::Config;
use engine::{Engine, FileLinks, Ids, Parts, Registered};
use store_files::{FileVault, FolderFiles};
use store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::administration::Opened;
use crate::clock::SystemClock;
use crate::data::{DataFolder, socket};
use crate::listen::{Bounds, Door, tls};
use crate::wiring::Wiring;
use crate::{administration, operator, routes};

/// After the grace, for the last commit: the engine itself leaves open work alone when the grace is over.
const LAST_COMMIT: Duration = Duration::from_secs(5);

/// A server that accepts requests.
pub struct Node {
    pub engine: Engine,
    pub address: SocketAddr,
    pub tls_address: Option<SocketAddr>,
    doors: JoinSet<()>,
    operator: Option<AbortHandle>,
    stop: watch::Sender<bool>,
    grace: Duration,
    folder: DataFolder,
}

/// Opens the store of an open folder.
pub fn store(wiring: &Wiring, folder: &DataFolder) -> anyhow::Result<Arc<SqliteStore>> {
    let vault = Arc::new(FileVault::open(&wiring.vault_key)?);
    Ok(Arc::new(SqliteStore::open(&folder.database(), &wiring.store, vault)?))
}

/// What an engine is made of, on an open store and folder.
pub fn parts(
    wiring: &Wiring,
    folder: &DataFolder,
    store: Arc<SqliteStore>,
    base_url: &str,
) -> anyhow::Result<Parts> {
    let channels = connectors::registry::all()
        .into_iter()
        .map(|one| Registered { connector: one.connector, session: one.session })
        .collect();
    let links = FileLinks::new(Arc::from(base_url), folder.secret("links.key")?);
    Ok(Parts {
        store: store.clone(),
        reads: store.clone(),
        claims: store,
        files: Arc::new(FolderFiles::open(&folder.files())?),
        inspect: Arc::new(store_files::Inspector::default()),
        clock: Arc::new(SystemClock::start()),
        ids: Arc::new(Ids::from_entropy()),
        channels,
        dialects: vec![
            face_liveperson::dialect(&wiring.liveperson),
            face_sinch::dialect(&wiring.sinch),
            face_livedesk::dialect(&wiring.livedesk),
            face_trunkline::dialect(),
        ],
        provider_http: Arc::new(wiring.provider_http.clone()),
        callback_http: Arc::new(wiring.callback_http.clone()),
        links,
        limits: wiring.engine,
    })
}

impl Node {
    /// Starts everything.
    pub async fn start(config: Config) -> anyhow::Result<Node> {
        let data = config.store.data.clone();
        let folder = DataFolder::lock(&data)?;
        let wiring = Wiring::of(config, &folder)?;
        let counting = wiring.operator_listen.map(|_| operator::count()).transpose()?;
        let listener = bind(wiring.doors.listen).await?;
        let address = listener.local_addr()?;
        let secured = match &wiring.doors.tls {
            Some(one) => Some((bind(one.listen).await?, tls(&one.certificate, &one.key)?)),
            None => None,
        };
        let tls_address = secured.as_ref().map(|(listener, _)| listener.local_addr()).transpose()?;
        let base_url = wiring.doors.base_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let store = store(&wiring, &folder)?;
        let parts = parts(&wiring, &folder, store.clone(), &base_url)?;
        let engine = Engine::start(parts).await.context("the engine cannot start")?;
        administration::equip_apps(&engine).await.map_err(anyhow::Error::msg)?;
        let stop = watch::Sender::new(false);
        let mut doors = JoinSet::new();
        // Before any door, so that whoever sees the server ready reaches it by command too.
        open_socket(Opened { engine: engine.clone(), store, data }, &mut doors, &stop);
        let mut operator = None;
        if let (Some(listen), Some(counting)) = (wiring.operator_listen, counting) {
            let pages = operator::pages(counting, routes::health(engine.clone(), &stop));
            let listener = bind(listen).await?;
            operator =
                Some(tokio::spawn(async move { drop(axum::serve(listener, pages).await) }).abort_handle());
        }
        let routes = routes::all(&wiring, &engine, tls_address.map(|address| address.port()), &stop);
        let bounds = bounds(&wiring);
        let door = |listener, tls| Door { listener, tls, routes: routes.clone(), bounds: bounds.clone() };
        doors.spawn(door(listener, None).serve(stop.subscribe()));
        if let Some((listener, tls)) = secured {
            doors.spawn(door(listener, Some(tls)).serve(stop.subscribe()));
        }
        Ok(Node { engine, address, tls_address, doors, operator, stop, grace: wiring.grace, folder })
    }

    /// Closes the doors, lets open requests, attempts and callbacks finish, then stops the engine. What does not
    /// finish in time is left as a crash would leave it: nothing accepted is lost, open attempts become unknown.
    pub async fn shutdown(mut self) {
        let until = Instant::now() + self.grace + LAST_COMMIT;
        self.stop.send_replace(true);
        while self.doors.join_next().await.is_some() {}
        if tokio::time::timeout_at(until, self.engine.shutdown()).await.is_err() {
            tracing::warn!(
                "some hand-overs or callbacks did not finish in time; the next start takes them up"
            );
        }
        if let Some(operator) = self.operator {
            operator.abort();
        }
        drop(self.folder);
    }
}

fn bounds(wiring: &Wiring) -> Bounds {
    Bounds {
        places: Arc::new(Semaphore::new(wiring.doors.connections_max)),
        header_timeout: wiring.doors.header_timeout,
        header_bytes_max: wiring.doors.header_bytes_max,
        grace: wiring.grace,
    }
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))
}

/// Lets commands of the same machine's owner reach this server.
fn open_socket(opened: Opened, doors: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
    let (path, mut stop) = (socket(&opened.data), stop.subscribe());
    let socket = match AdminSocket::open(&path) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "the socket for commands cannot be opened");
            return;
        }
    };
    doors.spawn(async move {
        let answer = move |request| administration::answer(opened.clone(), request);
        tokio::select! {
            () = socket.serve(answer) => {}
            found = stop.wait_for(|stop| *stop) => drop(found),
        }
        drop(std::fs::remove_file(&path));
    });
}
