//! What the provider read, kept up by asking only for what is new.

use std::collections::HashMap;

use bytes::Bytes;
use http::Method;

use super::SLOW_MS;
use crate::program::call;

pub struct Ledger {
    sandbox: String,
    rows: Vec<Row>,
}

struct Row {
    text: String,
    received_at_ms: u64,
}

impl Ledger {
    pub fn of(sandbox: String) -> Ledger {
        Ledger { sandbox, rows: Vec::new() }
    }

    pub async fn refresh(&mut self) -> &Ledger {
        loop {
            let url = format!("{}/ledger?after={}", self.sandbox, self.rows.len());
            let (_, news) = call(Method::GET, &url, &[], Bytes::new()).await.unwrap();
            let news = news.as_array().unwrap();
            if news.is_empty() {
                return self;
            }
            self.rows.extend(news.iter().map(|row| Row {
                text: row["text"].as_str().unwrap().to_owned(),
                received_at_ms: row["received_at_ms"].as_u64().unwrap(),
            }));
        }
    }

    pub fn with_prefix(&self, prefix: &str) -> usize {
        self.rows.iter().filter(|row| row.text.starts_with(prefix)).count()
    }

    /// How many of the slow hand-overs the provider had read and not yet answered, counted just after the kill.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the provider's clock, which is this machine's"
    )]
    pub async fn open_at_the_kill(&mut self, prefix: &str) -> usize {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let since = u64::try_from(now.as_millis()).unwrap() - SLOW_MS;
        self.refresh().await;
        let open = |row: &&Row| row.text.starts_with(prefix) && row.received_at_ms > since;
        self.rows.iter().filter(open).count()
    }

    /// How often the provider read each text, and the place of its first reading.
    pub fn arrivals(&self) -> HashMap<&str, Arrival> {
        let mut arrivals: HashMap<&str, Arrival> = HashMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            arrivals.entry(&row.text).or_insert(Arrival { place, times: 0 }).times += 1;
        }
        arrivals
    }
}

pub struct Arrival {
    pub place: usize,
    pub times: usize,
}
