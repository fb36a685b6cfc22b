//! One callback: render, sign, post, judge. Where the subscription carries a face channel, the post is also the
//! message's attempt: recorded before bytes leave, ended by the 2xx or by giving up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use connector_api::{HttpRequest, OutError};
use domain::command::attempt::{Begin, Begun, Finish};
use domain::delivery::{Outcome, Phase, Reason, ReasonKind};
use domain::event::{Event, Fact};
use domain::message::Message;
use domain::subscription::{Subscription, Try};
use futures_util::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};

use super::pace::Pace;
use super::{UNAVAILABLE_MS, facts};
use crate::cache::Ahead;
use crate::dialect::{Dialect, Facts, Rendered, Seal, Verdict};
use crate::engine::Engine;
use crate::runner::nature;

/// Longest answer body of a subscriber that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest beginning of an answer that is kept, in characters.
const ANSWER_SHOWN_MAX: usize = 500;

/// How one callback ended.
pub(super) enum Delivered {
    /// There is nothing to tell.
    Nothing,
    /// Something of ours stood in the way. It does not count as a try of the subscriber's.
    NotTried,
    Yes {
        target: String,
        body: Vec<u8>,
        one: Try,
    },
    Failed {
        target: String,
        body: Vec<u8>,
        one: Try,
        final_word: bool,
    },
}

/// The attempt waits for its time, or could not be recorded.
struct NotBegun;

/// An answer in few words.
fn shown(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String = text.trim().chars().take(ANSWER_SHOWN_MAX).collect();
    if text.is_empty() { format!("answered {status}") } else { format!("answered {status}: {text}") }
}

/// Posts events of one subscription.
pub(super) struct Post<'a> {
    pub engine: &'a Engine,
    pub subscription: &'a Arc<Subscription>,
    pub dialect: &'a dyn Dialect,
    pub pace: &'a Pace,
    /// Rows read for the whole page.
    pub ahead: &'a Ahead,
}

