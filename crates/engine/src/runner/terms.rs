//! The terms on which an account may be used: what its channel's abilities say, and what its own settings say instead.
//! Settings that are no numbers count as not given.

use std::sync::Arc;

use connector_api::Abilities;
use domain::app::{ChannelAccount, Patience};
use domain::channel::{Address, Channel};
use domain::id::{AppId, TenantId};
use domain::job::{Job, Work};
use foldhash::{HashMap, HashMapExt as _};

use crate::buckets::Rate;
use crate::directory::Directory;
use crate::engine::Engine;

/// Messages that an account may hand over each second; 0 is no limit.
const MESSAGES_PER_SECOND: &str = "messages_per_second";
/// Messages that an account may send to one person each minute; 0 is no limit.
const MESSAGES_PER_MINUTE_PER_RECIPIENT: &str = "messages_per_minute_per_recipient";
/// Hand-overs that may be open at once on an account; 0 is no limit.
const OPEN_ATTEMPTS: &str = "open_attempts";
/// The part of a second whose messages may leave at once, so that no second holds many more than its number.
const BURSTS_PER_SECOND: u32 = 10;

/// Files of one tenant that are fetched at once.
const OPEN_FETCHES_PER_TENANT_MAX: usize = 2;

/// Who the provider sees: an account on a channel, whichever of the tenant's apps use it. Without one: work that goes
/// to no provider, or whose channel is not known yet. A tenant's fetches of files are a sender of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sender {
    pub tenant: TenantId,
    pub account: Option<(Channel, Arc<str>)>,
}

impl Sender {
    /// Who fetches a tenant's files: an account on no channel.
    fn of_fetches(tenant: TenantId) -> Sender {
        Sender { tenant, account: Some((Channel::new(""), Arc::default())) }
    }

    /// Whether its work is to hand messages over.
    pub fn hands_over(&self) -> bool {
        self.account.as_ref().is_some_and(|(channel, _)| !channel.as_str().is_empty())
    }
}

/// On what terms a sender may be used by an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub sender: Arc<Sender>,
    pub rate: Option<Rate>,
    pub rate_per_recipient: Option<Rate>,
    pub open_attempts_max: usize,
    /// How long a shut gate may keep a message.
    pub patience_ms: i64,
}

impl Terms {
    /// No limits.
    pub fn free(sender: Arc<Sender>) -> Terms {
        Terms {
            sender,
            rate: None,
            rate_per_recipient: None,
            open_attempts_max: usize::MAX,
            patience_ms: i64::MAX,
        }
    }

    /// A tenant's fetches: they take their turns, and nothing from what its accounts may send.
    fn of_fetches(tenant: TenantId) -> Terms {
        let free = Terms::free(Arc::new(Sender::of_fetches(tenant)));
        Terms { open_attempts_max: OPEN_FETCHES_PER_TENANT_MAX, ..free }
    }

    fn of_account(
        tenant: TenantId,
        account: &ChannelAccount,
        patience: Patience,
        published: &Abilities,
    ) -> Terms {
        let number = |name: &str| {
            let set = account.settings.iter().find(|(key, _)| key == name);
            set.and_then(|(_, value)| value.trim().parse::<u32>().ok())
        };
        let per_second = number(MESSAGES_PER_SECOND).unwrap_or(published.messages_per_second_max);
        let per_minute = number(MESSAGES_PER_MINUTE_PER_RECIPIENT)
            .unwrap_or(published.messages_per_minute_per_recipient_max);
        let open = number(OPEN_ATTEMPTS).map_or(published.open_attempts_max, |open| open as usize);
        let name = (account.channel.clone(), Arc::from(account.account.as_str()));
        Terms {
            sender: Arc::new(Sender { tenant, account: Some(name) }),
            rate: Rate::new(per_second, 1_000, per_second / BURSTS_PER_SECOND),
            rate_per_recipient: Rate::new(per_minute, 60_000, published.recipient_burst_max),
            open_attempts_max: if open == 0 { usize::MAX } else { open },
            patience_ms: i64::from(patience.retry_s) * 1_000,
        }
    }
}

