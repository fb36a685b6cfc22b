//! Requests of administration and their answers, as JSON lines between a command and the running server.
//! Rows show what people may see: a secret leaves only in [`NewKey`], once.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What an operator asks for. Tenants, apps and agents are named by id (UUID or ULID), number or unique name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    CreateTenant {
        name: String,
    },
    ListTenants {},
    ShowTenant {
        tenant: String,
    },
    CreateApp {
        tenant: String,
        name: String,
        channel: Option<ChannelSetting>,
    },
    ListApps {
        tenant: String,
    },
    ShowApp {
        tenant: String,
        app: String,
    },
    /// Changes what is given and leaves the rest.
    SetApp {
        tenant: String,
        app: String,
        changes: AppChanges,
    },
    /// Connects a channel at the end of the order, or replaces the account of a connected one in its place.
    SetChannel {
        tenant: String,
        app: String,
        channel: ChannelSetting,
    },
    RemoveChannel {
        tenant: String,
        app: String,
        channel: String,
    },
    CreateKey {
        tenant: String,
        face: KeyFace,
        app: Option<String>,
        agent: Option<String>,
        name: String,
    },
    ListKeys {
        tenant: String,
    },
    ShowKey {
        tenant: String,
        key: String,
    },
    RevokeKey {
        tenant: String,
        key: String,
    },
    CreateAgent {
        tenant: String,
        name: String,
        email: String,
        role: AgentRole,
    },
    ListAgents {
        tenant: String,
    },
    ShowAgent {
        tenant: String,
        agent: String,
    },
    /// Revokes every key by which the agent acts.
    RevokeAgent {
        tenant: String,
        agent: String,
    },
    /// Revokes every key of the app.
    RevokeApp {
        tenant: String,
        app: String,
    },
    /// Revokes every key of the tenant.
    RevokeTenant {
        tenant: String,
    },
    Explain {
        message: String,
    },
    /// Pauses handing messages to channels, or resumes it.
    PauseDelivery {
        paused: bool,
    },
    ShowDelivery {},
    /// Writes a backup into an empty folder of the server's machine.
    Backup {
        /// Absolute.
        to: PathBuf,
    },
}

/// What an app does, as the operator changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
#[group(required = true, multiple = true)]
pub struct AppChanges {
    /// What becomes of a hand-over that may have reached the channel, when nothing resolves it.
    #[arg(long, value_enum)]
    pub unknown_outcomes: Option<UnknownOutcomes>,
    /// Seconds that temporary failures are tried again, from the first on, before the next channel's turn.
    #[arg(long, value_name = "SECONDS")]
    pub retry_for: Option<u32>,
    /// Seconds that a channel may take to report arrival, where it reports that, before the next one's turn; 0 is for
    /// ever.
    #[arg(long, value_name = "SECONDS")]
    pub report_within: Option<u32>,
    /// Messages that may wait to be handed over; beyond it the door refuses.
    #[arg(long, value_name = "MESSAGES")]
    pub queue_limit: Option<u64>,
    /// How messages are treated that name no mode.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Days that content is kept in dispatch mode; 0 is until the status is final.
    #[arg(long, value_name = "DAYS")]
    pub dispatch_retention_days: Option<u32>,
    /// Whether a contact's further messages reopen its one conversation instead of starting another.
    #[arg(long)]
    pub lock_to_single_conversation: Option<bool>,
}

/// What becomes of hand-overs whose outcome stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum UnknownOutcomes {
    /// Try again where the channel tells repeats apart, hold otherwise.
    ByChannel,
    /// Try again on the same channel: the person may get it twice.
    Retry,
    /// Wait for a late receipt until the time-to-live is over.
    Hold,
    /// Go on to the next channel: the person may get it on both.
    FailOver,
}

/// How messages are treated that name no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each belongs to a contact's conversation.
    Conversation,
    /// Each stands alone.
    Dispatch,
}

/// A channel account as the operator writes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSetting {
    pub channel: String,
    pub account: String,
    /// Secret: connectors' credentials.
    pub settings: Vec<(String, String)>,
}

impl std::fmt::Debug for ChannelSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelSetting").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The APIs that take keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum KeyFace {
    /// The business API: key id and secret.
    Sinch,
    /// The connector API: client id and secret, for one app.
    LivePerson,
    /// The connector API's administrator, who installs apps: --name is the login, the secret its password.
    #[serde(rename = "liveperson-admin")]
    #[value(name = "liveperson-admin")]
    LivePersonAdmin,
    /// The agent API: key and secret, or with --agent that agent's access token.
    LiveDesk,
    /// Our own API: a bearer token.
    Trunkline,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum AgentRole {
    /// Answers, and changes settings of the tenant.
    Administrator,
    /// Answers.
    Agent,
    /// A program that answers.
    Bot,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AdminAnswer {
    Tenants {
        tenants: Vec<TenantRow>,
    },
    Apps {
        apps: Vec<AppRow>,
    },
    Keys {
        keys: Vec<KeyRow>,
    },
    Agents {
        agents: Vec<AgentRow>,
    },
    /// The only time that the secret is shown.
    KeyCreated {
        key: NewKey,
    },
    Explanation {
        sentences: Vec<String>,
    },
    BackedUp {
        backup: BackupRow,
    },
    /// Said by the command alone: no server runs on a folder that is being restored.
    Restored {
        backup: BackupRow,
        /// Whether what waited in the backup waits until delivery is resumed.
        paused: bool,
    },
    Delivery {
        paused: bool,
        /// Messages of all apps that wait to be handed over, or are being.
        waiting: u64,
    },
    /// Nothing was changed.
    Refused {
        why: String,
    },
}

/// A tenant, by all of its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRow {
    pub id: String,
    pub name: String,
    /// The business API's name of it.
    pub project_id: String,
    /// The agent API's name of it.
    pub account_number: u64,
    /// The connector API's name of it.
    pub site_id: String,
    pub disabled: bool,
}

/// An app; of its channels' settings only the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRow {
    pub id: String,
    /// The agent API's inbox id.
    pub number: u64,
    pub name: String,
    pub identifier: String,
    pub unknown_outcomes: UnknownOutcomes,
    pub retry_for_s: u32,
    /// None: a channel may take for ever.
    pub report_within_s: Option<u32>,
    pub queue_limit: u64,
    pub mode: Mode,
    pub dispatch_retention_days: u32,
    pub lock_to_single_conversation: bool,
    pub channels: Vec<ChannelRow>,
}

/// A connected channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRow {
    pub channel: String,
    pub account: String,
    pub settings: Vec<String>,
    /// Where the provider posts its callbacks, below the server's base URL; empty for our own faces.
    pub callback_path: String,
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub id: String,
    pub face: String,
    pub name: String,
    /// The half that may be shown; empty for bearer tokens.
    pub public: String,
    pub app: Option<String>,
    pub agent: Option<String>,
    pub revoked: bool,
}

/// A fresh key with its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub id: String,
    pub face: String,
    /// The half that may be shown; `None` for bearer tokens.
    pub public: Option<String>,
    /// Secret.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    pub id: String,
    pub number: u64,
    pub name: String,
    pub email: String,
    pub role: AgentRole,
}

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRow {
    /// Where it was written, or restored to.
    pub folder: String,
    /// The newest event's position in the log.
    pub position: u64,
    /// Attachments and their thumbnails.
    pub files: u64,
    /// Length of everything.
    pub bytes: u64,
    /// Names of the keys in it.
    pub keys: Vec<String>,
}
