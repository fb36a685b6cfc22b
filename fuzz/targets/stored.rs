//! Stored rows, events and jobs, a line each: what can be read is spelled in one way, and that reads as the same.
//! A line is JSON or, of version 2, hex.
#![no_main]

use domain::id::{Id, JobId, TenantId};
use domain::record::{Key, Kind, Name};
use domain::time::Time;
use libfuzzer_sys::fuzz_target;
use ports::stored;
use testkit::NoVault;

fuzz_target!(|lines: &[u8]| {
    for line in lines.split(|byte| *byte == b'\n') {
        let line = &hex::decode(line).unwrap_or_else(|_| line.to_vec());
        for kind in Kind::ALL {
            let key = Key { tenant: TenantId(Id(1)), kind: *kind, name: Name::Id(Id(2)) };
            if let Ok(row) = stored::decode(&key, line, &NoVault) {
                let spell = |row| spelled(|to| stored::encode(row, &NoVault, to));
                let again =
                    stored::decode(&key, &spell(&row), &NoVault).expect("what was written can be read");
                assert_eq!(row, again);
                assert_eq!(spell(&row), spell(&again));
            }
        }
        if let Ok(event) = stored::decode_event(line) {
            let again = stored::decode_event(&spelled(|to| stored::encode_event(&event, to)));
            assert_eq!(event, again.expect("an event can be read again"));
        }
        let (id, due_at) = (JobId(Id(3)), Time(4));
        if let Ok(job) = stored::decode_job(id, due_at, line) {
            let again = stored::decode_job(id, due_at, &spelled(|to| stored::encode_job(&job, to)));
            assert_eq!(job, again.expect("a job can be read again"));
        }
    }
});

fn spelled(spell: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    spell(&mut bytes);
    bytes
}