/// An app's channel, or none where none is known.
type Way = (TenantId, Option<(AppId, Channel)>);

/// The terms of every job, kept as long as the directory stays as it is.
pub(super) struct AllTerms {
    engine: Engine,
    directory: Arc<Directory>,
    known: HashMap<Way, Arc<Terms>>,
}

impl AllTerms {
    pub fn new(engine: &Engine) -> AllTerms {
        AllTerms { engine: engine.clone(), directory: engine.directory(), known: HashMap::new() }
    }

    /// The terms of a job, as the directory is now.
    pub fn of(&mut self, job: &Job) -> Arc<Terms> {
        if let Work::Fetch { .. } = job.work {
            return Arc::new(Terms::of_fetches(job.tenant));
        }
        let directory = self.engine.directory();
        if !Arc::ptr_eq(&directory, &self.directory) {
            self.known.clear();
            self.directory = directory;
        }
        let key = (job.tenant, job.to.as_ref().map(|to| (job.app, to.channel.clone())));
        if let Some(terms) = self.known.get(&key) {
            return terms.clone();
        }
        let terms = Arc::new(self.look_up(job));
        self.known.insert(key, terms.clone());
        terms
    }

    fn look_up(&self, job: &Job) -> Terms {
        let free = |account| Terms::free(Arc::new(Sender { tenant: job.tenant, account }));
        let Some(Address { channel, .. }) = &job.to else { return free(None) };
        let app = self.directory.app(job.tenant, job.app);
        let Some((app, account)) = app.and_then(|app| Some((app, app.account(channel)?))) else {
            return free(Some((channel.clone(), Arc::default())));
        };
        let connector = self.engine.connector(channel.as_str());
        let published = connector.filter(|_| self.engine.parts().limits.provider_rates);
        let unlimited = Abilities::default();
        let published = published.as_ref().map_or(&unlimited, |connector| connector.abilities());
        Terms::of_account(job.tenant, account, app.patience, published)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(settings: &[(&str, &str)]) -> Terms {
        let published = Abilities {
            messages_per_second_max: 80,
            messages_per_minute_per_recipient_max: 10,
            recipient_burst_max: 45,
            open_attempts_max: 64,
            ..Abilities::default()
        };
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let account = ChannelAccount {
            channel: Channel::new("ALPHA"),
            account: "us".to_owned(),
            settings: settings.collect(),
        };
        Terms::of_account(TenantId::default(), &account, Patience::default(), &published)
    }

    #[test]
    fn what_the_channel_publishes_holds_where_the_account_says_nothing_sensible() {
        let published = terms(&[]);
        assert_eq!(published.rate, Rate::new(80, 1_000, 8));
        assert_eq!(published.rate_per_recipient, Rate::new(10, 60_000, 45));
        assert_eq!((published.open_attempts_max, published.patience_ms), (64, 3_600_000));
        assert_eq!(terms(&[(MESSAGES_PER_SECOND, "fast"), (OPEN_ATTEMPTS, "-1")]), published);
    }

    #[test]
    fn the_accounts_own_numbers_hold_instead_and_zero_is_no_limit() {
        let own = terms(&[(MESSAGES_PER_SECOND, "1000"), (OPEN_ATTEMPTS, "3")]);
        assert_eq!((own.rate, own.open_attempts_max), (Rate::new(1_000, 1_000, 100), 3));
        let none =
            [(MESSAGES_PER_SECOND, "0"), (MESSAGES_PER_MINUTE_PER_RECIPIENT, "0"), (OPEN_ATTEMPTS, "0")];
        let none = terms(&none);
        assert_eq!((none.rate, none.rate_per_recipient, none.open_attempts_max), (None, None, usize::MAX));
    }
}
