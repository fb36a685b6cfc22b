//! The default file is complete; bad files and variables become sentences; the environment beats the file.
//! The environment is figment's jail, so that tests do not disturb each other.
#![expect(clippy::result_large_err, reason = "figment's jail asks for its own error")]

use std::path::Path;

use config::{Config, DEFAULT_FILE, Sync, load};
use figment::Jail;

/// What a file and variables load to, in a folder and an environment of their own.
fn loaded(file: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let mut result = Err(Vec::new());
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file("t.toml", file)?;
        for (name, value) in variables {
            jail.set_env(name, value);
        }
        result = load(Some(Path::new("t.toml")));
        Ok(())
    });
    result
}

#[test]
fn an_empty_file_loads_to_the_defaults() {
    assert_eq!(loaded("", &[]), Ok(Config::default()));
}

#[test]
fn the_default_file_loads_to_the_defaults() {
    assert_eq!(loaded(DEFAULT_FILE, &[]), Ok(Config::default()));
}

#[test]
fn the_defaults_are_those_that_the_design_names() {
    let config = Config::default();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.store.data, Path::new("trunkline-data"));
    assert_eq!(config.store.sync, Sync::Full);
    assert_eq!((config.sinch.token_lifetime_s, config.liveperson.app_token_lifetime_s), (3_600, 3_600));
    assert_eq!(config.sinch.requests_per_second, 800);
    assert_eq!((config.sinch.sends_per_second_per_app, config.sinch.callbacks_per_second_per_app), (20, 25));
    assert_eq!(config.livedesk.messages_per_minute_per_conversation, 200);
    assert_eq!(config.livedesk.attachment_bytes_max, 40 << 20);
    assert!(!config.http_out.allow_loopback && !config.http_out.providers_allow_loopback);
}

#[test]
fn the_default_file_shows_every_key_with_a_comment_above() {
    let known = figment::value::Value::serialize(Config::default()).unwrap();
    let mut count = 0;
    for (section, keys) in known.as_dict().unwrap() {
        let (_, rest) = DEFAULT_FILE.split_once(&format!("\n[{section}]\n")).unwrap();
        let lines: Vec<&str> = rest.lines().take_while(|line| !line.starts_with('[')).collect();
        for key in keys.as_dict().unwrap().keys() {
            let is_key = |line: &&str| line.trim_start_matches('#').starts_with(&format!("{key} = "));
            let place = lines.iter().position(is_key).unwrap_or_else(|| panic!("{section}.{key}"));
            assert!(place > 0 && lines[place - 1].starts_with("# "), "{section}.{key} has no comment");
            count += 1;
        }
        let shown = lines.iter().filter(|line| line.contains(" = ") && !line.starts_with("# ")).count();
        assert_eq!(shown, keys.as_dict().unwrap().len(), "[{section}] shows a key that does not exist");
    }
    assert!(count > 30);
}

#[test]
fn the_environment_beats_the_file() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nshutdown_grace_s = 7\n[log]\nfilter = \"warn\"";
    let variables = [
        ("TRUNKLINE_SERVER__LISTEN", "127.0.0.1:2"),
        ("TRUNKLINE_SINCH__TOKEN_LIFETIME_S", "2"),
        ("TRUNKLINE_LIVEPERSON__APP_TOKEN_LIFETIME_S", "3"),
        ("TRUNKLINE_HTTP_OUT__ALLOW_LOOPBACK", "true"),
        ("TRUNKLINE_HTTP_OUT__ALLOW", "[\"10.0.0.0/8\"]"),
        ("TRUNKLINE_STORE__DATA", "\"7\""),
        ("TRUNKLINE_SOMETHING_ELSE", "is no setting"),
    ];
    let config = loaded(file, &variables).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.shutdown_grace_s, 7);
    assert_eq!((config.sinch.token_lifetime_s, config.liveperson.app_token_lifetime_s), (2, 3));
    assert!(config.http_out.allow_loopback);
    assert_eq!(config.http_out.allow, ["10.0.0.0/8"]);
    assert_eq!(config.store.data, Path::new("7"));
    assert_eq!(config.log.filter, "warn");
}

