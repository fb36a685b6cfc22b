//! Loading: layers the default file, the operator's file and the environment, and finds every problem on the way.
//!
//! Serde stops at its first error. To list them all, each key that somebody set is tried alone over the defaults;
//! those that do not fit are reported and left out, and the rest is checked as a whole.

use std::path::Path;

use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};

use crate::check::{Problems, check};
use crate::{Config, DEFAULT_FILE};

const PREFIX: &str = "TRUNKLINE_";

/// Loads the configuration: defaults, then the file, then the environment. All problems come back as sentences.
pub fn load(file: Option<&Path>) -> Result<Config, Vec<String>> {
    load_over(defaults(), file)
}

/// Loads the configuration over other defaults than the default file's, as the demo does.
pub fn load_over(base: Config, file: Option<&Path>) -> Result<Config, Vec<String>> {
    let mut problems = Problems::default();
    let known = sections(&Serialized::defaults(&base));
    let mut good = Figment::from(Serialized::defaults(base));
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let layer = Named { inner: Toml::string(&text), name: path.display().to_string() };
                good = lay_over(good, &layer, &known, &mut problems);
            }
            Err(error) => {
                problems.add(format!("The file {} could not be read: {error}.", path.display()));
            }
        }
    }
    forgotten_underscores(&known, &mut problems);
    let settings = Env::prefixed(PREFIX).filter(|key| key.as_str().contains("__")).split("__");
    good =
        lay_over(good, &Named { inner: settings, name: "the environment".to_owned() }, &known, &mut problems);
    match good.extract::<Config>() {
        Ok(config) => {
            check(&config, &mut problems);
            if problems.0.is_empty() { Ok(config) } else { Err(problems.0) }
        }
        Err(errors) => {
            errors.into_iter().for_each(|error| problems.add(format!("{error}.")));
            Err(problems.0)
        }
    }
}

/// The default file's values.
pub(crate) fn defaults() -> Config {
    let parsed = Figment::from(Toml::string(DEFAULT_FILE)).extract();
    parsed.expect("the default file is compiled in and a test parses it")
}

/// A layer with the name under which problems speak of it.
struct Named<P> {
    inner: P,
    name: String,
}

/// The sections of one layer; none if it does not parse, which `lay_over` has reported.
fn sections(layer: &impl Provider) -> Dict {
    layer.data().ok().and_then(|mut data| data.remove(&Profile::Default)).unwrap_or_default()
}

/// Merges the keys of a layer that are known and fit; reports the others.
fn lay_over<P: Provider>(
    mut good: Figment,
    layer: &Named<P>,
    known: &Dict,
    problems: &mut Problems,
) -> Figment {
    let name = &layer.name;
    if let Err(error) = layer.inner.data() {
        problems.add(format!("In {name}: {}.", error.to_string().trim().trim_end_matches('.')));
        return good;
    }
    for (section, value) in sections(&layer.inner) {
        let Some(Value::Dict(_, known_keys)) = known.get(&section) else {
            problems.add(format!("In {name}: there is no section {section}. {}", choice("sections", known)));
            continue;
        };
        let Value::Dict(_, keys) = value else {
            problems.add(format!("In {name}: {section} is a section, so its keys stand under [{section}]."));
            continue;
        };
        for (key, value) in keys {
            if !known_keys.contains_key(&key) {
                let choice = choice("keys", known_keys);
                problems.add(format!("In {name}: there is no key {section}.{key}. {choice}"));
                continue;
            }
            let one = Figment::from(&good).merge(Serialized::global(&format!("{section}.{key}"), &value));
            match one.extract::<Config>() {
                Ok(_) => good = one,
                Err(error) => {
                    problems.add(format!("In {name}: {section}.{key} does not fit: {}.", error.kind));
                }
            }
        }
    }
    good
}

/// `TRUNKLINE_SERVER_LISTEN` looks like a setting and is none: the section ends at two underscores.
fn forgotten_underscores(known: &Dict, problems: &mut Problems) {
    let plain = Env::prefixed(PREFIX).filter(|key| !key.as_str().contains("__"));
    for (name, _) in plain.iter() {
        for (section, keys) in known {
            let Value::Dict(_, keys) = keys else { continue };
            let key = name.as_str().strip_prefix(section.as_str()).and_then(|rest| rest.strip_prefix('_'));
            if let Some(key) = key.filter(|key| keys.contains_key(*key)) {
                let (section, key) = (section.to_uppercase(), key.to_uppercase());
                problems.add(format!(
                    "In the environment: {PREFIX}{section}_{key} needs two underscores after the section: {PREFIX}{section}__{key}."
                ));
            }
        }
    }
}

fn choice(what: &str, known: &Dict) -> String {
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("The {what} are {}.", names.join(", "))
}
