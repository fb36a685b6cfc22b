//! Every third-party package must be usable under permissive terms alone.
//!
//! Its SPDX expression is evaluated with the list below (the same as in deny.toml, which cargo-deny reads where it
//! is installed); a package that fails can be let in by name and reason in `exempt.rs`.

use cargo_metadata::Metadata;

use super::{Problem, exempt};

const PERMISSIVE: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Name, version and licence expression of each package that is not ours and takes part in a build.
pub fn third_party(metadata: &Metadata) -> Vec<(String, Option<String>)> {
    let resolved: Vec<_> =
        metadata.resolve.iter().flat_map(|graph| &graph.nodes).map(|node| &node.id).collect();
    let foreign = metadata.packages.iter().filter(|package| {
        !metadata.workspace_members.contains(&package.id) && resolved.contains(&&package.id)
    });
    foreign.map(|package| (package.name.to_string(), package.license.clone())).collect()
}

pub fn check(packages: &[(String, Option<String>)]) -> Vec<Problem> {
    let excepted = |name: &str| exempt::LICENCE_EXCEPTIONS.iter().any(|(package, _)| *package == name);
    let mut problems = Vec::new();
    for (name, licence) in packages {
        let sentence = match licence.as_deref() {
            _ if excepted(name) => continue,
            Some(expression) if is_permissive(expression) => continue,
            Some(expression) => format!(
                "`{name}` is licensed as `{expression}`, which is not permissive: use another package"
            ),
            None => format!("`{name}` names no licence: use another package"),
        };
        problems.push(Problem::new("Cargo.lock", 1, sentence));
    }
    problems
}

/// Whether the expression can be satisfied from the list: `OR` (or an old `/`) over `AND` over names and brackets.
pub fn is_permissive(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words };
    reader.any() && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take_if(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.take();
        }
        found
    }

    fn any(&mut self) -> bool {
        let mut fine = self.all();
        while self.take_if("OR") {
            // Both sides are read before they are joined: reading moves on.
            let other = self.all();
            fine = fine || other;
        }
        fine
    }

    fn all(&mut self) -> bool {
        let mut fine = self.one();
        while self.take_if("AND") {
            let other = self.one();
            fine = fine && other;
        }
        fine
    }

    fn one(&mut self) -> bool {
        if self.take_if("(") {
            let fine = self.any();
            return self.take_if(")") && fine;
        }
        let mut name = self.take().unwrap_or_default().to_owned();
        if self.take_if("WITH") {
            name = format!("{name} WITH {}", self.take().unwrap_or_default());
        }
        PERMISSIVE.contains(&name.as_str())
    }
}
