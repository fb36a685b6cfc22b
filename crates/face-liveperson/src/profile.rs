//! `userprofile.SetUserProfile`: the old style fields and the engagement attributes, as the domain's profile.
//! What arrives is kept whole; the plain fields serve the other faces.

use domain::command::open::Profile;
use serde_json::{Map, Value};

/// What a profile is answered with.
pub const DONE: &str = "OK User Profile set successfully";

/// Reads a profile. Unknown fields and attribute types are kept, never refused.
pub fn parse(body: &Map<String, Value>) -> Profile {
    let whole = Value::Object(body.clone());
    let at = |pointer: &str| text(whole.pointer(pointer));
    let attributes = whole.pointer("/authenticatedData/lp_sdes").and_then(Value::as_array);
    let attributes: Vec<&Value> = attributes.into_iter().flatten().collect();
    let sde = |pointer: &str| attributes.iter().find_map(|entry| text(entry.pointer(pointer)));
    let full = |first: Option<String>, last: Option<String>| {
        let names: Vec<String> = first.into_iter().chain(last).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    let display_name = full(at("/firstName"), at("/lastName"))
        .or_else(|| full(sde("/personal/firstname"), sde("/personal/lastname")))
        .or_else(|| sde("/info/userName"));
    Profile {
        display_name,
        email: at("/privateData/mail").or_else(|| sde("/personal/contacts/0/email")),
        phone: at("/privateData/mobileNum").or_else(|| sde("/personal/contacts/0/phone")),
        avatar_url: at("/avatarUrl"),
        json: (!body.is_empty()).then(|| whole.to_string()),
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
