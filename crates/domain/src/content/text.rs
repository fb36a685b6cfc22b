//! Any body as plain text, for channels that have no form of their own for it.
//!
//! Blocks stand on lines of their own; choices follow as lines, links and phone numbers after a colon.

use super::{Action, Body, Card, Choice, Media};

/// The body as a person would read it on a channel with text alone.
pub fn render(body: &Body) -> String {
    let mut lines = Lines::default();
    match body {
        Body::Text(text) | Body::Other { text } | Body::Picked { text, .. } => lines.push(text),
        Body::Media(media) => lines.media(media),
        Body::Album { caption, items } => {
            lines.push(caption);
            items.iter().for_each(|media| lines.media(media));
        }
        Body::Location { title, label, latitude, longitude } => {
            lines.push(title);
            lines.push(label);
            lines.push(&map_link(latitude, longitude));
        }
        Body::Choice { text, choices } => {
            lines.push(text);
            lines.choices(choices);
        }
        Body::Card(card) => lines.card(card),
        Body::Carousel { text, cards, choices } => {
            lines.push(text);
            cards.iter().for_each(|card| lines.card(card));
            lines.choices(choices);
        }
        Body::List { title, description, sections, .. } => {
            lines.push(title);
            lines.push(description);
            for section in sections {
                lines.push(&section.title);
                for row in &section.rows {
                    lines.pair(&row.title, &row.description);
                }
            }
        }
        Body::ContactCard { name, phones, emails, organization } => {
            lines.push(name);
            lines.push(organization);
            phones.iter().chain(emails).for_each(|line| lines.push(line));
        }
        Body::Template { name, parameters, .. } => {
            lines.push(name);
            parameters.iter().for_each(|(key, value)| lines.pair(key, value));
        }
    }
    lines.0.join("\n")
}

fn map_link(latitude: &str, longitude: &str) -> String {
    format!("https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}")
}

/// Collects non-empty lines.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn push(&mut self, line: &str) {
        if !line.is_empty() {
            self.0.push(line.to_owned());
        }
    }

    fn pair(&mut self, title: &str, detail: &str) {
        if detail.is_empty() {
            self.push(title);
        } else {
            self.0.push(format!("{title}: {detail}"));
        }
    }

    fn media(&mut self, media: &Media) {
        self.push(&media.caption);
        self.push(&media.url);
    }

    fn card(&mut self, card: &Card) {
        self.push(&card.title);
        self.push(&card.description);
        if let Some(media) = &card.media {
            self.media(media);
        }
        self.choices(&card.choices);
    }

    fn choices(&mut self, choices: &[Choice]) {
        for choice in choices {
            match &choice.action {
                Action::Call { title, phone } => self.pair(title, phone),
                Action::Link { title, url } => self.pair(title, url),
                Action::ShowLocation { title, latitude, longitude } => {
                    self.pair(title, &map_link(latitude, longitude));
                }
                other => self.push(other.title()),
            }
        }
    }
}
