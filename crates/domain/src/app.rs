//! Apps: what a business connects. Credentials, channels in priority order, policies, and the faces' own settings.

use crate::channel::Channel;
use crate::id::{AgentId, AppId, TenantId};

/// How an app treats messages that name no mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessingMode {
    #[default]
    Conversation,
    Dispatch,
}

/// What happens to an attempt whose outcome stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownPolicy {
    Retry,
    Hold,
    FailOver,
}

/// How patient an app is with a channel before it tries the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Seconds that temporary failures are tried again, from the first on.
    pub retry_s: u32,
    /// Seconds that a channel may take to report arrival, where it reports that at all; `None`: for ever.
    pub report_s: Option<u32>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { retry_s: 3600, report_s: None }
    }
}

/// A connected channel of an app.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelAccount {
    pub channel: Channel,
    /// The provider's name for our side: a phone number id, a bot id, a system id.
    pub account: String,
    /// Name and value of each credential and setting, in the connector's own words. Secret: encrypted at rest.
    pub settings: Vec<(String, String)>,
}

impl std::fmt::Debug for ChannelAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelAccount")
            .field("channel", &self.channel)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// What a business connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub tenant: TenantId,
    /// Small integer for the agent face (inbox id).
    pub number: u64,
    pub name: String,
    /// The inbox identifier of the public contact-side API.
    pub identifier: String,
    pub mode: ProcessingMode,
    /// Days that dispatch-mode records are kept; 0 means until the status is final.
    pub dispatch_retention_days: u32,
    /// Connected channels, highest priority first.
    pub channels: Vec<ChannelAccount>,
    pub unknown_policy: Option<UnknownPolicy>,
    pub patience: Patience,
    /// Signs receipts that go to a message's own callback URL. Secret: encrypted at rest.
    pub override_callback_secret: Option<String>,
    /// Further messages of a contact reopen its one conversation instead of starting another.
    pub lock_to_single_conversation: bool,
    /// Who is shown as author of messages sent through an API without a person.
    pub bot: Option<AgentId>,
    /// Notes also go to the connector installation, for agents and managers.
    pub notes_to_connector: bool,
    /// Most messages that may wait to be handed over; beyond it the door refuses.
    pub queue_limit: u64,
}

impl App {
    /// The app's account on a channel, if connected.
    pub fn account(&self, channel: &Channel) -> Option<&ChannelAccount> {
        self.channels.iter().find(|account| account.channel == *channel)
    }
}
