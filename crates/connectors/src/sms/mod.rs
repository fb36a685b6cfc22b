//! The folder's entry: identity, abilities, sending over the held session, holding it. The protocol itself is
//! `dialects::smpp`.
//!
#![doc = include_str!("README.md")]

mod intake;
mod map;
mod references;
mod repeats;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connector_api::{
    Abilities, Callback, Connector, Forged, Genuine, Inbound, Intake, Line, Outbound, SendError, Session,
    Unreadable,
};
use domain::delivery::{Outcome, Reason, ReasonKind};
use futures_util::future::BoxFuture;
use rusmpp::pdus::SubmitSm;
use rusmpp::tlvs::MessageSubmissionRequestTlvValue;
use rusmpp::values::UserMessageReference;

use self::intake::Receiver;
use self::references::References;
use self::settings::Settings;
use crate::dialects::smpp::link::{Answer, Link};
use crate::dialects::smpp::session::{Place, keep};
use crate::dialects::smpp::status;
use crate::hand_over::{Handed, in_order};

const CHANNEL: &str = "SMS";
const ANSWER_TIMEOUT_MS: u64 = 10_000;
const DIGITS_MIN: usize = 3;
const DIGITS_MAX: usize = 15;

/// Accounts at message centers, each with the bind that its session holds.
#[derive(Debug)]
pub struct Sms {
    abilities: Abilities,
    shared: Arc<Shared>,
}

/// What sending and receiving share.
#[derive(Default)]
pub struct Shared {
    links: Links,
    references: References,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The bound links. The password is part of the key: nobody sends over a bind whose secret they do not know.
#[derive(Default)]
pub struct Links(Mutex<HashMap<Bind, Arc<Link>>>);

/// An account at a place.
type Bind = (Arc<str>, Place);

impl Links {
    fn put(&self, account: &Arc<str>, place: &Place, link: &Arc<Link>) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert((Arc::clone(account), place.clone()), Arc::clone(link));
    }

    fn remove(&self, link: &Arc<Link>) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, own| !Arc::ptr_eq(own, link));
    }

    fn get(&self, account: &Arc<str>, place: &Place) -> Option<Arc<Link>> {
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(&(Arc::clone(account), place.clone())).cloned()
    }
}

impl Default for Sms {
    fn default() -> Sms {
        let abilities = Abilities {
            reports_delivered: true,
            takes_ttl: true,
            text_chars_max: map::PARTS_MAX * 153,
            messages_per_second_max: 1_000,
            open_attempts_max: 50,
            answer_timeout_ms: ANSWER_TIMEOUT_MS,
            settings: settings::SETTINGS,
            ..Abilities::default()
        };
        Sms { abilities, shared: Arc::default() }
    }
}

impl Connector for Sms {
    fn channel(&self) -> &'static str {
        CHANNEL
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        normalize(address)
    }

    /// Nothing genuine ever comes by callback: the session is the way in.
    fn authenticate<'r>(&self, _callback: &'r Callback, _line: &Line) -> Result<Genuine<'r>, Forged> {
        Err(Forged)
    }

    fn read(&self, _: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        Err(Unreadable("this channel has no callbacks".to_owned()))
    }

    fn send<'a>(&'a self, line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let settings = Settings::of(line);
            let submits = match map::outbound(message, &settings) {
                Ok(submits) => submits,
                Err(reason) => return Outcome::Refused(reason),
            };
            let (submits, settings, total) = (&submits, &settings, submits.len());
            in_order(&message.parts_done, total, self.abilities.answer_timeout_ms, |part| {
                // A receipt for the last part alone says that the parts before it were taken too.
                let token = (part + 1 == total).then_some(message);
                Box::pin(self.submit(line, settings, submits[part].clone(), token))
            })
            .await
        })
    }
}

impl Session for Sms {
    fn hold(
        &self,
        line: Line,
        intake: Arc<dyn Intake>,
        ending: BoxFuture<'static, ()>,
    ) -> BoxFuture<'static, ()> {
        let settings = Settings::of(&line);
        let (place, window) = (settings.place.clone(), settings.window);
        let receiver = Receiver::new(Arc::clone(&line.account), settings, intake, Arc::clone(&self.shared));
        Box::pin(keep(place, window, Arc::new(receiver), line.http, ending))
    }
}

/// The receiving side of a line, without a session.
#[cfg(feature = "fuzzing")]
pub fn receiver(line: &Line, intake: Arc<dyn Intake>) -> impl crate::dialects::smpp::session::Owner + use<> {
    Receiver::new(Arc::clone(&line.account), Settings::of(line), intake, Arc::default())
}

impl Sms {
    /// One part; its receipt can be joined before the answer, or without it, where `named` says whose part it is.
    async fn submit(
        &self,
        line: &Line,
        settings: &Settings,
        mut part: SubmitSm,
        named: Option<&Outbound>,
    ) -> Handed {
        let Some(link) = self.shared.links.get(&line.account, &settings.place) else {
            return not_sent("not bound to the message center");
        };
        let references = &self.shared.references;
        let reference = named.filter(|_| link.takes_parameters()).map(|message| {
            let number = references.open(&line.account, &message.to.address, &message.token);
            part.push_tlv(MessageSubmissionRequestTlvValue::UserMessageReference(UserMessageReference::new(
                number,
            )));
            (number, &message.token)
        });
        let limit = Duration::from_millis(self.abilities.answer_timeout_ms);
        let answer = link.submit(part.into(), limit).await;
        if let (Some((number, token)), false) = (reference, answer == Answer::Lost) {
            references.settle(number, token);
        }
        match answer {
            Answer::Taken(id) if id.is_empty() => Handed::Unknown,
            Answer::Taken(id) => Handed::Taken(settings.id_form.of_answer(&id).into()),
            Answer::Refused(code) => Handed::No(status::refused(code)),
            Answer::NotSent => not_sent("the message center did not take it in time"),
            Answer::Lost => Handed::Unknown,
        }
    }
}

fn not_sent(why: &str) -> Handed {
    let reason = Reason::new(ReasonKind::ChannelFailure, why);
    Handed::No(SendError::Temporary { reason, retry_after_ms: None })
}

/// Digits of an international number or a short code.
fn normalize(address: &str) -> Option<String> {
    let separators = [' ', '-', '(', ')', '.', '\u{a0}'];
    let digits: String = address.chars().filter(|letter| !separators.contains(letter)).collect();
    let digits = digits.strip_prefix('+').unwrap_or(&digits);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    (number && (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())).then(|| digits.to_owned())
}
