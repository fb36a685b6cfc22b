//! Names to addresses. What comes out is not trusted: the connector vets every address.
//! Nothing is cached here; a pooled connection stays with the address that was judged.

use std::io;
use std::net::IpAddr;

use futures_util::future::BoxFuture;

/// Looks names up; tests put their own behind it.
pub trait Resolve: Send + Sync {
    /// The addresses of a host name.
    fn lookup(&self, host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn lookup(&self, host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
