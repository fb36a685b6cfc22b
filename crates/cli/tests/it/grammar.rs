//! Which command lines parse, and to what.
//! The grammar as a whole is held by clap's own check.

use clap::{CommandFactory as _, Parser as _};
use cli::{AdminRequest, Arguments, Command, KeyFace};

fn parse(line: &str) -> Result<Command, String> {
    let parsed = Arguments::try_parse_from(["trunkline"].into_iter().chain(line.split(' ')));
    parsed.map(|arguments| arguments.command).map_err(|error| error.to_string())
}

#[test]
fn the_grammar_holds_together() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_line_of_the_design_parses() {
    let lines = [
        "serve",
        "serve --config a.toml",
        "demo",
        "demo --data d --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --once --sandbox http://x --vendor-limits",
        "sandbox --listen 127.0.0.1:0 --ledger l --strict-windows",
        "check --config a.toml",
        "tenant create --name one --json",
        "tenant list --data d",
        "tenant show one --config a.toml",
        "app create --tenant one --name shop",
        "app create --tenant one --name shop --channel ALPHA --account us --set token=t=x --set secret=s",
        "app list --tenant one",
        "app show --tenant one shop",
        "app set --tenant one shop --unknown-outcomes fail-over --retry-for 60 --report-within 0 --queue-limit 9",
        "app set --tenant one 1 --mode dispatch --dispatch-retention-days 3 --lock-to-single-conversation true",
        "app set-channel --tenant one --app shop --channel ALPHA --account us",
        "app remove-channel --tenant one --app shop --channel ALPHA",
        "key create --tenant one --face sinch",
        "key list --tenant one",
        "key revoke --tenant one 0190",
        "agent create --tenant one --name Ann --email a@b --role bot",
        "agent list --tenant one",
        "agent show --tenant one Ann",
        "explain 01900000-0000-7000-8000-000000000001 --json",
        "backup --to there --config a.toml",
        "restore --from there --data d",
    ];
    for line in lines {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_is_missing_or_unknown_is_said() {
    let rows = [
        (
            "key create --tenant one --face fax",
            "possible values: sinch, liveperson, liveperson-admin, livedesk, trunkline",
        ),
        ("app create --tenant one --name shop --channel ALPHA", "--account"),
        ("app create --tenant one --name s --channel A --account us --set token", "write it as KEY=VALUE"),
        (
            "app create --tenant one --name s --channel A --account us --set-file k=/nowhere/k",
            "cannot be read",
        ),
        ("app list", "--tenant"),
        ("app set --tenant one shop", "--unknown-outcomes"),
        ("demo --listen here", "invalid socket address"),
    ];
    for (line, part) in rows {
        let said = parse(line).unwrap_err();
        assert!(said.contains(part), "{line}: {said}");
    }
}

#[test]
fn commands_of_administration_become_requests_and_others_do_not() {
    let (request, printing) =
        cli::request(parse("key create --tenant one --face livedesk --json").unwrap()).unwrap();
    let (tenant, face) = ("one".to_owned(), KeyFace::LiveDesk);
    assert_eq!(
        request,
        AdminRequest::CreateKey { tenant, face, app: None, agent: None, name: String::new() }
    );
    assert!(printing.json);
    assert!(cli::request(parse("serve").unwrap()).is_none());
}

#[test]
fn secrets_do_not_show_in_debug() {
    let line = "app set-channel --tenant one --app shop --channel ALPHA --account us --set token=hush";
    let command = parse(line).unwrap();
    assert!(!format!("{command:?}").contains("hush"));
    assert!(!format!("{:?}", cli::request(command).unwrap()).contains("hush"));
}
