//! Each rule on small sources: what it refuses, and what it lets pass. The last test is the house rule itself,
//! applied to this repository.

use std::collections::BTreeSet;

use super::sources::Source;
use super::*;

/// Sentences for one file, without those about its header.
fn judge(path: &str, text: &str) -> Vec<String> {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    let other = Source { path: "crates/connectors/src/telegram/mod.rs".to_owned(), text: String::new() };
    let parsed = sources::parse(&source).expect("the sample is Rust");
    let mut found = sizes::check(&source, &parsed);
    let all = [Source { path: source.path.clone(), text: source.text.clone() }, other];
    found.extend(words::check(&source, &parsed, &all));
    found.into_iter().map(|problem| problem.to_string()).collect()
}

fn refuses(path: &str, text: &str, place_and_words: &str) {
    let found = judge(path, text);
    assert!(found.iter().any(|line| line.starts_with(place_and_words)), "{place_and_words} not in {found:?}");
}

fn passes(path: &str, text: &str) {
    assert_eq!(judge(path, text), Vec::<String>::new());
}

const PLAIN: &str = "crates/engine/src/send.rs";

#[test]
fn a_header_has_one_to_fifteen_lines() {
    let check = |text: String, fine: bool| {
        let source = Source { path: PLAIN.to_owned(), text };
        assert_eq!(headers::check(&source).is_none(), fine, "{}", source.text);
    };
    check("fn a() {}\n".to_owned(), false);
    check("\n//! Late.\n//! Header.\n".to_owned(), false);
    check("//! One.\n".to_owned(), true);
    check("//! One.\n//! Two.\n".to_owned(), true);
    check("//! Line.\n".repeat(15), true);
    check("//! Line.\n".repeat(16), false);
}

