//! Consent: who asked not to be written to, and which message classes that stops.

use crate::time::Time;

/// What the business says a message is, for consent alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentClass {
    #[default]
    Unknown,
    Marketing,
    Notification,
}

/// An identity's standing with one app: a row exists once a keyword or a list changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The person asked to stop all.
    pub opted_out_all: bool,
    /// The person asked to stop marketing.
    pub opted_out_marketing: bool,
    pub changed_at: Time,
}

impl Consent {
    /// Whether a message of this class may go out.
    pub fn allows(&self, class: ContentClass) -> bool {
        !self.opted_out_all && !(self.opted_out_marketing && class == ContentClass::Marketing)
    }
}

/// What an inbound text asks about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
}

impl Keyword {
    /// The keyword an inbound text consists of, ignoring case, white space and final punctuation.
    pub fn of(text: &str) -> Option<Keyword> {
        let word = text.trim().trim_end_matches(['.', '!']).to_ascii_uppercase();
        match word.as_str() {
            "STOP" | "UNSUBSCRIBE" | "CANCEL" | "QUIT" | "STOPALL" | "END" => Some(Keyword::Stop),
            "START" | "SUBSCRIBE" | "UNSTOP" => Some(Keyword::Start),
            _ => None,
        }
    }
}
