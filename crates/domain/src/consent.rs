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

/// Which list a keyword speaks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Marketing,
    Notification,
}

/// An identity's standing with one app: a row exists once a keyword or a list changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The person asked to stop all.
    pub opted_out_all: bool,
    pub opted_out_marketing: bool,
    pub opted_out_notification: bool,
    pub changed_at: Time,
}

impl Consent {
    /// Whether a message of this class may go out.
    pub fn allows(&self, class: ContentClass) -> bool {
        !self.opted_out_all
            && match class {
                ContentClass::Unknown => true,
                ContentClass::Marketing => !self.opted_out_marketing,
                ContentClass::Notification => !self.opted_out_notification,
            }
    }

    /// Takes a person's wish.
    pub fn apply(&mut self, keyword: Keyword, now: Time) {
        let out = keyword.opts_out;
        match keyword.scope {
            Scope::All => self.opted_out_all = out,
            Scope::Marketing => self.opted_out_marketing = out,
            Scope::Notification => self.opted_out_notification = out,
        }
        self.changed_at = now;
    }
}

/// What an inbound text asks about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    pub opts_out: bool,
    pub scope: Scope,
}

impl Keyword {
    /// The keyword that an inbound text consists of as a whole, ignoring case and surrounding white space.
    pub fn of(text: &str) -> Option<Keyword> {
        let text = text.trim().to_uppercase();
        let (word, scope) = match text.split_once(' ') {
            None => (text.as_str(), Scope::All),
            Some((word, "MARKETING")) => (word, Scope::Marketing),
            Some((word, "NOTIFICATION")) => (word, Scope::Notification),
            Some(_) => return None,
        };
        let opts_out = match word {
            "STOP" | "UNSUBSCRIBE" | "DETENER" | "SALIR" | "PARAR" | "CANCELAR" => true,
            "START" | "SUBSCRIBE" | "VOLVER" | "RECIBIR" | "VOLTAR" | "RECEBER" => false,
            _ => return None,
        };
        Some(Keyword { opts_out, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_text_is_a_keyword() {
        assert_eq!(Keyword::of(" stop "), Some(Keyword { opts_out: true, scope: Scope::All }));
        assert_eq!(
            Keyword::of("Start marketing"),
            Some(Keyword { opts_out: false, scope: Scope::Marketing })
        );
        assert_eq!(Keyword::of("please stop"), None);
    }

    #[test]
    fn the_marketing_list_stops_marketing_alone() {
        let mut consent = Consent::default();
        consent.apply(Keyword { opts_out: true, scope: Scope::Marketing }, Time(1));
        assert!(!consent.allows(ContentClass::Marketing));
        assert!(consent.allows(ContentClass::Notification) && consent.allows(ContentClass::Unknown));
    }
}
