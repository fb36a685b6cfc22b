//! The demo's channel accounts: how the server knows each, and how the sandbox is told of it.

use anyhow::Context as _;
use domain::app::App;
use domain::id::AppId;
use serde_json::{Value, json};

use super::wire;
use crate::random;

/// One account on one channel.
pub struct Account {
    pub channel: &'static str,
    /// The provider's name for our side.
    pub account: String,
    pub settings: Vec<(String, String)>,
}

/// Accounts of one tenant against a sandbox, in the order of the seed's channel list. `nth` tells tenants apart.
pub fn all(sandbox_url: &str, smpp: std::net::SocketAddr, nth: u32) -> Vec<Account> {
    vec![
        Account {
            channel: "WHATSAPP",
            account: format!("10155500000{nth}"),
            settings: settings(&[
                ("base_url", &format!("{sandbox_url}/whatsapp")),
                ("access_token", &random::secret()),
                ("app_secret", &random::secret()),
                ("verify_token", &random::secret()),
            ]),
        },
        Account {
            channel: "SMS",
            account: format!("demo{nth}"),
            settings: settings(&[
                ("host", &smpp.ip().to_string()),
                ("port", &smpp.port().to_string()),
                ("system_id", &format!("demo{nth}")),
                ("password", &random::secret()[..8]),
                ("source_addr", &format!("4670000000{nth}")),
            ]),
        },
        telegram(sandbox_url, nth),
    ]
}

fn telegram(sandbox_url: &str, nth: u32) -> Account {
    let token = format!("70000000{nth}:{}", random::secret());
    Account {
        channel: "TELEGRAM",
        account: format!("70000000{nth}"),
        settings: settings(&[
            ("base_url", &format!("{sandbox_url}/telegram")),
            ("bot_token", &token),
            ("secret_token", &random::secret()),
        ]),
    }
}

fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The way between the sandbox and the server.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    pub sandbox_url: &'a str,
    pub base_url: &'a str,
}

impl Door<'_> {
    /// Tells the sandbox which accounts an app has and where their callbacks go. Comes before the server hears of
    /// them: a channel with a session signs in at once, and one that is refused waits long.
    pub async fn register(&self, app: &App) -> anyhow::Result<()> {
        for account in &app.channels {
            let (path, body) = registration(account, app.id, self.base_url);
            wire::put_json(&format!("{}{path}", self.sandbox_url), &body)
                .await
                .context("the sandbox takes no accounts")?;
        }
        Ok(())
    }
}

/// Where the sandbox registers an account, and with what.
fn registration(account: &domain::app::ChannelAccount, app: AppId, base_url: &str) -> (String, Value) {
    let setting = |name: &str| {
        let found = account.settings.iter().find(|(key, _)| key == name);
        found.map_or(String::new(), |(_, value)| value.clone())
    };
    let channel = account.channel.as_str();
    let callback_url = format!("{base_url}/callbacks/{}/{}", channel.to_lowercase(), app.ulid());
    let (name, body) = match channel {
        "WHATSAPP" => (
            account.account.clone(),
            json!({"callback_url": callback_url, "access_token": setting("access_token"),
                   "app_secret": setting("app_secret")}),
        ),
        "TELEGRAM" => (
            setting("bot_token"),
            json!({"callback_url": callback_url, "secret_token": setting("secret_token")}),
        ),
        _ => (
            setting("system_id"),
            json!({"password": setting("password"), "address": setting("source_addr")}),
        ),
    };
    (format!("/accounts/{channel}/{name}"), body)
}
