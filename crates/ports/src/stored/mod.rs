//! Stored forms: what rows, events and jobs look like as bytes, for every store alike.
//!
//! Bytes are the version and then CBOR, in which numbers stand for the names of fields (`write`, `names`). Version 1
//! was JSON, `{"v":1,"row":{…}}`, and is read still. The domain derives no serde; each noun has a twin here that lists
//! its fields, checked by the compiler, and writes straight from the noun without copying it. What keys and columns
//! beside the bytes say of the rows written most is not said in the bytes again. Fields that hold
//! their default are left out, and read as their default: adding such a field needs no new version. Any other
//! change gets a new version, and `fixtures` keeps what each version wrote. A version above [`VERSION`] is
//! refused as too new. Secret fields never reach the bytes unsealed.

mod content;
mod delivery;
mod form;
mod log;
mod names;
mod people;
mod plain;
mod read;
mod rows;
mod secrets;
mod tenancy;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use domain::event::Event;
use domain::id::{ContactId, ConversationId, JobId, MessageId};
use domain::job::Job;
use domain::record::{Key, Kind, Name, Record};
use domain::time::Time;
use serde::Deserialize;
use serde::de::Error as _;

use crate::{Error, ErrorKind, Vault};
use form::{Form, Read};
use read::Reader;
use write::Writer;

/// The version that is written, the first byte of the bytes.
pub const VERSION: u8 = 2;

/// What version 1 begins with; no later one will come to this number.
const VERSION_1: u8 = b'{';

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// Writes a row behind what the buffer holds, its secrets sealed.
        pub fn encode(record: &Record, vault: &dyn Vault, to: &mut Vec<u8>) {
            match secrets::sealed(record, vault).as_ref().unwrap_or(record) {
                $(Record::$kind(entity) => write(&**entity, to)),*
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

/// Writes an event behind what the buffer holds.
pub fn encode_event(event: &Event, to: &mut Vec<u8>) {
    write(event, to);
}

/// An event from bytes.
pub fn decode_event(bytes: &[u8]) -> Result<Event, Error> {
    read(bytes, "Event")
}

/// Writes a job behind what the buffer holds.
pub fn encode_job(job: &Job, to: &mut Vec<u8>) {
    write(job, to);
}

/// A job from bytes.
pub fn decode_job(id: JobId, due_at: Time, bytes: &[u8]) -> Result<Job, Error> {
    Ok(Job { id, due_at, ..read(bytes, "Job")? })
}

fn write<T: Form>(value: &T, to: &mut Vec<u8>) {
    to.push(VERSION);
    value
        .serialize(&mut Writer::new(to))
        .expect("memory takes every write, and forms hold what a writer knows");
}

fn read<T: Form>(bytes: &[u8], what: &str) -> Result<T, Error> {
    let understood = match bytes {
        [VERSION, form @ ..] => read_cbor(form).map_err(Into::into),
        [VERSION_1, ..] => read_json(bytes).map_err(Into::into),
        [newer, ..] if *newer > VERSION => {
            let sentence =
                format!("a stored {what} has version {newer}, and this program knows up to {VERSION}");
            return Err(Error::new(ErrorKind::TooNew, sentence));
        }
        _ => Err("it does not say its version".into()),
    };
    understood.map_err(|why: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Corrupt, format!("a stored {what} cannot be understood")).because(why)
    })
}

fn read_cbor<T: Form>(bytes: &[u8]) -> Result<T, read::Misread> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Form"))]
struct Envelope<T> {
    v: u8,
    row: Read<T>,
}

fn read_json<T: Form>(bytes: &[u8]) -> serde_json::Result<T> {
    let Envelope { v, row } = serde_json::from_slice(bytes)?;
    if v == 1 { Ok(row.0) } else { Err(serde_json::Error::custom("version 1 alone was JSON")) }
}
