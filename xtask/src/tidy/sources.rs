//! Finds and parses our Rust sources, and knows which of their lines are tests.
//!
//! A file is test code as a whole when it is named `tests.rs` or lies in a folder named `tests`; inside other
//! files every item under `#[cfg(test)]` or a test attribute is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Problem;

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: [&str; 3] = ["target", "node_modules", "venv"];

/// One Rust file, with its path relative to the root.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }

    /// Generated files say so in their header and are exempt from sizes.
    pub fn is_generated(&self) -> bool {
        self.text.lines().take(15).any(|line| line.starts_with("//!") && line.contains("@generated"))
    }

    /// The channel whose own folder (in `connectors` or `sandbox`) this file lies in.
    pub fn channel_folder(&self) -> Option<&str> {
        let below = ["crates/connectors/src/", "crates/sandbox/src/"];
        let inside = below.iter().find_map(|folder| self.path.strip_prefix(folder))?;
        inside.split_once('/').map(|(channel, _)| channel)
    }
}

/// A parsed file: items, tokens, and for each line (from 0) whether it is test code.
pub struct Parsed {
    pub file: syn::File,
    pub tokens: TokenStream,
    pub test_lines: Vec<bool>,
}

impl Parsed {
    pub fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.get(line.wrapping_sub(1)).copied().unwrap_or(false)
    }
}

/// All `.rs` files below the root, in order of path.
pub fn read_all(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
                let relative = path.strip_prefix(root).expect("the walk starts at the root");
                sources.push(Source { path: relative.to_string_lossy().into_owned(), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Parses a file; one that is not Rust is a problem by itself.
pub fn parse(source: &Source) -> Result<Parsed, Problem> {
    let refuse = |line: usize, error: String| {
        Problem::new(&source.path, line, format!("this does not parse as Rust ({error}): mend it first"))
    };
    let tokens: TokenStream =
        source.text.parse().map_err(|error: proc_macro2::LexError| refuse(1, error.to_string()))?;
    let file = syn::parse_file(&source.text)
        .map_err(|error| refuse(error.span().start().line, error.to_string()))?;
    let mut test_lines = vec![source.is_test(); source.text.lines().count()];
    each_level(&tokens, &mut |trees| mark_tests(trees, &mut test_lines));
    Ok(Parsed { file, tokens, test_lines })
}

/// Calls `visit` with the token trees of each nesting level, leaving out doc comments.
pub fn each_level(tokens: &TokenStream, visit: &mut dyn FnMut(&[TokenTree])) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    visit(&trees);
    for tree in &trees {
        if let TokenTree::Group(group) = tree
            && first_ident(&group.stream()).as_deref() != Some("doc")
        {
            each_level(&group.stream(), visit);
        }
    }
}

pub fn first_ident(tokens: &TokenStream) -> Option<String> {
    match tokens.clone().into_iter().next() {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// The attribute that begins at `trees[at]`, outer or inner, as its text without spaces.
pub fn attribute(trees: &[TokenTree], at: usize) -> Option<String> {
    let is = |index: usize, sign: char| matches!(trees.get(index), Some(TokenTree::Punct(p)) if p.as_char() == sign);
    let group = if is(at + 1, '!') { at + 2 } else { at + 1 };
    match trees.get(group) {
        Some(TokenTree::Group(group)) if is(at, '#') && group.delimiter() == Delimiter::Bracket => {
            Some(group.stream().to_string().replace(char::is_whitespace, ""))
        }
        _ => None,
    }
}

/// Marks the items of one level that stand under a test attribute: up to their braces or semicolon.
fn mark_tests(trees: &[TokenTree], test_lines: &mut [bool]) {
    for at in 0..trees.len() {
        if !attribute(trees, at).is_some_and(|text| is_test_attribute(&text)) {
            continue;
        }
        let ends = |tree: &&TokenTree| match tree {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(sign) => sign.as_char() == ';',
            _ => false,
        };
        let last = trees[at..].iter().find(ends).unwrap_or(&trees[at]);
        let from = trees[at].span().start().line.saturating_sub(1);
        let until = last.span().end().line.min(test_lines.len());
        test_lines[from.min(until)..until].fill(true);
    }
}

fn is_test_attribute(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or_default();
    let in_test_build = text.starts_with("cfg(") && !text.contains("not(");
    name == "test" || name.ends_with("::test") || in_test_build && text.contains("test")
}
