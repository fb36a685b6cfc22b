//! Stored forms: what rows, events and jobs look like as bytes, for every store alike.
//!
//! Bytes are compact JSON, `{"v":1,"row":{…}}`. The domain derives no serde; each noun has a twin here that lists
//! its fields, checked by the compiler, and writes straight from the noun without copying it. What keys and columns
//! beside the bytes say of the rows written most is not said in the bytes again. Fields that hold
//! their default are left out, and read as their default: adding such a field needs no new version. Any other
//! change gets a new version, and `fixtures/v1` keeps what was written before. A version above [`VERSION`] is
//! refused as too new. Secret fields never reach the bytes unsealed.

mod content;
mod delivery;
mod form;
mod log;
mod people;
mod plain;
mod rows;
mod secrets;
mod tenancy;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::event::Event;
use domain::id::{ContactId, ConversationId, JobId, MessageId};
use domain::job::Job;
use domain::record::{Key, Kind, Name, Record};
use domain::time::Time;
use serde::Deserialize;

use crate::{Error, ErrorKind, Vault};
use form::{Form, Read, Written};

/// The version that is written.
pub const VERSION: u64 = 1;

const OPENING: &[u8] = br#"{"v":1,"row":"#;
/// Most rows fit, so that the buffer seldom grows.
const ROW_BYTES_USUAL: usize = 640;

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// A row as bytes, its secrets sealed.
        pub fn encode(record: &Record, vault: &dyn Vault) -> Vec<u8> {
            match secrets::sealed(record, vault).as_ref().unwrap_or(record) {
                $(Record::$kind(entity) => write(&**entity)),*
            }
        }

        /// A row from bytes, its secrets opened.
        pub fn decode(key: &Key, bytes: &[u8], vault: &dyn Vault) -> Result<Record, Error> {
            let record = match key.kind {
                $(Kind::$kind => Record::$kind(Arc::new(read(bytes, key.kind.as_str())?))),*
            };
            secrets::opened(named(record, key), vault)
        }
    };
}

kinds! {
    Tenant App Agent Credential Subscription Cursor Contact Conversation Message Content File Consent Pointer
    Counter EarlyReceipts RecipientMemory Once Parked Callback CallbackPage
}

/// The record with what its key says of it.
fn named(mut record: Record, key: &Key) -> Record {
    let (Name::Id(own), tenant) = (&key.name, key.tenant) else { return record };
    match &mut record {
        Record::Contact(entity) => {
            let entity = Arc::make_mut(entity);
            (entity.id, entity.tenant) = (ContactId(*own), tenant);
        }
        Record::Conversation(entity) => {
            let entity = Arc::make_mut(entity);
            (entity.id, entity.tenant) = (ConversationId(*own), tenant);
        }
        Record::Message(entity) => {
            let entity = Arc::make_mut(entity);
            (entity.id, entity.tenant) = (MessageId(*own), tenant);
        }
        _ => {}
    }
    record
}

/// An event as bytes.
pub fn encode_event(event: &Event) -> Vec<u8> {
    write(event)
}

/// An event from bytes.
pub fn decode_event(bytes: &[u8]) -> Result<Event, Error> {
    read(bytes, "Event")
}

/// A job as bytes.
pub fn encode_job(job: &Job) -> Vec<u8> {
    write(job)
}

/// A job from bytes.
pub fn decode_job(id: JobId, due_at: Time, bytes: &[u8]) -> Result<Job, Error> {
    Ok(Job { id, due_at, ..read(bytes, "Job")? })
}

fn write<T: Form>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROW_BYTES_USUAL);
    bytes.extend_from_slice(OPENING);
    serde_json::to_writer(&mut bytes, &Written(value))
        .expect("memory takes every write, and no form has keys other than texts");
    bytes.push(b'}');
    bytes
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Form"))]
struct Envelope<T> {
    row: Read<T>,
}

fn read<T: Form>(bytes: &[u8], what: &str) -> Result<T, Error> {
    let version = version(bytes)
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("a stored {what} does not say its version")))?;
    if version > VERSION {
        let sentence =
            format!("a stored {what} has version {version}, and this program knows up to {VERSION}");
        return Err(Error::new(ErrorKind::TooNew, sentence));
    }
    let envelope: Envelope<T> = serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::Corrupt, format!("a stored {what} cannot be understood")).because(error)
    })?;
    Ok(envelope.row.0)
}

/// The version stands first, so that it is read without parsing the rest.
fn version(bytes: &[u8]) -> Option<u64> {
    let rest = bytes.strip_prefix(br#"{"v":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}
