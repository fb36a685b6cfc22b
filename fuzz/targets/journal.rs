//! The journal's record of a batch: what can be read is spelled in one way, and that reads as the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ports::Batch;
use store_sqlite::fuzzing::{read, spell};
use testkit::NoVault;

fuzz_target!(|record: &[u8]| {
    if let Ok(Some(batch)) = read(Bytes::copy_from_slice(record), &NoVault) {
        let spelled = spelled(&batch);
        let again = read(spelled.clone().into(), &NoVault).expect("what was written can be read");
        assert_eq!(spelled, self::spelled(&again.expect("a batch is no cut")));
    }
});

fn spelled(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    spell(batch, &NoVault, &mut bytes);
    bytes
}
