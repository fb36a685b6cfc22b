//! Stored rows, events and jobs, a line each: what can be read is spelled in one way, and that reads as the same.
#![no_main]

use domain::record::Kind;
use libfuzzer_sys::fuzz_target;
use ports::stored;
use testkit::NoVault;

fuzz_target!(|lines: &[u8]| {
    for line in lines.split(|byte| *byte == b'\n') {
        for kind in Kind::ALL {
            if let Ok(row) = stored::decode(*kind, line, &NoVault) {
                let spelled = stored::encode(&row, &NoVault);
                let again = stored::decode(*kind, &spelled, &NoVault).expect("what was written can be read");
                assert_eq!(row, again);
                assert_eq!(spelled, stored::encode(&again, &NoVault));
            }
        }
        if let Ok(event) = stored::decode_event(line) {
            let again =
                stored::decode_event(&stored::encode_event(&event)).expect("an event can be read again");
            assert_eq!(event, again);
        }
        if let Ok(job) = stored::decode_job(line) {
            let again = stored::decode_job(&stored::encode_job(&job)).expect("a job can be read again");
            assert_eq!(job, again);
        }
    }
});
