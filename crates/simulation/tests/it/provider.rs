//! The chaos connector: three channels whose provider accepts, refuses, throttles, falls silent or panics, and keeps
//! a ledger of every hand-over that it read. The ledger is what promises are judged by, not the engine's opinion.

mod audit;
mod channel;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use connector_api::{Connector, Line, Outbound};
use engine::domain::delivery::{Outcome, Reason, ReasonKind, Status};
use engine::domain::id::{AppId, Id, MessageId, TenantId};
use tokio::sync::oneshot;

use crate::fate::Fate;
use crate::lanes::Lanes;
use crate::store::ChaosStore;
use channel::{ChaosChannel, abilities};

/// The channels: repeating is safe on the second one only.
pub const CHANNELS: [&str; 3] = ["ALPHA", "BETA", "GAMMA"];

/// What the provider said to a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing yet.
    Open,
    Accepted,
    Refused,
    Temporary,
    Unknown,
    /// It fell silent, panicked, or the process died first.
    Nothing,
}

/// One line of the ledger.
#[derive(Clone, Debug)]
pub struct HandOver {
    pub channel: &'static str,
    pub app: AppId,
    pub message: MessageId,
    pub attempt: u32,
    pub said: Said,
    /// The provider's ids, known to us once it accepted.
    parts: Vec<Arc<str>>,
    token: Arc<str>,
    /// The highest status reported so far.
    pub reported: Option<Status>,
}

/// A receipt on its way to us; the provider repeats it until it is taken.
#[derive(Clone, Debug)]
pub struct Notice {
    pub number: u32,
    pub app: AppId,
    pub channel: &'static str,
    pub words: String,
    about: Option<usize>,
    status: Status,
}

impl Notice {
    /// The same statement, sent to another app's address.
    pub fn misdirected(self, app: AppId) -> Notice {
        Notice { number: 0, app, about: None, ..self }
    }
}

