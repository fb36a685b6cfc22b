//! `demo.json`: what a person or a script needs to talk to the demo server. Its shape is stable.

use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Info {
    pub base_url: String,
    pub tls_base_url: String,
    /// Relative to the data folder.
    pub ca_file: String,
    #[serde(flatten)]
    pub first: Keys,
    pub console: Option<serde_json::Value>,
    pub sandbox: Sandbox,
    pub second_tenant: Keys,
}

/// One tenant's way in, by face.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    pub sinch: Sinch,
    pub liveperson: LivePerson,
    pub livedesk: LiveDesk,
    pub api: Api,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sinch {
    pub project_id: String,
    pub key_id: String,
    pub key_secret: String,
    pub app_id: String,
    pub webhook_secret: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LivePerson {
    pub account_id: String,
    pub client_id: String,
    pub client_secret: String,
    pub admin_login: String,
    pub admin_password: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveDesk {
    pub account_id: u64,
    pub inbox_id: u64,
    pub inbox_identifier: String,
    pub api_key: String,
    pub api_secret: String,
    pub api_access_token: String,
    pub agent_id: u64,
    pub agent_name: String,
    pub colleague: Colleague,
    pub bot: Bot,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Colleague {
    pub agent_id: u64,
    pub api_access_token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bot {
    pub api_access_token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Api {
    pub key: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sandbox {
    pub url: String,
}
