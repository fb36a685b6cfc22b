//! A channel that answers as a test wishes, and a way out that leads nowhere.
//! Phone-like addresses: digits, with or without `+` and spaces. Every hand-over is accepted.

use std::sync::Arc;

use connector_api::{
    Abilities, Callback, Connector, Forged, Genuine, HttpOut, HttpRequest, HttpResponse, Inbound, Line,
    OutError, Outbound, Unreadable,
};
use domain::delivery::Outcome;
use futures_util::future::{BoxFuture, ready};

/// A connector without a provider.
#[derive(Clone, Debug)]
pub struct PlainConnector {
    name: &'static str,
    abilities: Abilities,
}

impl PlainConnector {
    /// A channel of this name; `app_scoped` as its addresses are.
    pub fn new(name: &'static str, app_scoped: bool) -> PlainConnector {
        let abilities = Abilities {
            reports_delivered: true,
            addresses_are_app_scoped: app_scoped,
            messages_per_second_max: 1_000,
            open_attempts_max: 8,
            answer_timeout_ms: 1_000,
            ..Abilities::default()
        };
        PlainConnector { name, abilities }
    }
}

impl Connector for PlainConnector {
    fn channel(&self) -> &'static str {
        self.name
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn normalize(&self, address: &str) -> Option<String> {
        let digits: String = address.chars().filter(|letter| !matches!(letter, '+' | ' ')).collect();
        let fits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(digits)
    }

    fn authenticate<'r>(&self, _: &'r Callback, _: &Line) -> Result<Genuine<'r>, Forged> {
        Err(Forged)
    }

    fn read(&self, _: Genuine<'_>, _: &Line) -> Result<Vec<Inbound>, Unreadable> {
        Ok(Vec::new())
    }

    fn send<'a>(&'a self, _: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome> {
        let parts = vec![Arc::clone(&message.token)];
        Box::pin(ready(Outcome::Accepted { parts }))
    }
}

/// No request leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHttp;

impl HttpOut for NoHttp {
    fn call(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(ready(Err(OutError::NotSent("a test has no way out".to_owned()))))
    }
}
