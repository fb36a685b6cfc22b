//! Stored forms of what operators set up: tenants, apps, credentials, subscriptions, files.
//! Secret fields pass through here already sealed, see `secrets`.

use domain::app::{App, ChannelAccount, Patience, ProcessingMode, UnknownPolicy};
use domain::channel::Channel;
use domain::content::Face;
use domain::delivery::Reason;
use domain::id::*;
use domain::subscription::{PreviousSecret, Subscription};
use domain::tenant::{Awaited, Credential, File, Presence, Tenant};
use domain::time::Time;

use super::form::{form, form_enum};

form! { Tenant "Tenant" { id: TenantId, name: String; account_number: u64, site_id: String, disabled: bool } }

form! { Credential "Credential" {
    id: KeyId,
    tenant: TenantId,
    face: Face,
    public: String;
    app: Option<AppId>,
    agent: Option<AgentId>,
    secret_digest: [u8; 32],
    secret: Option<String>,
    name: String,
    revoked: bool,
} }

form! { File "File" {
    id: FileId,
    tenant: TenantId,
    size: u64,
    sha256: [u8; 32],
    created_at: Time;
    number: u64,
    name: String,
    mime: String,
    width: Option<u32>,
    height: Option<u32>,
    thumbnail: bool,
    presence: Presence,
} }

form_enum! { Presence "Presence" { Stored, Awaited(Awaited), Lost(Reason) } }

form! { Awaited "Awaited" { reference: String; tries: u32 } }

form_enum! { ProcessingMode "ProcessingMode" { Conversation, Dispatch } }

form_enum! { UnknownPolicy "UnknownPolicy" { Retry, Hold, FailOver } }

form! { ChannelAccount "ChannelAccount" {
    channel: Channel;
    account: String,
    settings: Vec<(String, String)>,
} }

form! { Patience "Patience" { retry_s: u32; report_s: Option<u32> } }

form! { App "App" {
    id: AppId,
    tenant: TenantId,
    name: String;
    number: u64,
    identifier: String,
    mode: ProcessingMode,
    dispatch_retention_days: u32,
    channels: Vec<ChannelAccount>,
    unknown_policy: Option<UnknownPolicy>,
    patience: Patience,
    override_callback_secret: Option<String>,
    lock_to_single_conversation: bool,
    bot: Option<AgentId>,
    notes_to_connector: bool,
    queue_limit: u64,
} }

form! { Subscription "Subscription" {
    id: SubscriptionId,
    tenant: TenantId,
    dialect: Face,
    target: String,
    created_at: Time;
    app: Option<AppId>,
    number: u64,
    carries: Option<Channel>,
    secret: String,
    triggers: Vec<String>,
    settings: String,
    enabled: bool,
    parallel: bool,
    previous: Option<PreviousSecret>,
} }

form! { PreviousSecret "PreviousSecret" { secret: String, until: Time; } }
