//! The folder's entry: identity, abilities, sending over the held session, holding it. The protocol itself is
//! `dialects::smpp`.
//!
#![doc = include_str!("README.md")]

mod intake;
mod map;
mod settings;

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

use self::intake::Receiver;
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
    links: Arc<Links>,
}

/// The bound links. The password is part of the key: nobody sends over a bind whose secret they do not know.
#[derive(Default)]
pub struct Links(Mutex<HashMap<Bind, Arc<Link>>>);

/// An account at a place.
type Bind = (Arc<str>, Place);

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").finish_non_exhaustive()
    }
}

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
        Sms { abilities, links: Arc::default() }
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
            let (submits, settings) = (&submits, &settings);
            in_order(&message.parts_done, submits.len(), |part| {
                Box::pin(self.submit(line, settings, submits[part].clone()))
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
        let receiver = Receiver::new(Arc::clone(&line.account), settings, intake, Arc::clone(&self.links));
        let kept = keep(place, window, Arc::new(receiver));
        Box::pin(async move {
            tokio::select! {
                () = kept => {}
                () = ending => {}
            }
        })
    }
}

impl Sms {
    async fn submit(&self, line: &Line, settings: &Settings, part: SubmitSm) -> Handed {
        let Some(link) = self.links.get(&line.account, &settings.place) else {
            return not_sent("not bound to the message center");
        };
        let limit = Duration::from_millis(self.abilities.answer_timeout_ms);
        match link.submit(part.into(), limit).await {
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
