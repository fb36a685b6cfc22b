//! The intake: providers' callbacks, verified, read and turned into commands.
//!
//! The answer to the provider follows the commits, so what it was told we have is durable.

use std::sync::Arc;

use connector_api::{Callback, Handshake, Inbound, Intake, Line};
use domain::app::App;
use domain::channel::{Address, Channel};
use domain::command::Person;
use domain::command::receipt::TakeReceipt;
use domain::command::receive::Receive;
use domain::content::Face;
use domain::id::{AppId, MessageId, TenantId};
use futures_util::future::{BoxFuture, join_all};

use crate::engine::Engine;

/// Why a callback was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No such app, or the channel is not connected.
    Unknown,
    /// The sender did not prove itself.
    Forged,
    /// Genuine, but not to be understood.
    Unreadable(String),
    /// Not durable; the provider should repeat it.
    Unavailable,
}

impl Engine {
    /// Takes one callback of a provider for an app's channel.
    pub async fn provider_callback(
        &self,
        channel: &str,
        app: AppId,
        callback: Callback,
    ) -> Result<(), Rejected> {
        if !self.is_ready() {
            return Err(Rejected::Unavailable);
        }
        let app = self.app_anywhere(app).ok_or(Rejected::Unknown)?;
        let channel = Channel::new(&channel.to_uppercase());
        let connector = self.connector(channel.as_str()).ok_or(Rejected::Unknown)?;
        let line = self.line(&app, &channel).ok_or(Rejected::Unknown)?;
        let genuine = connector.authenticate(&callback, &line).map_err(|_| Rejected::Forged)?;
        let inbound =
            connector.read(genuine, &line).map_err(|unreadable| Rejected::Unreadable(unreadable.0))?;
        if self.take_inbound(&app, &channel, inbound).await { Ok(()) } else { Err(Rejected::Unavailable) }
    }

    /// Answers a provider that verifies the callback address.
    pub fn provider_handshake(&self, channel: &str, app: AppId, query: &str) -> Result<Handshake, Rejected> {
        let app = self.app_anywhere(app).ok_or(Rejected::Unknown)?;
        let channel = Channel::new(&channel.to_uppercase());
        let connector = self.connector(channel.as_str()).ok_or(Rejected::Unknown)?;
        let line = self.line(&app, &channel).ok_or(Rejected::Unknown)?;
        connector.handshake(query, &line).map_err(|_| Rejected::Forged)
    }

    fn app_anywhere(&self, id: AppId) -> Option<Arc<App>> {
        self.directory().apps().find(|app| app.id == id).cloned()
    }

    /// An app's account on a channel, ready to use.
    pub(crate) fn line(&self, app: &App, channel: &Channel) -> Option<Line> {
        let account = app.account(channel)?;
        Some(Line::new(&account.account, account.settings.clone(), self.provider_http()))
    }

    /// Makes everything durable; `false` when any of it is not.
    pub(crate) async fn take_inbound(&self, app: &App, channel: &Channel, inbound: Vec<Inbound>) -> bool {
        let scoped =
            self.connector(channel.as_str()).is_some_and(|known| known.abilities().addresses_are_app_scoped);
        let each = inbound.into_iter().map(|one| self.take_one(app.tenant, app.id, channel, scoped, one));
        join_all(each).await.into_iter().all(|durable| durable)
    }

    async fn take_one(
        &self,
        tenant: TenantId,
        app: AppId,
        channel: &Channel,
        scoped: bool,
        one: Inbound,
    ) -> bool {
        match one {
            Inbound::Message { from, name, source_id, content, reply_to, language } => {
                let from = Address { channel: channel.clone(), address: from };
                let person =
                    Person { name: if name.is_empty() { "Unknown".to_owned() } else { name }, language };
                let receive = Receive {
                    tenant,
                    app,
                    face: Face::Provider,
                    from,
                    app_scoped: scoped,
                    person,
                    source_id: source_id.to_string(),
                    content,
                    reply_to,
                    conversation: None,
                    metadata: String::new(),
                };
                self.conclude(receive).await.is_ok()
            }
            Inbound::Receipt { provider_id, token, receipt, .. } => {
                let token = token.and_then(|token| parse_token(&token));
                let take = TakeReceipt { tenant, app, channel: channel.clone(), provider_id, token, receipt };
                self.conclude(take).await.is_ok()
            }
            Inbound::Signal { from, signal } => {
                let from = Address { channel: channel.clone(), address: from };
                self.consumer_signal(tenant, app, scoped, from, signal).await;
                true
            }
        }
    }
}

/// Our token for an attempt: message and attempt number.
pub(crate) fn token(message: MessageId, attempt: u32) -> Arc<str> {
    Arc::from(format!("{}/{attempt}", message.ulid()))
}

fn parse_token(token: &str) -> Option<(MessageId, u32)> {
    let (message, attempt) = token.split_once('/')?;
    Some((MessageId::parse(message)?, attempt.parse().ok()?))
}

/// Where an app's session puts what it hears.
pub(crate) struct SessionIntake {
    pub engine: Engine,
    pub app: Arc<App>,
    pub channel: Channel,
}

impl Intake for SessionIntake {
    fn take(&self, inbound: Vec<Inbound>) -> BoxFuture<'_, bool> {
        Box::pin(self.engine.take_inbound(&self.app, &self.channel, inbound))
    }

    fn now(&self) -> domain::time::Time {
        self.engine.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::Id;

    #[test]
    fn a_token_reads_back_and_nonsense_does_not() {
        let message = MessageId(Id(42));
        assert_eq!(parse_token(&token(message, 3)), Some((message, 3)));
        assert_eq!(parse_token("x/1"), None);
    }
}
