//! The journal alone: what was appended is read back, torn ends are cut off, damage is refused, failures are told apart.

use ports::ErrorKind;
use testkit::TempFolder;

use super::*;

const ID: JournalId = [7; 16];
const SEGMENT_BYTES: u64 = 512;

fn settings() -> Settings {
    Settings { segment_bytes: SEGMENT_BYTES, ..Settings::default() }
}

fn begin(folder: &TempFolder, first: u64) -> Journal {
    Journal::begin(folder.path(), ID, first, &settings()).unwrap()
}

/// A payload that tells its number and fills a third of a segment.
fn payload(number: u64) -> Vec<u8> {
    vec![number as u8; 128]
}

fn append(journal: &mut Journal, number: u64) -> Result<(), Unkept> {
    journal.append(number, &Record::of(payload(number)))
}

fn numbers(folder: &TempFolder, applied: u64) -> Result<Vec<u64>, Error> {
    let mut found = Vec::new();
    read(folder.path(), ID, applied, |(number, bytes)| {
        assert_eq!(bytes, payload(number));
        found.push(number);
        Ok(())
    })?;
    Ok(found)
}

/// A journal with batches 1 to `last`.
fn filled(last: u64) -> (TempFolder, Journal) {
    let folder = TempFolder::new("journal");
    let mut journal = begin(&folder, 1);
    (1..=last).for_each(|number| append(&mut journal, number).unwrap());
    (folder, journal)
}

