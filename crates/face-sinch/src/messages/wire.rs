//! The wire form of `messages:send`, as the vendor documents it. Members are taken in snake_case and lowerCamelCase;
//! unknown members are ignored; `null` counts as absent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub struct Request<'a> {
    #[serde(alias = "appId")]
    pub app_id: Option<String>,
    pub recipient: Option<Recipient>,
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    #[serde(alias = "callbackUrl")]
    pub callback_url: Option<String>,
    #[serde(alias = "channelPriorityOrder")]
    pub channel_priority_order: Option<Vec<String>>,
    #[serde(alias = "channelProperties")]
    pub channel_properties: Option<BTreeMap<String, String>>,
    #[serde(alias = "messageMetadata")]
    pub message_metadata: Option<String>,
    #[serde(alias = "conversationMetadata")]
    pub conversation_metadata: Option<Value>,
    #[serde(alias = "conversationMetadataUpdateStrategy")]
    pub conversation_metadata_update_strategy: Option<String>,
    pub queue: Option<String>,
    pub ttl: Option<Value>,
    #[serde(alias = "processingStrategy")]
    pub processing_strategy: Option<String>,
    #[serde(alias = "correlationId")]
    pub correlation_id: Option<String>,
    #[serde(alias = "messageContentType")]
    pub message_content_type: Option<String>,
}

#[derive(Deserialize)]
pub struct Recipient {
    #[serde(alias = "contactId")]
    pub contact_id: Option<String>,
    #[serde(alias = "identifiedBy")]
    pub identified_by: Option<IdentifiedBy>,
}

#[derive(Deserialize)]
pub struct IdentifiedBy {
    #[serde(alias = "channelIdentities")]
    pub channel_identities: Option<Vec<ChannelIdentity>>,
}

#[derive(Deserialize)]
pub struct ChannelIdentity {
    pub channel: Option<String>,
    pub identity: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AppMessage {
    #[serde(alias = "textMessage")]
    pub text_message: Option<Text>,
    #[serde(alias = "mediaMessage")]
    pub media_message: Option<Media>,
    #[serde(alias = "locationMessage")]
    pub location_message: Option<Location>,
    #[serde(alias = "choiceMessage")]
    pub choice_message: Option<ChoiceMessage>,
    #[serde(alias = "cardMessage")]
    pub card_message: Option<Card>,
    #[serde(alias = "carouselMessage")]
    pub carousel_message: Option<Carousel>,
    #[serde(alias = "listMessage")]
    pub list_message: Option<List>,
    #[serde(alias = "contactInfoMessage")]
    pub contact_info_message: Option<ContactInfo>,
    #[serde(alias = "templateMessage")]
    pub template_message: Option<TemplateMessage>,
    /// In an override only.
    #[serde(alias = "templateReference")]
    pub template_reference: Option<Template>,
    #[serde(alias = "explicitChannelMessage")]
    pub explicit_channel_message: Option<BTreeMap<String, Value>>,
    #[serde(alias = "explicitChannelOmniMessage")]
    pub explicit_channel_omni_message: Option<BTreeMap<String, AppMessage>>,
    #[serde(alias = "channelSpecificMessage")]
    pub channel_specific_message: Option<BTreeMap<String, Value>>,
    pub agent: Option<Agent>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Text {
    pub text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Media {
    pub url: Option<String>,
    #[serde(alias = "thumbnailUrl")]
    pub thumbnail_url: Option<String>,
    #[serde(alias = "filenameOverride")]
    pub filename_override: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Location {
    pub coordinates: Option<Coordinates>,
    pub title: Option<String>,
    pub label: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Coordinates {
    pub latitude: Option<serde_json::Number>,
    pub longitude: Option<serde_json::Number>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ChoiceMessage {
    #[serde(alias = "textMessage")]
    pub text_message: Option<Text>,
    pub choices: Option<Vec<Choice>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    #[serde(alias = "textMessage")]
    pub text_message: Option<Text>,
    #[serde(alias = "urlMessage")]
    pub url_message: Option<Link>,
    #[serde(alias = "callMessage")]
    pub call_message: Option<Call>,
    #[serde(alias = "locationMessage")]
    pub location_message: Option<Location>,
    #[serde(alias = "calendarMessage")]
    pub calendar_message: Option<Calendar>,
    #[serde(alias = "shareLocationMessage")]
    pub share_location_message: Option<ShareLocation>,
    #[serde(alias = "postbackData")]
    pub postback_data: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Link {
    pub title: Option<String>,
    pub url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Call {
    pub title: Option<String>,
    #[serde(alias = "phoneNumber")]
    pub phone_number: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Calendar {
    pub title: Option<String>,
    #[serde(alias = "eventTitle")]
    pub event_title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ShareLocation {
    pub title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Card {
    pub title: Option<String>,
    pub description: Option<String>,
    #[serde(alias = "mediaMessage")]
    pub media_message: Option<Media>,
    pub choices: Option<Vec<Choice>>,
    pub height: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Carousel {
    pub cards: Option<Vec<Card>>,
    pub choices: Option<Vec<Choice>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct List {
    pub title: Option<String>,
    pub description: Option<String>,
    pub sections: Option<Vec<Section>>,
    #[serde(alias = "messageProperties")]
    pub message_properties: Option<ListProperties>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ListProperties {
    pub menu: Option<String>,
    #[serde(alias = "catalogId")]
    pub catalog_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Section {
    pub title: Option<String>,
    pub items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Item {
    pub choice: Option<ListChoice>,
    pub product: Option<Product>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ListChoice {
    pub title: Option<String>,
    pub description: Option<String>,
    #[serde(alias = "postbackData")]
    pub postback_data: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Product {
    pub id: Option<String>,
    pub marketplace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ContactInfo {
    pub name: Option<Name>,
    #[serde(alias = "phoneNumbers")]
    pub phone_numbers: Option<Vec<Phone>>,
    #[serde(alias = "emailAddresses")]
    pub email_addresses: Option<Vec<Email>>,
    pub organization: Option<Organization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Name {
    #[serde(alias = "fullName")]
    pub full_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Phone {
    #[serde(alias = "phoneNumber")]
    pub phone_number: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Email {
    #[serde(alias = "emailAddress")]
    pub email_address: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Organization {
    pub company: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TemplateMessage {
    #[serde(alias = "channelTemplate")]
    pub channel_template: Option<BTreeMap<String, Template>>,
    #[serde(alias = "omniTemplate")]
    pub omni_template: Option<Template>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Template {
    #[serde(alias = "templateId")]
    pub template_id: Option<String>,
    pub version: Option<String>,
    #[serde(alias = "languageCode")]
    pub language_code: Option<String>,
    pub parameters: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Agent {
    #[serde(alias = "displayName")]
    pub display_name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(alias = "pictureUrl")]
    pub picture_url: Option<String>,
}
