//! The list of channels: adding one costs its folder and its line here.
//! Nothing else in the house knows which channels there are.

use std::sync::Arc;

use connector_api::{Connector, Session};

use crate::{sms, telegram, whatsapp_cloud};

/// A channel, with its second half where it holds a session.
#[derive(Clone)]
pub struct Registered {
    pub connector: Arc<dyn Connector>,
    pub session: Option<Arc<dyn Session>>,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let holds_session = self.session.is_some();
        f.debug_struct("Registered")
            .field("channel", &self.connector.channel())
            .field("holds_session", &holds_session)
            .finish()
    }
}

/// Every channel. Call it once: a session and its sender share state inside.
pub fn all() -> Vec<Registered> {
    vec![
        plain(whatsapp_cloud::WhatsApp::default()),
        plain(telegram::Telegram::default()),
        with_session(sms::Sms::default()),
    ]
}

fn plain(connector: impl Connector + 'static) -> Registered {
    Registered { connector: Arc::new(connector), session: None }
}

fn with_session(both: impl Connector + Session + 'static) -> Registered {
    let both = Arc::new(both);
    Registered { connector: Arc::clone(&both) as Arc<dyn Connector>, session: Some(both) }
}