#[test]
fn batches_are_read_back_over_segments() {
    let (folder, _journal) = filled(7);
    assert_eq!(read::firsts(folder.path()).unwrap(), [1, 3, 5, 7]);
    assert_eq!(numbers(&folder, 0).unwrap(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(numbers(&folder, 4).unwrap(), [5, 6, 7]);
    assert!(numbers(&folder, 7).unwrap().is_empty());
}

#[test]
fn a_batch_larger_than_a_segment_is_kept() {
    let folder = TempFolder::new("journal");
    let mut journal = begin(&folder, 1);
    let large = vec![9; 3 * SEGMENT_BYTES as usize];
    journal.append(1, &Record::of(large.clone())).unwrap();
    append(&mut journal, 2).unwrap();
    let mut found = Vec::new();
    read(folder.path(), ID, 0, |(_, bytes)| {
        found.push(bytes.to_vec());
        Ok(())
    })
    .unwrap();
    assert_eq!(found, [large, payload(2)]);
}

#[test]
fn only_segments_behind_what_is_synced_are_cut() {
    let (folder, mut journal) = filled(7);
    let segments = journal.segments();
    for (synced, left) in [(1, vec![1, 3, 5, 7]), (2, vec![3, 5, 7]), (5, vec![5, 7]), (9, vec![7])] {
        assert_eq!(segments.can_be_cut(synced), left.len() < read::firsts(folder.path()).unwrap().len());
        segments.cut(synced).unwrap();
        assert_eq!(read::firsts(folder.path()).unwrap(), left);
    }
    // What is written over a cut segment is not mistaken for what it held.
    (8..=10).for_each(|number| append(&mut journal, number).unwrap());
    assert_eq!(numbers(&folder, 6).unwrap(), [7, 8, 9, 10]);
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let (folder, _journal) = filled(2);
    let path = segment(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    let (begin, end) = (64 + HEAD_BYTES + 128, 64 + 2 * (HEAD_BYTES + 128));
    for torn_at in begin..end {
        fs::write(&path, &whole[..torn_at]).unwrap();
        assert_eq!(numbers(&folder, 0).unwrap(), [1], "cut at {torn_at}");
        // The length is there before the bytes are.
        let zeros = vec![0; whole.len() - torn_at];
        fs::write(&path, [&whole[..torn_at], &zeros].concat()).unwrap();
        assert_eq!(numbers(&folder, 0).unwrap(), [1], "zeros from {torn_at}");
    }
    fs::write(&path, &whole[..end]).unwrap();
    assert_eq!(numbers(&folder, 0).unwrap(), [1, 2]);
}

#[test]
fn damage_before_the_end_is_refused() {
    for (damaged, byte) in [(1, 64), (1, 64 + 8), (1, 64 + HEAD_BYTES + 60), (3, 64), (5, 64 + 30)] {
        let (folder, _journal) = filled(6);
        let path = segment(folder.path(), damaged);
        let mut bytes = fs::read(&path).unwrap();
        bytes[byte] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = numbers(&folder, 0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "segment {damaged}, byte {byte}");
        assert!(error.to_string().contains("restore a backup"), "{error}");
    }
}

#[test]
fn a_missing_segment_is_refused() {
    for missing in [1, 3] {
        let (folder, _journal) = filled(6);
        fs::remove_file(segment(folder.path(), missing)).unwrap();
        assert_eq!(numbers(&folder, 0).unwrap_err().kind, ErrorKind::Corrupt);
        assert_eq!(numbers(&folder, 2).is_ok(), missing == 1);
    }
}

#[test]
fn the_journal_of_another_database_is_refused() {
    let (folder, _journal) = filled(1);
    let error = read(folder.path(), [8; 16], 0, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("another database"), "{error}");
}

#[test]
fn a_full_disk_refuses_a_batch_and_the_next_one_takes_its_place() {
    for part in [0, 1, HEAD_BYTES, HEAD_BYTES + 100] {
        let (folder, mut journal) = filled(1);
        journal.disk().fail(Fault::FullAfter(part));
        assert!(matches!(append(&mut journal, 2), Err(Unkept::Refused(_))));
        assert_eq!(numbers(&folder, 0).unwrap(), [1]);
        append(&mut journal, 2).unwrap();
        assert_eq!(numbers(&folder, 0).unwrap(), [1, 2]);
    }
}

#[test]
fn a_batch_that_can_neither_be_written_nor_undone_is_fatal() {
    let (_folder, mut journal) = filled(1);
    journal.disk().fail(Fault::FullAfter(40));
    journal.disk().fail(Fault::FullAfter(0));
    assert!(matches!(append(&mut journal, 2), Err(Unkept::Fatal(_))));
}

#[test]
fn a_failed_sync_is_fatal() {
    let (_folder, mut journal) = filled(1);
    journal.disk().fail(Fault::Sync);
    let Err(Unkept::Fatal(error)) = append(&mut journal, 2) else { panic!("it went on") };
    assert_eq!(error.kind, ErrorKind::Fatal);
}

#[test]
fn a_failed_sync_of_a_new_segment_is_fatal() {
    let (_folder, mut journal) = filled(2);
    Disk::fail_next(Fault::Sync);
    let Err(Unkept::Fatal(error)) = append(&mut journal, 3) else { panic!("it went on") };
    assert_eq!(error.kind, ErrorKind::Fatal);
}

#[test]
fn a_disk_too_full_for_a_new_segment_refuses_a_batch_and_the_next_one_takes_its_place() {
    let (folder, mut journal) = filled(2);
    Disk::fail_next(Fault::FullAfter(10));
    assert!(matches!(append(&mut journal, 3), Err(Unkept::Refused(_))));
    assert_eq!(numbers(&folder, 0).unwrap(), [1, 2]);
    append(&mut journal, 3).unwrap();
    assert_eq!(numbers(&folder, 0).unwrap(), [1, 2, 3]);
}

#[test]
fn what_a_segment_held_before_is_no_batch() {
    let (folder, mut journal) = filled(4);
    journal.segments().cut(2).unwrap();
    append(&mut journal, 5).unwrap();
    let bytes = fs::read(segment(folder.path(), 5)).unwrap();
    let behind = 64 + 2 * HEAD_BYTES + 128;
    assert!(bytes[behind..].starts_with(&payload(2)[..64]), "batch 2 should lie behind the end mark");
    assert_eq!(numbers(&folder, 2).unwrap(), [3, 4, 5]);
}
