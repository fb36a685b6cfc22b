//! Sizes: lines of a function, a file, a crate root and a connector; parameters of a function.
//!
//! Lines of a function count from its `fn` to its last brace. Test code is left out of the sizes of files, not of
//! functions. Generated files are exempt.

use std::collections::BTreeMap;

use syn::visit::Visit;

use super::Problem;
use super::sources::{Parsed, Source, parse};

const FUNCTION_LINES_MAX: usize = 70;
const PARAMETERS_MAX: usize = 7;
const FILE_LINES_MAX: usize = 500;
const ROOT_LINES_MAX: usize = 150;
const CONNECTOR_LINES_MAX: usize = 1_500;

pub fn check(source: &Source, parsed: &Parsed) -> Vec<Problem> {
    if source.is_generated() {
        return Vec::new();
    }
    let mut functions = Functions { path: &source.path, problems: Vec::new() };
    functions.visit_file(&parsed.file);
    let mut problems = functions.problems;
    let lines = lines_aside_from_tests(parsed);
    if lines > FILE_LINES_MAX {
        let sentence =
            format!("{lines} lines, tests aside, with {FILE_LINES_MAX} allowed: split the file by subject");
        problems.push(Problem::new(&source.path, 1, sentence));
    } else if lines > ROOT_LINES_MAX && source.path.ends_with("/src/lib.rs") {
        let sentence = format!(
            "{lines} lines with {ROOT_LINES_MAX} allowed: lib.rs is a table of contents, move items into modules"
        );
        problems.push(Problem::new(&source.path, 1, sentence));
    }
    problems
}

/// The folder of one channel in `connectors`, all its files together, tests aside.
pub fn check_connectors(sources: &[Source]) -> Vec<Problem> {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.path.starts_with("crates/connectors/")) {
        if let (Some(channel), Ok(parsed)) = (source.channel_folder(), parse(source)) {
            *totals.entry(channel).or_default() += lines_aside_from_tests(&parsed);
        }
    }
    let too_long = totals.into_iter().filter(|(_, lines)| *lines > CONNECTOR_LINES_MAX);
    let problem = |(channel, lines): (&str, usize)| {
        let sentence =
            format!("{lines} lines in one connector, tests aside: split the folder by message kind");
        Problem::new(&format!("crates/connectors/src/{channel}"), 1, sentence)
    };
    too_long.map(problem).collect()
}

fn lines_aside_from_tests(parsed: &Parsed) -> usize {
    parsed.test_lines.iter().filter(|test| !**test).count()
}

struct Functions<'a> {
    path: &'a str,
    problems: Vec<Problem>,
}

impl Functions<'_> {
    fn judge(&mut self, signature: &syn::Signature, block: Option<&syn::Block>) {
        let name = &signature.ident;
        let from = signature.fn_token.span.start().line;
        let until = block.map_or(from, |block| block.brace_token.span.close().end().line);
        let lines = until + 1 - from;
        if lines > FUNCTION_LINES_MAX {
            let sentence = format!(
                "`{name}` has {lines} lines with {FUNCTION_LINES_MAX} allowed: keep the branching, move straight pieces out"
            );
            self.problems.push(Problem::new(self.path, from, sentence));
        }
        let parameters = signature.inputs.len();
        if parameters > PARAMETERS_MAX {
            let sentence = format!(
                "`{name}` has {parameters} parameters with {PARAMETERS_MAX} allowed: gather them in a struct"
            );
            self.problems.push(Problem::new(self.path, from, sentence));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.judge(&item.sig, Some(&item.block));
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.judge(&item.sig, Some(&item.block));
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.judge(&item.sig, item.default.as_ref());
        syn::visit::visit_trait_item_fn(self, item);
    }
}
