//! What a sandbox is started with. Everything has a default that suits a demo; load tests set the delays to zero.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Settings {
    /// The sandbox's own interface and every HTTP provider. Port 0 picks a free one.
    pub http_listen: SocketAddr,
    /// The SMSC. Port 0 picks a free one.
    pub smpp_listen: SocketAddr,
    /// Where the ledger is kept beyond this process, as JSON lines; read again at start.
    pub ledger: Option<PathBuf>,
    /// Enforces rules that would hinder play: WhatsApp's 24-hour window.
    pub strict_windows: bool,
    pub delays: Delays,
}

impl Default for Settings {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            http_listen: any_port,
            smpp_listen: any_port,
            ledger: None,
            strict_windows: false,
            delays: Delays::default(),
        }
    }
}

/// How long things take. Receipts are counted from the moment of the answer.
#[derive(Clone, Debug)]
pub struct Delays {
    pub delivered_after: Duration,
    pub read_after: Duration,
    /// Outcome `0010`.
    pub slow_answer: Duration,
    /// First pause before a callback is repeated; it doubles up to `callback_pause_max`.
    pub callback_pause_min: Duration,
    pub callback_pause_max: Duration,
    /// After this long a callback is given up.
    pub callback_patience: Duration,
    /// How long one callback, or one `deliver_sm`, may stay unanswered.
    pub callback_timeout: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            delivered_after: Duration::from_millis(50),
            read_after: Duration::from_millis(100),
            slow_answer: Duration::from_secs(3),
            callback_pause_min: Duration::from_millis(100),
            callback_pause_max: Duration::from_secs(2),
            callback_patience: Duration::from_mins(10),
            callback_timeout: Duration::from_secs(10),
        }
    }
}