#[derive(Default)]
struct State {
    ledger: Vec<HandOver>,
    tokens: BTreeSet<Arc<str>>,
    open: Vec<(usize, oneshot::Sender<Outcome>)>,
    outbox: Vec<Notice>,
    silent: BTreeSet<usize>,
    notices: u32,
    lanes: Lanes,
    /// A channel that cannot work, and for how many answers more.
    outage: Option<(&'static str, usize)>,
    calm: bool,
}

/// The provider of all three channels.
pub struct Provider {
    fate: Fate,
    store: ChaosStore,
    state: Mutex<State>,
}

impl Provider {
    pub fn new(fate: &Fate, store: &ChaosStore) -> Arc<Provider> {
        Arc::new(Provider { fate: fate.clone(), store: store.clone(), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Its channels.
    pub fn channels(self: &Arc<Self>) -> Vec<Arc<dyn Connector>> {
        let channel = |name: &'static str| -> Arc<dyn Connector> {
            Arc::new(ChaosChannel { name, abilities: abilities(name), provider: self.clone() })
        };
        CHANNELS.into_iter().map(channel).collect()
    }

    /// The ledger.
    pub fn ledger(&self) -> Vec<HandOver> {
        self.state().ledger.clone()
    }

    /// One of its channels cannot work for a while: long enough for breakers to open.
    pub fn break_down(&self) {
        let outage = (self.fate.pick(&CHANNELS), 40 + self.fate.below(200));
        self.state().outage = Some(outage);
    }

    /// Whether this answer falls into an outage.
    fn is_down(&self, channel: &str) -> bool {
        let mut state = self.state();
        let outage = state.outage.take_if(|(down, left)| *down == channel && *left == 1);
        let counted = state.outage.as_mut().filter(|(down, _)| *down == channel);
        outage.is_some() || counted.map(|(_, left)| *left -= 1).is_some()
    }

    /// From now on everything is accepted at once and nothing new is reported.
    pub fn calm_down(&self) {
        self.state().calm = true;
        while self.answer_one() {}
    }

    /// Answers one open hand-over; `false` when there is none.
    pub fn answer_one(&self) -> bool {
        let mut state = self.state();
        state.open.retain(|(_, answer)| !answer.is_closed());
        if state.open.is_empty() {
            return false;
        }
        let place = self.fate.below(state.open.len());
        let (at, answer) = state.open.remove(place);
        drop(state);
        let outcome = self.outcome(at);
        // Whoever waited may just have gone.
        drop(answer.send(outcome));
        true
    }

    /// A receipt to send, if any waits: any one, so that they come in any order.
    pub fn notice(&self) -> Option<Notice> {
        let state = self.state();
        (!state.outbox.is_empty()).then(|| self.fate.pick(&state.outbox))
    }

    /// A receipt about nothing that anybody knows.
    pub fn stray_notice(&self, app: AppId) -> Notice {
        let words = format!("receipt stray{} - delivered", self.fate.below(1_000));
        let channel = self.fate.pick(&CHANNELS);
        Notice { number: 0, app, channel, words, about: None, status: Status::Delivered }
    }

    /// A receipt was taken; now and then the provider sends it again all the same.
    pub fn taken(&self, notice: &Notice) {
        let mut state = self.state();
        if !self.fate.percent(20) {
            state.outbox.retain(|other| other.number != notice.number);
        }
        if let Some(at) = notice.about {
            let line = &mut state.ledger[at];
            if line.said == Said::Open || line.reported > Some(notice.status) {
                self.fate.count(|counts| counts.reordered += 1);
            }
            line.reported = line.reported.max(Some(notice.status));
        }
    }

    /// Notes a hand-over, audits it, and says which line it is.
    fn read(&self, channel: &'static str, line: &Line, message: &Outbound) -> usize {
        let Some((tenant, app)) = account(&line.account) else { unreachable!("accounts are ours") };
        let Some((id, attempt)) = token(&message.token) else {
            self.fate.wrong(format_args!("no token: {}", message.token));
            unreachable!("tokens read back")
        };
        self.audit(channel, (tenant, app), (id, attempt), message);
        let mut state = self.state();
        let at = state.ledger.len();
        self.fate.demand(
            state.tokens.insert(message.token.clone()),
            format_args!("token {} was handed over twice", message.token),
        );
        let parts = (0..=usize::from(self.fate.percent(20))).map(|part| Arc::from(format!("p{at}.{part}")));
        let parts = parts.collect();
        let (said, token) = (Said::Open, message.token.clone());
        let handed = HandOver { channel, app, message: id, attempt, said, parts, token, reported: None };
        self.fate.note(format_args!("{channel} reads {id:?}/{attempt} as line {at}"));
        self.fate.count(|counts| counts.hand_overs += 1);
        state.ledger.push(handed);
        at
    }

    /// What the provider says to this line, and what it will report of it.
    fn outcome(&self, at: usize) -> Outcome {
        let calm = self.state().calm;
        let channel = self.state().ledger[at].channel;
        let down = !calm && self.is_down(channel);
        let all = [(70, Said::Accepted), (8, Said::Refused), (12, Said::Temporary), (5, Said::Unknown)];
        let said = match (calm, down) {
            (true, _) => Said::Accepted,
            (_, true) => Said::Temporary,
            _ => self.fate.weighted(&all),
        };
        let mut state = self.state();
        state.ledger[at].said = said;
        self.fate.note(format_args!("line {at}: {said:?}"));
        let parts = state.ledger[at].parts.clone();
        let reason = |words: &str| Reason::new(ReasonKind::ChannelRejected, words);
        match said {
            Said::Accepted => {
                self.will_report(&mut state, at);
                Outcome::Accepted { parts }
            }
            Said::Refused => Outcome::Refused(reason("no")),
            Said::Temporary => {
                let throttled = !down && self.fate.percent(40);
                let retry_after_ms = throttled.then(|| self.fate.between(1, 90_000));
                // Now and then the whole account is meant, and not only this message.
                let kind = match retry_after_ms {
                    Some(_) if self.fate.percent(20) => ReasonKind::RateLimited,
                    _ => ReasonKind::ChannelFailure,
                };
                Outcome::Temporary { reason: Reason::new(kind, "later"), retry_after_ms }
            }
            _ => {
                if self.fate.percent(50) {
                    self.will_report(&mut state, at);
                }
                let known = self.fate.percent(30);
                Outcome::Unknown { parts: parts.into_iter().take(usize::from(known)).collect() }
            }
        }
    }

    /// Puts receipts about a line into the outbox.
    fn will_report(&self, state: &mut State, at: usize) {
        if state.calm {
            return;
        }
        let fates: [(usize, &[&str]); 6] = [
            (25, &[]),
            (25, &["delivered"]),
            (25, &["delivered", "read"]),
            (12, &["failed"]),
            (8, &["failed", "delivered"]),
            (5, &["delivered", "delivered", "read"]),
        ];
        for words in self.fate.weighted(&fates) {
            for part in state.ledger[at].parts.clone() {
                self.put_notice(state, at, &part, words);
            }
        }
    }

    fn put_notice(&self, state: &mut State, at: usize, part: &str, words: &str) {
        state.notices += 1;
        let line = &state.ledger[at];
        // Who never answered gave us no id, so that only our token joins what it reports.
        let silent = matches!(line.said, Said::Unknown | Said::Nothing);
        let echoes = line.channel == "ALPHA" && self.fate.percent(60) || silent && self.fate.percent(70);
        let token = if echoes { line.token.as_ref() } else { "-" };
        let notice = Notice {
            number: state.notices,
            app: line.app,
            channel: line.channel,
            words: format!("receipt {part} {token} {words}"),
            about: Some(at),
            status: status(words),
        };
        state.outbox.push(notice);
    }

    /// Nobody waits for a line's answer any longer. Nothing is drawn here: tasks of a life that ends are dropped in
    /// no order that a seed knows.
    fn fell_silent(&self, at: usize) {
        let mut state = self.state();
        if state.ledger[at].said == Said::Open {
            state.ledger[at].said = Said::Nothing;
            state.silent.insert(at);
        }
    }

    /// Decides about the lines that were left without an answer: some of them did reach the person.
    pub fn look_after_silent_ones(&self) {
        let mut state = self.state();
        for at in std::mem::take(&mut state.silent) {
            self.fate.note(format_args!("line {at}: nobody waits any longer"));
            if self.fate.percent(50) {
                self.will_report(&mut state, at);
            }
        }
    }
}

/// The name of an app's account with the provider.
pub fn account_name(tenant: TenantId, app: AppId) -> String {
    format!("{}/{}", tenant.ulid(), app.ulid())
}

fn account(name: &str) -> Option<(TenantId, AppId)> {
    let (tenant, app) = name.split_once('/')?;
    Some((TenantId(Id::parse(tenant)?), AppId(Id::parse(app)?)))
}

fn token(token: &str) -> Option<(MessageId, u32)> {
    let (message, attempt) = token.split_once('/')?;
    Some((MessageId(Id::parse(message)?), attempt.parse().ok()?))
}

fn status(words: &str) -> Status {
    match words {
        "read" => Status::Read,
        "delivered" => Status::Delivered,
        _ => Status::Failed,
    }
}
