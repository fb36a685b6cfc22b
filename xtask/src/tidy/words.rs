//! Rules on single words: `.unwrap()`, `#[ignore]`, names of channels, one channel using another, unsigned vendors.
//!
//! They read tokens rather than syntax, so that the insides of macros count too. Comments and documents are free.

use proc_macro2::TokenTree;

use super::sources::{Parsed, Source, attribute, each_level};
use super::{Problem, exempt};

/// Channel names that stop at the channel's own folders, the registries and the faces' own listings.
const CHANNEL_NAMES: [&str; 4] = ["whatsapp", "telegram", "smpp", "sms"];

/// Folder for protocols that several channels speak; any of them may use it.
const SHARED_FOLDER: &str = "dialects";

pub fn check(source: &Source, parsed: &Parsed, all: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let siblings = sibling_channels(source, all);
    each_level(&parsed.tokens, &mut |trees| {
        for at in 0..trees.len() {
            let line = trees[at].span().start().line;
            let mut report = |sentence: String| problems.push(Problem::new(&source.path, line, sentence));
            if ignores_a_test(trees, at) {
                report("a test is never ignored: assert today's wrong answer, with a note".to_owned());
            }
            if parsed.is_test_line(line) {
                continue;
            }
            if unwraps(trees, at) {
                report(
                    "`.unwrap()` outside tests: handle it, or `expect` with why it cannot happen".to_owned(),
                );
            }
            if let Some(name) = channel_name(source, &trees[at]) {
                report(format!(
                    "`{name}` is named outside its own folder: move it there, or read it from its abilities"
                ));
            }
            if let Some(other) = siblings.iter().find(|other| uses(trees, at, other)) {
                report(format!(
                    "one channel uses `{other}`: put what both share into crates/connectors/src/dialects/"
                ));
            }
            if let Some(channel) = unsigned(source, &trees[at]) {
                report(format!(
                    "`{channel}` takes callbacks without a signature: list it with the reason in xtask/src/tidy/exempt.rs"
                ));
            }
        }
    });
    problems
}

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_sign(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn unwraps(trees: &[TokenTree], at: usize) -> bool {
    let called_empty =
        matches!(trees.get(at + 2), Some(TokenTree::Group(group)) if group.stream().is_empty());
    is_sign(trees.get(at), '.') && is_ident(trees.get(at + 1), "unwrap") && called_empty
}

fn ignores_a_test(trees: &[TokenTree], at: usize) -> bool {
    attribute(trees, at).is_some_and(|text| {
        text == "ignore"
            || text.starts_with("ignore=")
            || text.starts_with("cfg_attr") && text.contains(",ignore")
    })
}

/// A channel's name among the words of an identifier or a string, where this file may not say it.
fn channel_name(source: &Source, tree: &TokenTree) -> Option<&'static str> {
    if source.channel_folder().is_some() || exempt::may_name_channels(&source.path) {
        return None;
    }
    let text = match tree {
        TokenTree::Ident(ident) => ident.to_string(),
        TokenTree::Literal(literal) => literal.to_string(),
        _ => return None,
    };
    let words = words(&text);
    CHANNEL_NAMES.into_iter().find(|name| words.iter().any(|word| word == name))
}

/// Lower-case words of `snake_case`, `CamelCase`, `UPPER_CASE` or a sentence.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words.last_mut().expect("the list begins with one word").extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase();
    }
    words
}

/// The other channels of the same room.
fn sibling_channels<'a>(source: &Source, all: &'a [Source]) -> Vec<&'a str> {
    let Some(own) = source.channel_folder().filter(|own| *own != SHARED_FOLDER) else {
        return Vec::new();
    };
    let room = source.path.split("/src/").next().unwrap_or_default();
    let same_room = all.iter().filter(|other| other.path.starts_with(room));
    let mut siblings: Vec<&str> = same_room.filter_map(Source::channel_folder).collect();
    siblings.retain(|other| *other != own && *other != SHARED_FOLDER && *other != "tests");
    siblings.sort_unstable();
    siblings.dedup();
    siblings
}

/// `crate::other` or `super::super::other` at this place.
fn uses(trees: &[TokenTree], at: usize, other: &str) -> bool {
    let double_colon = is_sign(trees.get(at + 1), ':') && is_sign(trees.get(at + 2), ':');
    let from_above = is_ident(trees.get(at), "crate") || is_ident(trees.get(at), "super");
    from_above && double_colon && is_ident(trees.get(at + 3), other)
}

/// The channel of this file when the identifier takes a callback without proof and the list does not say so.
fn unsigned<'a>(source: &'a Source, tree: &TokenTree) -> Option<&'a str> {
    let channel = source.channel_folder().filter(|_| source.path.starts_with("crates/connectors/"))?;
    let TokenTree::Ident(ident) = tree else {
        return None;
    };
    let says_so = words(&ident.to_string()).iter().any(|word| word == "unsigned");
    (says_so && !exempt::may_be_unsigned(channel)).then_some(channel)
}
