//! Stored rows, events and jobs, a line each: what can be read is spelled in one way, and that reads as the same.
#![no_main]

use domain::id::{Id, JobId, TenantId};
use domain::record::{Key, Kind, Name};
use domain::time::Time;
use libfuzzer_sys::fuzz_target;
use ports::stored;
use testkit::NoVault;

fuzz_target!(|lines: &[u8]| {
    for line in lines.split(|byte| *byte == b'\n') {
        for kind in Kind::ALL {
            let key = Key { tenant: TenantId(Id(1)), kind: *kind, name: Name::Id(Id(2)) };
            if let Ok(row) = stored::decode(&key, line, &NoVault) {
                let spelled = stored::encode(&row, &NoVault);
                let again = stored::decode(&key, &spelled, &NoVault).expect("what was written can be read");
                assert_eq!(row, again);
                assert_eq!(spelled, stored::encode(&again, &NoVault));
            }
        }
        if let Ok(event) = stored::decode_event(line) {
            let again =
                stored::decode_event(&stored::encode_event(&event)).expect("an event can be read again");
            assert_eq!(event, again);
        }
        let (id, due_at) = (JobId(Id(3)), Time(4));
        if let Ok(job) = stored::decode_job(id, due_at, line) {
            let again =
                stored::decode_job(id, due_at, &stored::encode_job(&job)).expect("a job can be read again");
            assert_eq!(job, again);
        }
    }
});
