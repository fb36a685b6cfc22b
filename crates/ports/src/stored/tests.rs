//! What version 1 wrote is still understood, field by field; and what cannot be understood is refused by its kind.
//! Fixtures hold one row a line. A fixture is never edited: it stands for files that people have.

use std::path::Path;

use domain::id::{Id, JobId, TenantId};
use domain::record::{Key, Kind, Name, Record};
use domain::time::Time;
use serde_json::Value;

use super::*;

/// Seals by a visible mark, so that fixtures show which fields are sealed.
struct Marked;

impl Vault for Marked {
    fn seal(&self, _context: &str, secret: &str) -> String {
        format!("sealed:{secret}")
    }

    fn open(&self, context: &str, sealed: &str) -> Result<String, Error> {
        let secret = sealed.strip_prefix("sealed:");
        secret
            .map(str::to_owned)
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("not sealed: {context}")))
    }
}

fn fixture(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/v1/{name}.json"));
    std::fs::read_to_string(&path).expect(name).lines().map(str::to_owned).collect()
}

fn same_json(written: &[u8], line: &str) {
    let written: Value = serde_json::from_slice(written).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(written, line);
}

/// The key of a row that says its id and tenant, or of one that need not.
fn key(kind: Kind, line: &str) -> Key {
    let row = serde_json::from_str::<Value>(line).unwrap_or_default();
    let id = |field: &str| row["row"][field].as_str().and_then(Id::parse).unwrap_or(Id(7));
    Key { tenant: TenantId(id("tenant")), kind, name: Name::Id(id("id")) }
}

/// A line without what is written beside it now.
fn without(line: &str, beside: &[&str]) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let row = line["row"].as_object_mut().unwrap();
    beside.iter().for_each(|field| drop(row.remove(*field)));
    line.to_string()
}

#[test]
fn each_kind_of_version_1_is_read_whole_and_written_alike() {
    for kind in Kind::ALL {
        for line in fixture(kind.as_str()) {
            let key = key(*kind, &line);
            let record = decode(&key, line.as_bytes(), &Marked).unwrap();
            assert_eq!(record.kind(), *kind);
            let written = encode(&record, &Marked);
            let named = matches!(kind, Kind::Contact | Kind::Conversation | Kind::Message);
            same_json(&written, &if named { without(&line, &["id", "tenant"]) } else { line });
            assert_eq!(decode(&key, &written, &Marked).unwrap(), record);
        }
    }
}

#[test]
fn a_row_is_called_what_its_key_calls_it() {
    let line = &fixture("Message")[0];
    let key = key(Kind::Message, line);
    let Record::Message(message) = decode(&key, line.as_bytes(), &Marked).unwrap() else {
        panic!("another kind")
    };
    assert_eq!((message.id.0.ulid().as_str(), message.tenant), ("01J0938NKRE008000000000005", key.tenant));
}

#[test]
fn each_fact_of_version_1_is_read_whole_and_written_alike() {
    for line in fixture("Event") {
        let event = decode_event(line.as_bytes()).unwrap();
        same_json(&encode_event(&event), &line);
    }
}

#[test]
fn each_job_of_version_1_is_read_whole_and_written_alike() {
    for line in fixture("Job") {
        let job = decode_job(JobId(Id(3)), Time(1000), line.as_bytes()).unwrap();
        assert_eq!((job.id, job.due_at), (JobId(Id(3)), Time(1000)));
        same_json(&encode_job(&job), &without(&line, &["id", "due_at"]));
    }
}

#[test]
fn secrets_are_open_in_memory_and_sealed_in_bytes() {
    let line = &fixture("App")[0];
    let Record::App(app) = decode(&key(Kind::App, line), line.as_bytes(), &Marked).unwrap() else {
        panic!("another kind")
    };
    assert_eq!(app.channels[0].settings[0].1, "t0p");
    assert_eq!(app.override_callback_secret.as_deref(), Some("cb"));
}

#[test]
fn a_subscription_without_a_secret_stays_without() {
    let line = fixture("Subscription")[0].replace("sealed:sign", "");
    let record = decode(&key(Kind::Subscription, &line), line.as_bytes(), &Marked).unwrap();
    let Record::Subscription(subscription) = record else { panic!("another kind") };
    assert!(subscription.secret.is_empty());
}

#[test]
fn a_cursor_that_held_its_parked_lanes_goes_back_to_before_the_first_of_them() {
    let line = r#"{"v":1,"row":{"position":12,"parked":[{"position":7,"next_at":2000},{"position":5}]}}"#;
    let Record::Cursor(cursor) = decode(&key(Kind::Cursor, line), line.as_bytes(), &Marked).unwrap() else {
        panic!("another kind")
    };
    assert_eq!((cursor.position, cursor.failing_since), (4, None));
}

#[test]
fn a_newer_version_is_refused_as_too_new_whatever_it_holds() {
    let error = decode(&key(Kind::Counter, ""), br#"{"v":2,"row":{"count":4}}"#, &Marked).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooNew);
}

#[test]
fn anything_else_is_corrupt() {
    for bytes in ["", "{}", r#"{"v":1}"#, r#"{"v":1,"row":"#, r#"{"v":1,"row":"x"}"#, r#"{"v":x}"#] {
        assert_eq!(
            decode(&key(Kind::Counter, bytes), bytes.as_bytes(), &Marked).unwrap_err().kind,
            ErrorKind::Corrupt
        );
    }
    let short_id = r#"{"v":1,"row":{"target":"01"}}"#;
    assert_eq!(
        decode(&key(Kind::Pointer, short_id), short_id.as_bytes(), &Marked).unwrap_err().kind,
        ErrorKind::Corrupt
    );
}

#[test]
fn what_holds_its_default_takes_no_room() {
    let plain = fixture("Content")[1].clone();
    let record = decode(&key(Kind::Content, &plain), plain.as_bytes(), &Marked).unwrap();
    assert_eq!(encode(&record, &Marked), br#"{"v":1,"row":{"body":{"Text":"hi"}}}"#);
}
