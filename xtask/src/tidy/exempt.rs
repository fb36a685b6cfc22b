//! What the rules let pass by name; the only file to edit when a rule must give way, with a reason on each line.
//!
//! A line whose file is gone fails, so that the lists only hold what is needed.

use super::Problem;
use super::sources::Source;

/// Files outside a channel's own folders that may name channels.
pub const CHANNEL_NAME_FILES: &[(&str, &str)] = &[
    ("crates/bench/src/kannel.rs", "writes the configuration of a product for one channel"),
    ("crates/bench/src/sections/kannel.rs", "measures that channel beside it"),
    ("crates/bench/src/target.rs", "writes to one channel by its name, as a client does"),
    (
        "crates/face-livedesk/src/conversation.rs",
        "holds the vendor's own channel classes, which its API lists",
    ),
    ("fuzz/src/rows.rs", "gives the app an account on each channel that takes callbacks"),
    ("fuzz/targets/pdus.rs", "fuzzes the message center's protocol"),
    ("fuzz/targets/pdu_texts.rs", "fuzzes the texts of that protocol"),
    ("fuzz/targets/callbacks.rs", "proves the sender of a callback as each provider does"),
    ("crates/sandbox/src/interface.rs", "tells where the message center listens"),
    ("crates/sandbox/src/server.rs", "opens the message center's port beside the HTTP one"),
    ("crates/sandbox/src/settings.rs", "holds the message center's listening address"),
    ("crates/server/src/main.rs", "prints where the sandbox's message center listens"),
    ("xtask/src/tidy/words.rs", "holds the list of the names"),
    ("crates/face-sinch/src/channels.rs", "holds the vendor's own channel enum, which its API lists"),
];

/// Files that carry a registry line for each channel; they may be missing until the first channel comes.
pub const REGISTRY_FILES: &[&str] = &[
    "crates/connectors/src/lib.rs",
    "crates/connectors/src/registry.rs",
    "crates/sandbox/src/channel.rs",
    "crates/sandbox/src/lib.rs",
    "crates/sandbox/src/registry.rs",
];

/// Folders and files that play the demo on every channel by name.
pub const DEMO_PLACES: &[&str] = &["/demo/", "/demo.rs"];

/// Channels whose provider signs nothing, so that their callbacks are taken on another proof or on none.
pub const UNSIGNED_CHANNELS: &[(&str, &str)] = &[];

/// Third-party packages with a licence outside the list, each with the reason why it is fine.
pub const LICENCE_EXCEPTIONS: &[(&str, &str)] =
    &[("libfuzzer-sys", "holds libFuzzer under NCSA, as permissive as MIT; in the fuzz targets alone")];

pub fn may_name_channels(path: &str) -> bool {
    CHANNEL_NAME_FILES.iter().any(|(file, _)| *file == path)
        || REGISTRY_FILES.contains(&path)
        || DEMO_PLACES.iter().any(|place| path.contains(place))
}

pub fn may_be_unsigned(channel: &str) -> bool {
    UNSIGNED_CHANNELS.iter().any(|(name, _)| *name == channel)
}

/// Lines of the lists above that no longer point at anything.
pub fn check_fresh(sources: &[Source]) -> Vec<Problem> {
    let here = "xtask/src/tidy/exempt.rs";
    let stale = |path: &str| !sources.iter().any(|source| source.path == path);
    let files = CHANNEL_NAME_FILES.iter().map(|(file, _)| *file).filter(|file| stale(file));
    let channels = UNSIGNED_CHANNELS.iter().map(|(channel, _)| *channel);
    let gone =
        channels.filter(|channel| !sources.iter().any(|source| source.channel_folder() == Some(channel)));
    files
        .chain(gone)
        .map(|name| Problem::new(here, 1, format!("`{name}` is gone: take its line out of the list")))
        .collect()
}
