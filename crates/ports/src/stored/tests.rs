//! What each version wrote is still understood, field by field; and what cannot be understood is refused by its kind.
//! Fixtures hold one row a line, version 2 as hex. A fixture is never edited: it stands for files that people have.

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

fn fixture(version: &str, name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{version}/{name}"));
    std::fs::read_to_string(&path).expect(name).lines().map(str::to_owned).collect()
}

/// Kinds that came after version 1.
const SINCE_2: &[Kind] = &[];

/// The rows that version 1 wrote.
fn json(name: &str) -> Vec<String> {
    fixture("v1", &format!("{name}.json"))
}

/// The same rows as version 2 wrote them, and then those that version 1 did not know.
fn cbor(name: &str) -> Vec<Vec<u8>> {
    fixture("v2", &format!("{name}.hex")).iter().map(|line| hex::decode(line).unwrap()).collect()
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(record, &Marked, &mut bytes);
    bytes
}

/// The key of a row that says its id and tenant, or of one that need not.
fn key(kind: Kind, line: &str) -> Key {
    let row = serde_json::from_str::<Value>(line).unwrap_or_default();
    let id = |field: &str| row["row"][field].as_str().and_then(Id::parse).unwrap_or(Id(7));
    Key { tenant: TenantId(id("tenant")), kind, name: Name::Id(id("id")) }
}

/// The value each time without one of the fields that are somewhere in it.
fn without_each(value: &Value) -> Vec<Value> {
    let mut lesser = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let mut without = fields.clone();
                without.remove(name);
                lesser.push(Value::Object(without));
                lesser.extend(without_each(inner).into_iter().map(|inner| {
                    let mut with = fields.clone();
                    with.insert(name.clone(), inner);
                    Value::Object(with)
                }));
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                lesser.extend(without_each(item).into_iter().map(|item| {
                    let mut with = items.clone();
                    with[place] = item;
                    Value::Array(with)
                }));
            }
        }
        _ => {}
    }
    lesser
}

/// Nothing in the line is passed over: without any of its fields it means something else, or nothing.
fn each_field_counts<T: PartialEq + std::fmt::Debug>(
    line: &str,
    beside: &[&str],
    read: impl Fn(&[u8]) -> Option<T>,
) {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let row = line["row"].as_object_mut().unwrap();
    beside.iter().for_each(|field| drop(row.remove(*field)));
    let whole = read(line.to_string().as_bytes()).unwrap();
    for lesser in without_each(&line) {
        assert_ne!(read(lesser.to_string().as_bytes()).as_ref(), Some(&whole), "{lesser}");
    }
}

#[test]
fn each_kind_of_version_1_is_read_whole_and_written_as_version_2() {
    for kind in Kind::ALL.iter().filter(|kind| !SINCE_2.contains(kind)) {
        for (line, bytes) in json(kind.as_str()).iter().zip(cbor(kind.as_str())) {
            let key = key(*kind, line);
            let record = decode(&key, line.as_bytes(), &Marked).unwrap();
            assert_eq!(record.kind(), *kind);
            assert_eq!(hex::encode(encoded(&record)), hex::encode(&bytes), "{line}");
            assert_eq!(decode(&key, &bytes, &Marked).unwrap(), record);
            if let Value::Object(_) = serde_json::from_str::<Value>(line).unwrap()["row"] {
                let named = matches!(kind, Kind::Contact | Kind::Conversation | Kind::Message);
                let beside: &[&str] = if named { &["id", "tenant"] } else { &[] };
                each_field_counts(line, beside, |line| decode(&key, line, &Marked).ok());
            }
        }
    }
}

#[test]
fn each_kind_of_version_2_is_read_and_written_alike() {
    for kind in Kind::ALL {
        let rows = cbor(kind.as_str());
        assert!(!rows.is_empty(), "{} has no fixture", kind.as_str());
        for bytes in rows {
            let record = decode(&key(*kind, ""), &bytes, &Marked).unwrap();
            assert_eq!(hex::encode(encoded(&record)), hex::encode(&bytes), "{}", kind.as_str());
        }
    }
}

#[test]
fn a_row_is_called_what_its_key_calls_it() {
    let line = &json("Message")[0];
    let key = key(Kind::Message, line);
    let Record::Message(message) = decode(&key, line.as_bytes(), &Marked).unwrap() else {
        panic!("another kind")
    };
    assert_eq!((message.id.0.ulid().as_str(), message.tenant), ("01J0938NKRE008000000000005", key.tenant));
}

#[test]
fn each_fact_of_version_1_is_read_whole_and_written_as_version_2() {
    for (line, bytes) in json("Event").iter().zip(cbor("Event")) {
        let event = decode_event(line.as_bytes()).unwrap();
        let mut written = Vec::new();
        encode_event(&event, &mut written);
        assert_eq!(hex::encode(written), hex::encode(&bytes), "{line}");
        assert_eq!(decode_event(&bytes).unwrap(), event);
        each_field_counts(line, &[], |line| decode_event(line).ok());
    }
}

