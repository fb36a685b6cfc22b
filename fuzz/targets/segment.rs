//! A segment of the journal with one batch damaged.
//!
//! What is read is what was written, in order and without a gap. Damage to the newest batch cuts off that one alone;
//! damage to any other is refused, because its batch was acknowledged.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use store_sqlite::fuzzing::{batches, spell_segment};

const FIRST: u64 = 7;
const HEAD_BYTES: usize = 24;
const SEGMENT_HEAD_BYTES: usize = 64;

fuzz_target!(|input: (Vec<Vec<u8>>, u8, u16, Vec<u8>)| {
    let (written, victim, at, damage) = input;
    let mut segment = spell_segment(FIRST, &written);
    let victim = usize::from(victim).checked_rem(written.len());
    if let Some(victim) = victim {
        let begin: usize = written[..victim].iter().map(|batch| HEAD_BYTES + batch.len()).sum();
        let begin = SEGMENT_HEAD_BYTES + begin;
        let batch = &mut segment[begin..begin + HEAD_BYTES + written[victim].len()];
        let at = usize::from(at) % batch.len();
        batch[at..].iter_mut().zip(&damage).for_each(|(byte, new)| *byte = *new);
    }
    let damaged = segment != spell_segment(FIRST, &written);
    let mut read = Vec::new();
    let outcome = batches(Bytes::from(segment), FIRST, |found| {
        read.push(found);
        Ok(())
    });
    for ((number, batch), (expected, bytes)) in read.iter().zip((FIRST..).zip(&written)) {
        assert_eq!((*number, batch), (expected, &Bytes::copy_from_slice(bytes)));
    }
    match victim.filter(|_| damaged) {
        None => assert_eq!((outcome.ok(), read.len()), (Some(FIRST + written.len() as u64), written.len())),
        Some(victim) if victim + 1 == written.len() => {
            assert_eq!((outcome.ok(), read.len()), (Some(FIRST + victim as u64), victim));
        }
        Some(victim) => assert!(outcome.is_err(), "batch {victim} of {} is lost silently", written.len()),
    }
});
