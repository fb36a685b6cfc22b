//! From the wire's message to the core's body: which alternative is given, required members, list limits.

use domain::content::{Action, Body, Card, Choice, Media, Row, Section};

use super::wire;
use crate::error::Problem;

/// Most choices of a choice message or a card.
pub const CHOICES_MAX: usize = 10;
/// Most cards of a carousel.
pub const CARDS_MAX: usize = 10;
/// Most choices below a carousel.
pub const OUTER_CHOICES_MAX: usize = 3;

const HEIGHTS: [&str; 4] = ["UNSPECIFIED_HEIGHT", "SHORT", "MEDIUM", "TALL"];

type Parsed<T> = Result<T, Problem>;

/// The one content alternative of a message; `None` when none is given.
pub fn body(message: &wire::AppMessage, at: &str) -> Parsed<Option<Body>> {
    let mut found = Vec::new();
    let mut put = |body: Option<Parsed<Body>>| found.extend(body);
    put(message
        .text_message
        .as_ref()
        .map(|text| required(text.text.as_deref(), "text_message.text").map(Body::Text)));
    put(message.media_message.as_ref().map(|given| media(given, "media_message").map(Body::Media)));
    put(message.location_message.as_ref().map(location));
    put(message.choice_message.as_ref().map(choice_message));
    put(message.card_message.as_ref().map(|given| card(given, "card_message").map(Body::Card)));
    put(message.carousel_message.as_ref().map(carousel));
    put(message.list_message.as_ref().map(list));
    put(message.contact_info_message.as_ref().map(contact_info));
    put(message.template_message.as_ref().map(template_message));
    put(message.template_reference.as_ref().map(|given| template(given, "template_reference")));
    if found.len() > 1 {
        return Err(Problem::invalid(format!("{at} must have exactly one content member")));
    }
    found.pop().transpose()
}

fn required(text: Option<&str>, field: &str) -> Parsed<String> {
    text.filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| Problem::invalid(format!("{field} is required")))
}

