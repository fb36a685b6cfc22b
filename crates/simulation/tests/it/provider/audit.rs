//! The audit of each hand-over when it comes: its attempt is a committed row, it is no silent repeat, and nothing that
//! was accepted earlier in its lane still waits for its first try.

use connector_api::Outbound;
use engine::domain::app::{App, UnknownPolicy};
use engine::domain::content::Content;
use engine::domain::delivery::{Delivery, Outcome};
use engine::domain::id::{AppId, MessageId, TenantId};
use engine::domain::message::Message;

use super::channel::abilities;
use super::{Provider, Said};

impl Provider {
    pub(super) fn audit(
        &self,
        channel: &'static str,
        (tenant, app): (TenantId, AppId),
        (id, attempt): (MessageId, u32),
        message: &Outbound,
    ) {
        let name = &message.token;
        let Some(row) = self.store.row::<Message>(tenant, id.0) else {
            return self.fate.wrong(format_args!("{name} was handed over and is not stored"));
        };
        let Some(delivery) = &row.delivery else {
            return self.fate.wrong(format_args!("{name} was handed over and does not travel"));
        };
        self.fate.demand(row.app == app, format_args!("{name} went out by another app's account"));
        self.fate.demand(!row.private, format_args!("{name} is a note and went out"));
        let recorded = delivery.attempts.iter().find(|one| one.number == attempt);
        let open = recorded.is_some_and(|one| one.outcome.is_none() && delivery.plan[one.leg] == message.to);
        self.fate.demand(open, format_args!("{name} left before its attempt was recorded: {delivery:?}"));
        self.fate.demand(message.to.channel.as_str() == channel, format_args!("{name} took another channel"));
        let same =
            self.store.row::<Content>(tenant, id.0).is_some_and(|own| own.body == message.content.body);
        self.fate.demand(same, format_args!("{name} carries another content"));
        self.repeated(channel, &row, delivery, attempt);
        if let Err(waiting) = self.state().lanes.first_try(&self.store, &row) {
            self.fate.wrong(format_args!("{name} went before {waiting:?}, which was accepted earlier"));
        }
    }

    /// A second hand-over to the same channel needs an earlier one that was unknown or temporary, says so in the
    /// record, and for an unknown one a policy that lets it be repeated.
    fn repeated(&self, channel: &'static str, row: &Message, delivery: &Delivery, attempt: u32) {
        let state = self.state();
        let earlier = state
            .ledger
            .iter()
            .filter(|line| line.message == row.id && line.channel == channel && line.attempt != attempt);
        let policy = self.store.row::<App>(row.tenant, row.app.0);
        let policy = policy.and_then(|app| app.unknown_policy);
        let may_repeat =
            policy.map_or(abilities(channel).repeating_is_safe, |one| one == UnknownPolicy::Retry);
        for line in earlier {
            let recorded = delivery.attempts.iter().find(|one| one.number == line.attempt);
            let fine = match recorded.and_then(|one| one.outcome.as_ref()) {
                Some(Outcome::Temporary { .. }) => line.said == Said::Temporary,
                Some(Outcome::Unknown { .. }) => may_repeat,
                _ => false,
            };
            let said = line.said;
            self.fate.demand(
                fine,
                format_args!(
                    "{} was handed to {channel} again; the provider said {said:?} before",
                    row.id.ulid()
                ),
            );
        }
    }
}