#[test]
fn each_job_of_version_1_is_read_whole_and_written_as_version_2() {
    for (line, bytes) in json("Job").iter().zip(cbor("Job")) {
        let read = |bytes: &[u8]| decode_job(JobId(Id(3)), Time(1000), bytes);
        let job = read(line.as_bytes()).unwrap();
        assert_eq!((job.id, job.due_at), (JobId(Id(3)), Time(1000)));
        let mut written = Vec::new();
        encode_job(&job, &mut written);
        assert_eq!(hex::encode(written), hex::encode(&bytes), "{line}");
        assert_eq!(read(&bytes).unwrap(), job);
        each_field_counts(line, &["id", "due_at"], |line| read(line).ok());
    }
}

#[test]
fn a_job_tells_when_its_message_expires() {
    let job =
        Job { expires_at: Some(Time(2_000)), ..decode_job(JobId(Id(3)), Time(1), &cbor("Job")[0]).unwrap() };
    let mut written = Vec::new();
    encode_job(&job, &mut written);
    assert_eq!(hex::encode(&written), hex::encode(&cbor("Job")[4]));
    assert_eq!(decode_job(JobId(Id(3)), Time(1), &written).unwrap(), job);
}

#[test]
fn a_row_of_each_message_spells_no_name() {
    for kind in [Kind::Contact, Kind::Conversation, Kind::Message, Kind::Pointer] {
        let lean = &cbor(kind.as_str())[0];
        let names = ["identities", "last_activity_at", "accepted_at", "delivery", "target", "expires_at"];
        let spelled =
            names.iter().find(|name| lean.windows(name.len()).any(|bytes| bytes == name.as_bytes()));
        assert_eq!(spelled, None);
    }
}

#[test]
fn secrets_are_open_in_memory_and_sealed_in_bytes() {
    let line = &json("App")[0];
    let Record::App(app) = decode(&key(Kind::App, line), line.as_bytes(), &Marked).unwrap() else {
        panic!("another kind")
    };
    assert_eq!(app.channels[0].settings[0].1, "t0p");
    assert_eq!(app.override_callback_secret.as_deref(), Some("cb"));
}

#[test]
fn a_subscription_without_a_secret_stays_without() {
    let line = json("Subscription")[0].replace("sealed:sign", "");
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
    let error = decode(&key(Kind::Counter, ""), &[VERSION + 1, 0xff], &Marked).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooNew);
}

#[test]
fn a_field_of_a_later_program_is_passed_over_and_a_variant_is_not() {
    let number = names::name(200).is_none().then_some(200).unwrap();
    let counted = |fields: &[u8]| decode(&key(Kind::Pointer, ""), &[&[VERSION], fields].concat(), &Marked);
    let target = |more: &[u8], size: u8| [&[0xa0 | size, 16, 0x50], &[7; 16][..], more].concat();
    let pointer = counted(&target(&[], 1)).unwrap();
    assert_eq!(counted(&target(&[0x18, number, 0x82, 1, 0xa1, 2, 3], 2)).unwrap(), pointer);
    assert_eq!(counted(&target(&[0x63, b'n', b'e', b'w', 0xf6], 2)).unwrap(), pointer);

    let work = |variant: u8| {
        let mut bytes = Vec::new();
        let line = &json("Job")[0];
        encode_job(&decode_job(JobId(Id(3)), Time(1), line.as_bytes()).unwrap(), &mut bytes);
        let send = names::number("Send").unwrap();
        let place = bytes.windows(2).position(|pair| pair == [0xa1, send]).unwrap();
        bytes[place + 1] = variant;
        decode_job(JobId(Id(3)), Time(1), &bytes).map_err(|error| error.kind)
    };
    assert!(work(names::number("Send").unwrap()).is_ok());
    assert_eq!(work(23), Err(ErrorKind::Corrupt));
}

#[test]
fn anything_else_is_corrupt() {
    let refused = |kind: Kind, bytes: &[u8]| {
        assert_eq!(
            decode(&key(kind, ""), bytes, &Marked).unwrap_err().kind,
            ErrorKind::Corrupt,
            "{bytes:x?}"
        );
    };
    for bytes in [
        "",
        "{}",
        r#"{"v":1}"#,
        r#"{"v":1,"row":"#,
        r#"{"v":1,"row":"x"}"#,
        r#"{"v":x}"#,
        r#"{"v":2,"row":4}"#,
    ] {
        refused(Kind::Counter, bytes.as_bytes());
    }
    refused(Kind::Pointer, br#"{"v":1,"row":{"target":"01"}}"#);
    // Nothing, a text, a number cut off, something behind the value, version 0.
    for bytes in [&[VERSION][..], &[VERSION, 0x61, b'x'], &[VERSION, 0x18], &[VERSION, 1, 1], &[0, 1]] {
        refused(Kind::Counter, bytes);
    }
    // An id of two bytes, a map without end, a list without end, one longer than the bytes.
    for bytes in [
        &[0xa1, 16, 0x42, 1, 2][..],
        &[0xbf, 0xff],
        &[0x9f, 0xff],
        &[0xbb, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        refused(Kind::Pointer, &[&[VERSION], bytes].concat());
    }
}

#[test]
fn what_holds_its_default_takes_no_room() {
    let plain = json("Content")[1].clone();
    let record = decode(&key(Kind::Content, &plain), plain.as_bytes(), &Marked).unwrap();
    let (body, text) = (names::number("body").unwrap(), names::number("Text").unwrap());
    assert_eq!(encoded(&record), [&[VERSION, 0xa1, body, 0xa1, text, 0x62], &b"hi"[..]].concat());
}
