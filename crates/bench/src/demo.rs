//! What `demo.json` tells of a server, and the requests that follow from it.

use std::path::Path;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::process::{READY_STEP, START_MAX};
use crate::wire::{Connection, Load};

/// Recipients ending so are accepted by the provider and never reported on.
pub const SILENT: &str = "0005";
/// Recipients ending so are delivered, and read where the channel can tell.
pub const TALKATIVE: &str = "0000";
/// A text that makes a body of about 600 bytes.
pub const LONG: &str = "Your parcel waits at the locker on the corner of the market square. Your parcel waits at the \
                        locker on the corner of the market square. Your parcel waits at the locker on the corner of \
                        the market square. Your parcel waits at the locker on the corner of the market square.";
/// A text that fits one SMS.
pub const SHORT: &str = "Your parcel waits at the locker on the corner of the market square.";

/// The demo's tenant, at an address.
pub struct Demo {
    pub address: String,
    info: Value,
}

impl Demo {
    /// Waits until a demo has written its file.
    pub async fn read(data: &Path, address: &str) -> anyhow::Result<Demo> {
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            if let Ok(bytes) = std::fs::read(data.join("demo.json")) {
                return Ok(Demo { address: address.to_owned(), info: serde_json::from_slice(&bytes)? });
            }
            tokio::time::sleep(READY_STEP).await;
        }
        bail!("the server wrote no demo.json");
    }

    fn text(&self, place: &str) -> &str {
        self.info.pointer(place).and_then(Value::as_str).unwrap_or_default()
    }

    fn load_of(&self, sinch: &str, template: impl FnOnce(&str) -> String) -> Load {
        let text = |name: &str| self.text(&format!("{sinch}/{name}"));
        Load {
            address: self.address.clone(),
            path: format!("/v1/projects/{}/messages:send", text("project_id")),
            authorization: basic(text("key_id"), text("key_secret")),
            template: Some(template(text("app_id"))),
        }
    }

    /// Sends of the demo's tenant over WhatsApp, each to a new recipient with this ending.
    pub fn load(&self, ending: &str) -> Load {
        self.load_of("/sinch", |app| body(app, "WHATSAPP", ending, LONG))
    }

    /// Sends over SMS of one part each, which are delivered.
    pub fn sms(&self) -> Load {
        self.load_of("/sinch", |app| body(app, "SMS", TALKATIVE, SHORT))
    }

    /// Sends to one and the same person.
    pub fn chat(&self) -> Load {
        self.load_of("/sinch", |app| body(app, "WHATSAPP", SILENT, LONG).replace("+46%", "+460000000"))
    }

    /// Sends of its neighbour.
    pub fn neighbour(&self) -> Load {
        self.load_of("/second_tenant/sinch", |app| body(app, "WHATSAPP", SILENT, LONG))
    }

    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.address).await
    }

    /// Gets from the Sinch face, below the project.
    pub async fn sinch(&self, connection: &mut Connection, path: &str) -> anyhow::Result<Value> {
        let load = self.load(SILENT);
        connection.get(&load.path.replace("messages:send", path), &load.authorization).await
    }

    /// Gets from the LiveDesk face, below `conversations`.
    pub async fn livedesk(&self, connection: &mut Connection, path: &str) -> anyhow::Result<Value> {
        let keys = basic(self.text("/livedesk/api_key"), self.text("/livedesk/api_secret"));
        connection.get(&format!("/api/v2/accounts/conversations{path}"), &keys).await
    }

    /// The demo's app, as the Sinch face names it.
    pub fn app(&self) -> &str {
        self.text("/sinch/app_id")
    }

    /// Asks for delivery reports at `target`.
    pub async fn subscribe(&self, target: &str) -> anyhow::Result<()> {
        let load = self.load(SILENT);
        let webhook = json!({"app_id": self.app(), "target": target, "triggers": ["MESSAGE_DELIVERY"]});
        let path = load.path.replace("messages:send", "webhooks");
        self.connect().await?.post(&path, &load.authorization, &webhook.to_string()).await
    }

    /// Deletes all webhooks of the app: the demo's own receiver would work with the load.
    pub async fn unsubscribe(&self) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let listed = self.sinch(&mut connection, &format!("apps/{}/webhooks", self.app())).await?;
        let load = self.load(SILENT);
        for webhook in listed["webhooks"].as_array().into_iter().flatten() {
            let id = webhook["id"].as_str().unwrap_or_default();
            let path = load.path.replace("messages:send", &format!("webhooks/{id}"));
            connection.delete(&path, &load.authorization).await?;
        }
        Ok(())
    }
}

fn basic(public: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{public}:{secret}")))
}

/// A recipient of a load with this ending, by its request's number or the place of it.
pub fn identity(number: &str, ending: &str) -> String {
    format!("46{number}{ending}")
}

/// Where the sandbox tells what a recipient's phone shows.
pub fn handset(identity: &str) -> String {
    format!("/handsets/WHATSAPP/{identity}")
}

/// The text begins with the request's number, so that the provider's ledger tells which one it is.
pub fn body(app: &str, channel: &str, ending: &str, text: &str) -> String {
    let identity = json!({"channel": channel, "identity": format!("+{}", identity("%", ending))});
    json!({"app_id": app, "recipient": {"identified_by": {"channel_identities": [identity]}},
        "message": {"text_message": {"text": format!("% {text}")}}, "message_metadata": "campaign-7", "ttl": "86400s"})
    .to_string()
}