#[test]
fn a_function_has_seventy_lines_at_most() {
    let function = |lines: usize| format!("\nfn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2));
    passes(PLAIN, &function(70));
    refuses(PLAIN, &function(71), "crates/engine/src/send.rs:2: `long` has 71 lines");
    let method = format!("struct S;\nimpl S {{\n{}}}", function(71));
    refuses(PLAIN, &method, "crates/engine/src/send.rs:4: `long` has 71 lines");
}

#[test]
fn seven_parameters_are_the_most() {
    passes(PLAIN, "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}");
    refuses(
        PLAIN,
        "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {}",
        "crates/engine/src/send.rs:1: `f` has 8 parameters",
    );
}

#[test]
fn a_file_has_five_hundred_lines_tests_aside() {
    let items = |count: usize| "const A: u8 = 0;\n".repeat(count);
    passes(PLAIN, &items(500));
    refuses(PLAIN, &items(501), "crates/engine/src/send.rs:1: 501 lines");
    passes(PLAIN, &format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", items(500), items(300)));
    passes("crates/engine/src/tests.rs", &items(900));
    passes("crates/engine/tests/it/main.rs", &items(900));
    passes(PLAIN, &format!("//! @generated\n{}", items(900)));
}

#[test]
fn a_crate_root_is_a_table_of_contents() {
    refuses("crates/engine/src/lib.rs", &"mod a;\n".repeat(151), "crates/engine/src/lib.rs:1: 151 lines");
    passes("crates/engine/src/lib.rs", &"mod a;\n".repeat(150));
}

#[test]
fn a_connector_is_split_before_it_grows_too_long() {
    let file = |name: &str, lines: usize| Source {
        path: format!("crates/connectors/src/telegram/{name}.rs"),
        text: "const A: u8 = 0;\n".repeat(lines),
    };
    let fine = [file("mod", 500), file("wire", 500), file("map", 500), file("tests", 900)];
    assert!(sizes::check_connectors(&fine).is_empty());
    assert_eq!(sizes::check_connectors(&[file("mod", 500), file("wire", 1_001)]).len(), 1);
}

#[test]
fn unwrap_stays_in_tests() {
    refuses(PLAIN, "fn f() {\n    x().unwrap();\n}", "crates/engine/src/send.rs:2: `.unwrap()`");
    refuses(PLAIN, "fn f() { print!(\"{}\", x().unwrap()); }", "crates/engine/src/send.rs:1: `.unwrap()`");
    passes(PLAIN, "#[cfg(test)]\nmod tests {\n    fn f() { x().unwrap(); }\n}");
    passes(PLAIN, "#[tokio::test]\nasync fn f() {\n    x().unwrap();\n}");
    refuses(PLAIN, "#[cfg(not(test))]\nfn f() { x().unwrap(); }", "crates/engine/src/send.rs:2: `.unwrap()`");
    passes(PLAIN, "/// Not like `x.unwrap()`.\nfn f() { x().unwrap_or(1); }");
}

#[test]
fn no_test_is_ignored_not_even_in_tests() {
    refuses(
        "crates/engine/src/tests.rs",
        "#[test]\n#[ignore]\nfn f() {}",
        "crates/engine/src/tests.rs:2: a test",
    );
    refuses(
        "crates/engine/src/tests.rs",
        "#[ignore = \"slow\"]\nfn f() {}",
        "crates/engine/src/tests.rs:1: a test",
    );
}

#[test]
fn channel_names_stay_in_their_folders() {
    let here = "crates/engine/src/send.rs:1: `telegram` is named";
    refuses(PLAIN, "fn telegram_limit() {}", here);
    refuses(PLAIN, "struct TelegramLimit;", here);
    refuses(PLAIN, "const A: &str = \"for TELEGRAM only\";", here);
    refuses(PLAIN, "const A: &str = \"sms\";", "crates/engine/src/send.rs:1: `sms`");
    passes(PLAIN, "//! Unlike telegram.\n/// Not for sms.\nfn f() {} // whatsapp");
    passes(PLAIN, "use rusmpp::Pdu; const A: &str = \"smsc\";");
    passes(PLAIN, "#[cfg(test)]\nmod tests { const A: &str = \"sms\"; }");
    passes("crates/connectors/src/telegram/map.rs", "struct TelegramLimit;");
    passes("crates/connectors/src/registry.rs", "use crate::telegram::Telegram;");
    passes("crates/server/src/demo/play.rs", "const A: &str = \"sms\";");
}

#[test]
fn one_channel_never_uses_another() {
    let other = "crates/connectors/src/line/mod.rs";
    refuses(
        other,
        "use crate::telegram::map;",
        "crates/connectors/src/line/mod.rs:1: one channel uses `telegram`",
    );
    passes(other, "use crate::dialects::graph;");
    passes("crates/connectors/src/telegram/wire.rs", "use crate::telegram::map;");
}

#[test]
fn a_vendor_that_signs_nothing_is_listed() {
    let path = "crates/connectors/src/newcomer/mod.rs";
    refuses(
        path,
        "fn f() { Genuine::unsigned_vendor(raw) }",
        "crates/connectors/src/newcomer/mod.rs:1: `newcomer`",
    );
}

#[test]
fn arrows_follow_the_table() {
    let room = |name: &str, uses: &[&str], tests_use: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let manifest = format!("crates/{name}/Cargo.toml");
        arrows::check(&[arrows::Room {
            name: name.to_owned(),
            manifest,
            uses: set(uses),
            tests_use: set(tests_use),
        }])
    };
    assert!(room("engine", &["domain", "ports", "connector-api"], &["testkit"]).is_empty());
    assert_eq!(room("domain", &["ports"], &[]).len(), 1);
    assert_eq!(room("face-sinch", &["ports"], &[]).len(), 1);
    assert_eq!(room("engine", &["testkit"], &[]).len(), 1);
    assert_eq!(room("engine", &[], &["store-sqlite"]).len(), 1);
    assert!(room("server", &["connectors", "sandbox"], &["testkit"]).is_empty());
    assert_eq!(room("server", &["testkit"], &[]).len(), 1);
    let unknown = room("cellar", &[], &[]);
    assert!(unknown[0].sentence.starts_with("a new room needs an arrow row"));
}

#[test]
fn licences_must_be_satisfiable_by_permissive_terms() {
    let check =
        |expression: &str, fine: bool| assert_eq!(licences::is_permissive(expression), fine, "{expression}");
    check("MIT OR Apache-2.0", true);
    check("MIT/Apache-2.0", true);
    check("(MIT OR Apache-2.0) AND Unicode-3.0", true);
    check("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true);
    check("GPL-3.0 OR MIT", true);
    check("MIT AND GPL-3.0", false);
    check("(MIT AND GPL-3.0) OR AGPL-3.0", false);
    check("Apache-2.0 ISC", false);
    check("", false);
    assert_eq!(licences::check(&[("nameless".to_owned(), None)]).len(), 1);
}

#[test]
fn the_map_is_read_for_paths() {
    let text = "See `crates/engine/src/batch.rs` and\n`docs/<face>.md`, `engine`, `xtask/`.";
    let found = map::paths(text);
    assert_eq!(found, [(1, "crates/engine/src/batch.rs".to_owned()), (2, "xtask/".to_owned())]);
}

#[test]
fn this_repository_is_tidy() {
    let problems = problems(&crate::root()).expect("the repository can be read");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}
