//! Starting and stopping a sandbox.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;

use crate::settings::Settings;
use crate::world::World;
use crate::{http, interface, page};

pub struct Sandbox;

/// A sandbox whose sockets are open. Dropping it leaves it running; [`Running::shutdown`] ends it.
pub struct Running {
    pub http_addr: SocketAddr,
    pub smpp_addr: SocketAddr,
    world: Arc<World>,
}

impl Sandbox {
    /// Reads the ledger file, if any, opens both listeners and returns once they accept connections.
    pub async fn start(settings: Settings) -> io::Result<Running> {
        let world = Arc::new(World::new(settings)?);
        let listener = TcpListener::bind(world.settings.http_listen).await?;
        let http_addr = listener.local_addr()?;
        let mut smpp_addr = world.settings.smpp_listen;
        let mut router = Router::new().merge(interface::routes()).merge(page::routes());
        for channel in world.channels.clone() {
            router = router.merge(channel.routes());
            if let Some(addr) = channel.listen(&world).await? {
                smpp_addr = addr;
                world.session_listener.get_or_init(|| addr);
            }
        }
        let router = router.layer(DefaultBodyLimit::max(http::BODY_BYTES_MAX)).with_state(world.clone());
        world.tasks.spawn(http::serve(world.clone(), listener, router));
        Ok(Running { http_addr, smpp_addr, world })
    }
}

impl Running {
    /// `http://…` without a path: the interface; providers are below it.
    pub fn url(&self) -> String {
        format!("http://{}", self.http_addr)
    }

    /// Closes every socket, stops repeating callbacks and waits until all is quiet.
    pub async fn shutdown(self) {
        self.world.closing.cancel();
        self.world.tasks.close();
        self.world.tasks.wait().await;
    }
}
