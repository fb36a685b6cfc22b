//! One channel of the provider, as the engine sees it: how it answers, and when.

use std::sync::Arc;

use connector_api::{Abilities, Callback, Connector, Forged, Genuine, Inbound, Line, Outbound, Unreadable};
use engine::domain::content::Content;
use engine::domain::delivery::{Outcome, Receipt};
use engine::domain::time::Time;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Provider, status};

pub fn abilities(channel: &str) -> Abilities {
    Abilities {
        reports_delivered: true,
        reports_read: true,
        repeating_is_safe: channel == "BETA",
        addresses_are_app_scoped: channel == "GAMMA",
        messages_per_second_max: 1_000,
        open_attempts_max: 64,
        answer_timeout_ms: 10_000,
        ..Abilities::default()
    }
}

/// One channel.
pub struct ChaosChannel {
    pub name: &'static str,
    pub abilities: Abilities,
    pub provider: Arc<Provider>,
}

/// Notices when nobody waits for a line's answer any longer.
struct Waits<'a>(&'a Provider, usize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fell_silent(self.1);
    }
}

#[derive(Clone, Copy)]
enum Manner {
    AtOnce,
    Soon,
    WhenTold,
    Never,
    Panics,
}

impl ChaosChannel {
    async fn answer(&self, at: usize) -> Outcome {
        let provider = &*self.provider;
        let _waits = Waits(provider, at);
        let manners = [
            (45, Manner::AtOnce),
            (20, Manner::Soon),
            (29, Manner::WhenTold),
            (3, Manner::Never),
            (3, Manner::Panics),
        ];
        let calm = provider.state().calm;
        let manner = if calm { Manner::AtOnce } else { provider.fate.weighted(&manners) };
        if !calm && provider.fate.percent(8) {
            // Receipts that come before the answer.
            let mut state = provider.state();
            provider.will_report(&mut state, at);
        }
        match manner {
            Manner::AtOnce => provider.outcome(at),
            Manner::Soon => {
                let ms = provider.fate.between(1, 3_000).unsigned_abs();
                tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
                provider.outcome(at)
            }
            Manner::WhenTold => {
                let (answer, told) = oneshot::channel();
                provider.state().open.push((at, answer));
                match told.await {
                    Ok(outcome) => outcome,
                    Err(_) => std::future::pending().await,
                }
            }
            Manner::Never => std::future::pending().await,
            // Without the hook, so that the run's output stays readable.
            Manner::Panics => std::panic::resume_unwind(Box::new("chaos")),
        }
    }
}

impl Connector for ChaosChannel {
    fn channel(&self) -> &'static str {
        self.name
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        Some(address.to_owned())
    }

    fn authenticate<'r>(&self, callback: &'r Callback, _: &Line) -> Result<Genuine<'r>, Forged> {
        callback.token("x-token", "genuine")
    }

    /// `receipt ID TOKEN|- STATUS`, or `message FROM SOURCE TEXT`.
    fn read(&self, callback: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        let body = String::from_utf8_lossy(callback.body()).into_owned();
        let words: Vec<&str> = body.split(' ').collect();
        match words[..] {
            ["receipt", id, token, words] => Ok(vec![Inbound::Receipt {
                provider_id: Arc::from(id),
                token: (token != "-").then(|| Arc::from(token)),
                recipient: None,
                receipt: Receipt { status: status(words), reason: None, at: Time(0) },
            }]),
            ["message", from, source, text] => Ok(vec![Inbound::Message {
                from: Arc::from(from),
                name: String::new(),
                source_id: Arc::from(source),
                content: Content::from_body(crate::shelf::said(source, text)),
                reply_to: None,
                language: String::new(),
            }]),
            _ => Err(Unreadable(body)),
        }
    }

    fn send<'a>(&'a self, line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let at = self.provider.read(self.name, line, message);
            self.answer(at).await
        })
    }
}
