//! The validation pass: collects what is wrong with values that parse, in sentences.
//! Each section checks itself; the helpers here keep sentences of one kind alike.

use crate::Config;

/// A token that lives longer than a month is not a token.
const LIFETIME_MAX_S: u64 = 31 * 24 * 3_600;

/// Sentences, in the order of the sections.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Problems {
    pub(crate) fn add(&mut self, sentence: impl Into<String>) {
        self.0.push(sentence.into());
    }

    pub(crate) fn at_least_one(&mut self, key: &str, value: u64) {
        if value == 0 {
            self.add(format!("{key} is 0 but must be at least 1."));
        }
    }

    pub(crate) fn at_most(&mut self, key: &str, value: u64, most: u64) {
        if value > most {
            self.add(format!("{key} is {value} but may be at most {most}."));
        }
    }

    pub(crate) fn lifetime(&mut self, key: &str, seconds: u64) {
        self.at_least_one(key, seconds);
        self.at_most(key, seconds, LIFETIME_MAX_S);
    }
}

/// Everything wrong between values that parse each by itself.
pub(crate) fn check(config: &Config, problems: &mut Problems) {
    config.server.check(problems);
    config.store.check(problems);
    config.sinch.check(problems);
    config.liveperson.check(problems);
    config.livedesk.check(problems);
    config.http_out.check(problems);
    config.limits.check(problems);
    config.log.check(problems);
}