fn optional(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn at_most(count: usize, max: usize, field: &str) -> Parsed<()> {
    if count > max {
        Err(Problem::invalid(format!("{field} must have at most {max} elements")))
    } else {
        Ok(())
    }
}

fn media(given: &wire::Media, field: &str) -> Parsed<Media> {
    Ok(Media {
        url: required(given.url.as_deref(), &format!("{field}.url"))?,
        name: optional(given.filename_override.as_ref()),
        thumbnail_url: optional(given.thumbnail_url.as_ref()),
        ..Media::default()
    })
}

fn coordinates(given: &wire::Location) -> Parsed<(String, String)> {
    let missing = || Problem::invalid("location_message.coordinates is required");
    let coordinates = given.coordinates.as_ref().ok_or_else(missing)?;
    let text =
        |number: &Option<serde_json::Number>| number.as_ref().map_or("0".to_owned(), ToString::to_string);
    Ok((text(&coordinates.latitude), text(&coordinates.longitude)))
}

fn location(given: &wire::Location) -> Parsed<Body> {
    let (latitude, longitude) = coordinates(given)?;
    let title = required(given.title.as_deref(), "location_message.title")?;
    Ok(Body::Location { title, label: optional(given.label.as_ref()), latitude, longitude })
}

fn choice_message(given: &wire::ChoiceMessage) -> Parsed<Body> {
    let text = given.text_message.as_ref().and_then(|text| text.text.as_deref());
    let text = required(text, "choice_message.text_message.text")?;
    let choices = choices(given.choices.as_ref(), CHOICES_MAX, "choice_message.choices")?;
    if choices.is_empty() {
        return Err(Problem::invalid("choice_message.choices is required"));
    }
    Ok(Body::Choice { text, choices })
}

fn choices(given: Option<&Vec<wire::Choice>>, max: usize, field: &str) -> Parsed<Vec<Choice>> {
    let given = given.map(Vec::as_slice).unwrap_or_default();
    at_most(given.len(), max, field)?;
    given.iter().map(|one| choice(one, field)).collect()
}

fn choice(given: &wire::Choice, field: &str) -> Parsed<Choice> {
    let mut actions = Vec::new();
    let title = |text: &Option<String>| required(text.as_deref(), &format!("{field}.title"));
    if let Some(text) = &given.text_message {
        actions.push(Action::Reply {
            text: required(text.text.as_deref(), &format!("{field}.text_message.text"))?,
        });
    }
    if let Some(link) = &given.url_message {
        let url = required(link.url.as_deref(), &format!("{field}.url_message.url"))?;
        actions.push(Action::Link { title: title(&link.title)?, url });
    }
    if let Some(call) = &given.call_message {
        let phone = required(call.phone_number.as_deref(), &format!("{field}.call_message.phone_number"))?;
        actions.push(Action::Call { title: title(&call.title)?, phone });
    }
    if let Some(place) = &given.location_message {
        let (latitude, longitude) = coordinates(place)?;
        actions.push(Action::ShowLocation { title: title(&place.title)?, latitude, longitude });
    }
    if let Some(entry) = &given.calendar_message {
        let event_title = optional(entry.event_title.as_ref());
        actions.push(Action::Calendar { title: title(&entry.title)?, event_title });
    }
    if let Some(share) = &given.share_location_message {
        actions.push(Action::ShareLocation { title: title(&share.title)? });
    }
    let one = || Problem::invalid(format!("{field}: a choice must have exactly one alternative"));
    let action = actions.pop().filter(|_| actions.is_empty()).ok_or_else(one)?;
    Ok(Choice { action, postback: postback(given.postback_data.as_ref()) })
}

/// Text as it is; anything else as its JSON.
fn postback(given: Option<&serde_json::Value>) -> String {
    match given {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn card(given: &wire::Card, field: &str) -> Parsed<Card> {
    if let Some(height) = given.height.as_deref().filter(|height| !HEIGHTS.contains(height)) {
        return Err(Problem::invalid(format!("{field}.height: unknown value \"{height}\"")));
    }
    let card = Card {
        title: optional(given.title.as_ref()),
        description: optional(given.description.as_ref()),
        media: given
            .media_message
            .as_ref()
            .map(|own| media(own, &format!("{field}.media_message")))
            .transpose()?,
        choices: choices(given.choices.as_ref(), CHOICES_MAX, &format!("{field}.choices"))?,
    };
    if card.title.is_empty() && card.description.is_empty() && card.media.is_none() {
        return Err(Problem::invalid(format!("{field} needs a title, a description or a media_message")));
    }
    Ok(card)
}

fn carousel(given: &wire::Carousel) -> Parsed<Body> {
    let cards = given.cards.as_deref().unwrap_or_default();
    if cards.is_empty() {
        return Err(Problem::invalid("carousel_message.cards is required"));
    }
    at_most(cards.len(), CARDS_MAX, "carousel_message.cards")?;
    let cards = cards.iter().map(|one| card(one, "carousel_message.cards")).collect::<Parsed<Vec<Card>>>()?;
    let choices = choices(given.choices.as_ref(), OUTER_CHOICES_MAX, "carousel_message.choices")?;
    Ok(Body::Carousel { text: String::new(), cards, choices })
}

fn list(given: &wire::List) -> Parsed<Body> {
    let title = required(given.title.as_deref(), "list_message.title")?;
    let sections = given.sections.as_deref().unwrap_or_default();
    let sections = sections.iter().map(section).collect::<Parsed<Vec<Section>>>()?;
    if sections.iter().all(|section| section.rows.is_empty()) {
        return Err(Problem::invalid("list_message.sections must have at least one item"));
    }
    let has_products = given.sections.iter().flatten().flat_map(|section| section.items.iter().flatten());
    let has_products = has_products.into_iter().any(|item| item.product.is_some());
    let properties = given.message_properties.as_ref();
    let catalog = properties.and_then(|properties| properties.catalog_id.as_deref()).unwrap_or_default();
    if has_products && catalog.is_empty() {
        return Err(Problem::invalid("list_message.message_properties.catalog_id is required for products"));
    }
    Ok(Body::List {
        title,
        description: optional(given.description.as_ref()),
        sections,
        menu_title: optional(properties.and_then(|properties| properties.menu.as_ref())),
    })
}

fn section(given: &wire::Section) -> Parsed<Section> {
    let items = given.items.as_deref().unwrap_or_default();
    let rows = items.iter().map(row).collect::<Parsed<Vec<Row>>>()?;
    Ok(Section { title: optional(given.title.as_ref()), rows })
}

fn row(given: &wire::Item) -> Parsed<Row> {
    match (&given.choice, &given.product) {
        (Some(choice), None) => Ok(Row {
            title: required(choice.title.as_deref(), "list_message.sections.items.choice.title")?,
            description: optional(choice.description.as_ref()),
            postback: postback(choice.postback_data.as_ref()),
        }),
        (None, Some(product)) => {
            let id = required(product.id.as_deref(), "list_message.sections.items.product.id")?;
            Ok(Row { title: id.clone(), description: optional(product.marketplace.as_ref()), postback: id })
        }
        _ => Err(Problem::invalid("list_message.sections.items: an item is either a choice or a product")),
    }
}

fn contact_info(given: &wire::ContactInfo) -> Parsed<Body> {
    let name = given.name.as_ref().and_then(|name| name.full_name.as_deref());
    let name = required(name, "contact_info_message.name.full_name")?;
    let phones = given.phone_numbers.iter().flatten();
    let phones = phones
        .map(|phone| {
            required(phone.phone_number.as_deref(), "contact_info_message.phone_numbers.phone_number")
        })
        .collect::<Parsed<Vec<String>>>()?;
    if phones.is_empty() {
        return Err(Problem::invalid("contact_info_message.phone_numbers is required"));
    }
    let emails = given.email_addresses.iter().flatten();
    let emails = emails.filter_map(|email| email.email_address.clone()).collect();
    let organization = given.organization.as_ref().and_then(|own| own.company.as_ref());
    Ok(Body::ContactCard { name, phones, emails, organization: optional(organization) })
}

/// The omni template. With channel templates alone there is nothing for other channels, which is an empty text.
fn template_message(given: &wire::TemplateMessage) -> Parsed<Body> {
    if let Some(omni) = &given.omni_template {
        required(omni.version.as_deref(), "template_message.omni_template.version")?;
        return template(omni, "template_message.omni_template");
    }
    if given.channel_template.as_ref().is_none_or(|templates| templates.is_empty()) {
        return Err(Problem::invalid("template_message needs a channel_template or an omni_template"));
    }
    Ok(Body::Other { text: String::new() })
}

/// A template by name.
pub fn template(given: &wire::Template, field: &str) -> Parsed<Body> {
    Ok(Body::Template {
        name: required(given.template_id.as_deref(), &format!("{field}.template_id"))?,
        language: optional(given.language_code.as_ref()),
        parameters: given
            .parameters
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    })
}