/// Files, each with one mistake, and a part of what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    ("[server]\nlisten = \"here\"", "server.listen does not fit"),
    (
        "[server]\nlistn = \"127.0.0.1:1\"",
        "there is no key server.listn. The keys are base_url, body_timeout_s,",
    ),
    ("[srver]\nlisten = 1", "there is no section srver. The sections are http_out, limits,"),
    ("listen = 1", "there is no section listen"),
    ("server = 1", "server is a section, so its keys stand under [server]"),
    ("[server\n", "In t.toml: "),
    ("[server]\nshutdown_grace_s = -1", "server.shutdown_grace_s does not fit"),
    ("[server]\nshutdown_grace_s = 3601", "server.shutdown_grace_s is 3601 but may be at most 3600."),
    ("[server]\ntls_listen = \"127.0.0.1:1\"", "needs server.tls_certificate and server.tls_key"),
    ("[server]\ntls_key = \"k\"", "server.tls_key is set but server.tls_certificate is not"),
    ("[server]\noperator_listen = \"127.0.0.1:8080\"", "the same address as server.listen"),
    ("[server]\nbase_url = \"talk\"", "is no URL"),
    ("[server]\nbase_url = \"ftp://talk\"", "must begin with http"),
    ("[server]\nbase_url = \"http://talk/\"", "ends in a slash"),
    ("[store]\nsync = \"perhaps\"", "store.sync does not fit"),
    ("[store]\ndata = \"\"", "store.data is empty"),
    ("[store]\nlog_kept_days = 0", "store.log_kept_days is 0 but must be at least 1."),
    ("[store]\ndatabase_bytes_max = 134217727", "give it at least 134217728."),
    ("[store]\ndatabase_bytes_max = \"10 GB\"", "store.database_bytes_max does not fit"),
    (
        "[store]\nidempotency_kept_hours = 23",
        "store.idempotency_kept_hours is 23 but must be from 24 (a day)",
    ),
    (
        "[store]\nidempotency_kept_hours = 169",
        "store.idempotency_kept_hours is 169 but must be from 24 (a day)",
    ),
    ("[sinch]\ntoken_lifetime_s = 0", "sinch.token_lifetime_s is 0 but must be at least 1."),
    ("[liveperson]\npublic_authority = \"https://x\"", "is no host with a port"),
    ("[livedesk]\nattachment_bytes_max = 2147483648", "may be at most"),
    ("[http_out]\nallow = [\"10.0.0.0/33\"]", "names \"10.0.0.0/33\", which is no subnet"),
    ("[http_out]\nprovider_timeout_ms = 4999", "is shorter than http_out.connect_timeout_ms"),
    ("[http_out]\nallow_loopback = \"yes\"", "http_out.allow_loopback does not fit"),
    ("[server]\nheader_timeout_s = 0", "server.header_timeout_s is 0"),
    ("[server]\nbody_timeout_s = 3601", "server.body_timeout_s is 3601 but may be at most 3600."),
    ("[limits]\nheader_bytes_max = 8191", "limits.header_bytes_max is 8191 but must be at least 8192."),
    ("[limits]\nheader_bytes_max = 1048577", "may be at most 1048576."),
    ("[limits]\ncached_rows_max = 0", "limits.cached_rows_max is 0"),
    (
        "[limits]\nabsence_filter_bytes = 65535",
        "limits.absence_filter_bytes is 65535 but must be at least 65536.",
    ),
    ("[limits]\nabsence_filter_bytes = 536870913", "may be at most 536870912."),
    ("[limits]\nwaiting_commands_max = 1", "larger than limits.waiting_commands_max"),
    ("[log]\nfilter = \" \"", "log.filter is empty"),
];

#[test]
fn each_mistake_has_its_sentence() {
    for (file, part) in MISTAKES {
        let problems = loaded(file, &[]).unwrap_err();
        assert_eq!(problems.len(), 1, "{file}: {problems:?}");
        assert!(problems[0].contains(part) && problems[0].ends_with('.'), "{file}: {problems:?}");
    }
}

#[test]
fn answers_are_remembered_for_a_day_to_a_week() {
    assert_eq!(loaded("", &[]).unwrap().store.idempotency_kept_hours, 24);
    for hours in [24, 168] {
        let file = format!("[store]\nidempotency_kept_hours = {hours}");
        assert_eq!(loaded(&file, &[]).unwrap().store.idempotency_kept_hours, hours);
    }
}

#[test]
fn all_problems_come_at_once_from_file_and_environment() {
    let file = "[server]\nlisten = 1\nlistn = 2\n[sinch]\ntoken_lifetime_s = 0\n[log]\njson = 3";
    let variables = [("TRUNKLINE_LOG__COLOUR", "1"), ("TRUNKLINE_LOG_JSON", "true")];
    let problems = loaded(file, &variables).unwrap_err();
    let parts =
        ["server.listen ", "server.listn", "sinch.token_lifetime_s", "log.json", "log.colour", "LOG__JSON"];
    assert_eq!(problems.len(), parts.len(), "{problems:#?}");
    for part in parts {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let problems = load(Some(Path::new("/nowhere/t.toml"))).unwrap_err();
    assert!(problems[0].starts_with("The file /nowhere/t.toml could not be read"), "{problems:?}");
}