impl Post<'_> {
    /// Delivers one event; `frozen` are the bytes of an earlier try, empty if there was none. A dialect that panics
    /// fails this callback and no other.
    pub async fn event(&self, event: Event, frozen: &[u8]) -> Delivered {
        let tried = AssertUnwindSafe(self.deliver(event, frozen)).catch_unwind().await;
        tried.unwrap_or_else(|_| {
            tracing::error!(subscription = self.subscription.id.ulid(), "a callback's dialect panicked");
            let answer = Arc::from("the callback could not be written");
            let one = Try { at: self.engine.now(), took_ms: 0, status: 0, answer };
            let target = self.subscription.target.clone();
            Delivered::Failed { target, body: frozen.to_vec(), one, final_word: false }
        })
    }

    async fn deliver(&self, event: Event, frozen: &[u8]) -> Delivered {
        let facts = match facts::load(self.engine, self.subscription, event, self.ahead).await {
            Ok(facts) => facts,
            Err(error) => {
                tracing::warn!(%error, "the facts of a callback could not be read");
                return Delivered::NotTried;
            }
        };
        let carried = if self.carries(&facts) {
            match self.begin(&facts).await {
                Ok(Some(attempt)) => Some(attempt),
                Ok(None) => return Delivered::Nothing,
                Err(NotBegun) => return Delivered::NotTried,
            }
        } else {
            None
        };
        let Some(mut rendered) = self.dialect.render(&facts) else {
            if let Some(attempt) = carried {
                let reason = Reason::new(ReasonKind::ContentUnsupported, "the face cannot show this message");
                if !self.finish(&facts, attempt, Outcome::Refused(reason)).await {
                    return Delivered::NotTried;
                }
            }
            return Delivered::Nothing;
        };
        if !frozen.is_empty() {
            rendered.body = Bytes::copy_from_slice(frozen);
        }
        let per_second = self.dialect.patience(self.subscription).per_second_per_app;
        if let Some(app) = facts.event.app
            && !self.pace.turn(self.engine, (self.dialect.face(), app), per_second).await
        {
            return Delivered::NotTried;
        }
        let (verdict, one) = self.post(&facts, &rendered).await;
        let target = rendered.target.unwrap_or_else(|| self.subscription.target.clone());
        let body = rendered.body.to_vec();
        if verdict == Verdict::Delivered {
            metrics::counter!("trunkline_callbacks_total", "outcome" => "delivered").increment(1);
            if let Some(attempt) = carried
                && !self.finish(&facts, attempt, Outcome::Accepted { parts: Vec::new() }).await
            {
                return Delivered::NotTried;
            }
            return Delivered::Yes { target, body, one };
        }
        metrics::counter!("trunkline_callbacks_total", "outcome" => "failed").increment(1);
        Delivered::Failed { target, body, one, final_word: verdict == Verdict::GiveUp }
    }

    /// Posts, signed with the secret; should the subscriber not know it yet, with the one before while that is good.
    async fn post(&self, facts: &Facts, rendered: &Rendered) -> (Verdict, Try) {
        let (status, tried) = self.post_as(self.subscription, facts, rendered).await;
        let unknown = matches!(tried.status, 401 | 403) && rendered.target.is_none();
        let Some(previous) = self.subscription.previous_secret(tried.at).filter(|_| unknown) else {
            return (status, tried);
        };
        let before = Subscription { secret: previous.to_owned(), ..Subscription::clone(self.subscription) };
        self.post_as(&before, facts, rendered).await
    }

    async fn post_as(&self, signer: &Subscription, facts: &Facts, rendered: &Rendered) -> (Verdict, Try) {
        let at = self.engine.now();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(rendered.headers.clone());
        let nonce = self.engine.new_id().ulid();
        headers.extend(self.dialect.seal(&Seal {
            subscription: signer,
            app: facts.app.as_deref(),
            event: &facts.event,
            body: &rendered.body,
            now: at,
            nonce: &nonce,
            overridden: rendered.target.is_some(),
        }));
        let request = HttpRequest {
            method: Method::POST,
            url: rendered.target.clone().unwrap_or_else(|| self.subscription.target.clone()),
            headers,
            body: rendered.body.clone(),
            timeout_ms: self.dialect.patience(self.subscription).timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let (verdict, status, answer) = match self.engine.parts().callback_http.call(request).await {
            Ok(answer) => {
                (self.dialect.verdict(answer.status), answer.status, shown(answer.status, &answer.body))
            }
            // A target that may not be called never will be.
            Err(OutError::Forbidden(why)) => (Verdict::GiveUp, 0, why),
            Err(OutError::NotSent(why) | OutError::NoAnswer(why)) => (Verdict::Again, 0, why),
            Err(OutError::TooLong) => (Verdict::Again, 0, "the answer is too long".to_owned()),
        };
        let took_ms = u32::try_from(self.engine.now().since_ms(at).max(0)).unwrap_or(u32::MAX);
        (verdict, Try { at, took_ms, status, answer: answer.into() })
    }

    /// Whether this callback is the hand-over of the message itself.
    fn carries(&self, facts: &Facts) -> bool {
        let (Some(channel), Some(message)) = (&self.subscription.carries, &facts.message) else {
            return false;
        };
        let current = message.delivery.as_ref().map(|delivery| &delivery.address().channel);
        matches!(facts.event.fact, Fact::MessageSubmitted) && current == Some(channel)
    }

    /// Opens the attempt, or joins the one that is open. `None`: it is over already.
    async fn begin(&self, facts: &Facts) -> Result<Option<u32>, NotBegun> {
        let Some(message) = &facts.message else {
            return Ok(None);
        };
        let Some(delivery) = &message.delivery else {
            return Ok(None);
        };
        if !matches!(delivery.phase, Phase::Waiting { .. } | Phase::Attempting) {
            return Ok(None);
        }
        let nature = nature(self.engine, &delivery.address().channel);
        let begin = Begin { tenant: message.tenant, message: message.id, job: None, nature };
        match self.engine.conclude(begin).await {
            Ok(Begun::HandOver(hand_over)) => Ok(Some(hand_over.attempt)),
            Ok(Begun::NotBefore(_)) | Err(_) => Err(NotBegun),
            Ok(Begun::Nothing) => Ok(None),
        }
    }

    async fn finish(&self, facts: &Facts, attempt: u32, outcome: Outcome) -> bool {
        match &facts.message {
            Some(message) => self.finish_message(message, attempt, outcome).await,
            None => true,
        }
    }

    /// Records how a carried attempt ended, however long the store takes. `false` only when the engine ends first:
    /// the attempt is then open, and the callback is repeated.
    async fn finish_message(&self, message: &Message, attempt: u32, outcome: Outcome) -> bool {
        let Some(delivery) = &message.delivery else { return true };
        let nature = nature(self.engine, &delivery.address().channel);
        let (tenant, message) = (message.tenant, message.id);
        let finish = Finish { tenant, message, attempt, job: None, outcome, nature };
        while self.engine.conclude(finish.clone()).await.is_err() {
            if self.engine.is_over() {
                return false;
            }
            self.engine.parts().clock.wait_until(self.engine.now().plus_ms(UNAVAILABLE_MS)).await;
        }
        true
    }

    /// The callback is given up: so is the attempt that it carried. `false`: that could not be recorded.
    pub async fn carried_in_vain(&self, event: &Event) -> bool {
        if self.subscription.carries.is_none() {
            return true;
        }
        let Ok(facts) = facts::load(self.engine, self.subscription, event.clone(), self.ahead).await else {
            return false;
        };
        if !self.carries(&facts) {
            return true;
        }
        let Some(message) = &facts.message else { return true };
        let attempt = message.delivery.as_ref().map_or(0, domain::delivery::Delivery::attempt_number);
        let reason = Reason::new(ReasonKind::ChannelFailure, "the webhook did not take the message");
        self.finish_message(message, attempt, Outcome::Refused(reason)).await
    }
}
