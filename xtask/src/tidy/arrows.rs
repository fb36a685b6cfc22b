//! Which of our crates may depend on which: the table, compared with what cargo says.
//!
//! A new arrow or a new room is its own change to this table. Tests may also use `testkit`, and those of `server`
//! anything. Third-party packages are not judged here.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

use super::Problem;

/// What each room may see; `*` stands for every room but `testkit`.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("connector-api", &["domain"]),
    ("engine", &["domain", "ports", "connector-api"]),
    ("connectors", &["domain", "connector-api"]),
    ("http-out", &["connector-api"]),
    ("store-files", &["domain", "ports"]),
    ("store-sqlite", &["domain", "ports"]),
    ("face-kit", &["engine", "domain"]),
    ("face-liveperson", &["engine", "domain", "face-kit"]),
    ("face-sinch", &["engine", "domain", "face-kit"]),
    ("face-livedesk", &["engine", "domain", "face-kit"]),
    ("face-trunkline", &["engine", "domain", "face-kit"]),
    ("testkit", &["domain", "ports", "connector-api"]),
    ("simulation", &["domain", "ports", "connector-api", "engine"]),
    ("sandbox", &["domain", "connector-api"]),
    ("config", &[]),
    ("cli", &["engine", "domain", "config", "ports"]),
    ("server", &["*"]),
    ("bench", &[]),
    ("fuzz", &["*", "testkit"]),
    ("xtask", &[]),
];

/// What tests of a room may see beyond its arrows: connectors are tried against the providers' side, over sockets.
const TEST_ARROWS: &[(&str, &[&str])] = &[("connectors", &["sandbox", "http-out"])];

/// Rooms whose tests may see anything: they try the whole product.
const WHOLE_PRODUCT_TESTS: [&str; 2] = ["server", "e2e"];

/// One of our crates with its arrows to others of ours.
pub struct Room {
    pub name: String,
    pub manifest: String,
    pub uses: BTreeSet<String>,
    pub tests_use: BTreeSet<String>,
}

pub fn check(rooms: &[Room]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for room in rooms {
        let mut report = |sentence: String| problems.push(Problem::new(&room.manifest, 1, sentence));
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room.name) else {
            report(format!("a new room needs an arrow row: add `{}` to xtask/src/tidy/arrows.rs", room.name));
            continue;
        };
        let may_use = |other: &str| allowed.contains(&other) || allowed.contains(&"*") && other != "testkit";
        for other in room.uses.iter().filter(|other| !may_use(other)) {
            report(format!(
                "`{}` may not depend on `{other}`: turn the call around, or argue for the arrow in xtask/src/tidy/arrows.rs",
                room.name
            ));
        }
        let free = WHOLE_PRODUCT_TESTS.contains(&room.name.as_str());
        let more =
            |other: &str| TEST_ARROWS.iter().any(|(name, may)| *name == room.name && may.contains(&other));
        let tests_may_use = |other: &str| free || other == "testkit" || may_use(other) || more(other);
        for other in room.tests_use.iter().filter(|other| !tests_may_use(other)) {
            report(format!(
                "tests of `{}` may not use `{other}`: use `testkit`, or move the test to crates/server/tests/",
                room.name
            ));
        }
    }
    problems
}

/// The packages that are built on this machine, with their features as resolved.
pub fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let host = crate::host()?;
    let mut command = MetadataCommand::new();
    command.current_dir(root).features(CargoOpt::AllFeatures);
    command.other_options(["--filter-platform".to_owned(), host]);
    command.exec().context("cargo metadata failed")
}

/// Our crates that lie in a workspace below `root`. What they use of ours they name by its path.
pub fn rooms(root: &Path, metadata: &Metadata) -> Vec<Room> {
    let room = |package: &&cargo_metadata::Package| {
        let others = |tests: bool| {
            let same_kind = package
                .dependencies
                .iter()
                .filter(move |arrow| (arrow.kind == DependencyKind::Development) == tests);
            same_kind.filter(|arrow| arrow.path.is_some()).map(|arrow| arrow.name.clone()).collect()
        };
        let manifest = package.manifest_path.strip_prefix(root);
        Room {
            name: package.name.to_string(),
            manifest: manifest.unwrap_or(&package.manifest_path).to_string(),
            uses: others(false),
            tests_use: others(true),
        }
    };
    metadata.workspace_packages().iter().map(room).collect()
}
