//! Section `[server]`: listeners, certificates, and how the server stops.
//! TLS needs both of its files; the addresses must differ.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::check::Problems;

/// Listeners and how the server stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address of the plain HTTP listener.
    pub listen: SocketAddr,
    /// Address of the TLS listener; needs certificate and key.
    pub tls_listen: Option<SocketAddr>,
    /// PEM file with the certificate and its chain.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    pub tls_key: Option<PathBuf>,
    /// How the outside world reaches this server, without a slash at the end.
    pub base_url: Option<String>,
    /// Address of the operator's pages: metrics and health.
    pub operator_listen: Option<SocketAddr>,
    /// Seconds in which a request's headers, and before them a handshake, must arrive.
    pub header_timeout_s: u64,
    /// Seconds in which a request's body must arrive.
    pub body_timeout_s: u64,
    /// Seconds that a stopping server waits for open work.
    pub shutdown_grace_s: u64,
}

/// Longer than this a stop looks like a hang.
const SHUTDOWN_GRACE_MAX_S: u64 = 3_600;
/// Longer than this a client does not send at all.
const CLIENT_TIMEOUT_MAX_S: u64 = 3_600;

impl Server {
    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.at_most("server.shutdown_grace_s", self.shutdown_grace_s, SHUTDOWN_GRACE_MAX_S);
        let timeouts = [
            ("server.header_timeout_s", self.header_timeout_s),
            ("server.body_timeout_s", self.body_timeout_s),
        ];
        for (key, seconds) in timeouts {
            problems.at_least_one(key, seconds);
            problems.at_most(key, seconds, CLIENT_TIMEOUT_MAX_S);
        }
        match (&self.tls_listen, &self.tls_certificate, &self.tls_key) {
            (_, Some(_), None) => {
                problems.add("server.tls_certificate is set but server.tls_key is not: set both.");
            }
            (_, None, Some(_)) => {
                problems.add("server.tls_key is set but server.tls_certificate is not: set both.");
            }
            (Some(_), None, None) => {
                problems.add("server.tls_listen needs server.tls_certificate and server.tls_key: set both.");
            }
            _ => {}
        }
        let named =
            [("server.tls_listen", self.tls_listen), ("server.operator_listen", self.operator_listen)];
        for (key, address) in named {
            if address == Some(self.listen) && self.listen.port() != 0 {
                problems.add(format!("{key} is the same address as server.listen: give each its own port."));
            }
        }
        if self.tls_listen.is_some() && self.tls_listen == self.operator_listen {
            problems.add(
                "server.operator_listen is the same address as server.tls_listen: give each its own port.",
            );
        }
        if let Some(base) = &self.base_url {
            check_base_url(base, problems);
        }
    }
}

fn check_base_url(base: &str, problems: &mut Problems) {
    let Ok(url) = url::Url::parse(base) else {
        problems
            .add(format!("server.base_url {base:?} is no URL: write it like \"https://talk.example.com\"."));
        return;
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        problems
            .add(format!("server.base_url {base:?} must begin with http:// or https:// and name a host."));
    }
    if base.ends_with('/') {
        problems.add(format!("server.base_url {base:?} ends in a slash: leave it out."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        problems.add(format!("server.base_url {base:?} may not carry a query or a fragment."));
    }
}
