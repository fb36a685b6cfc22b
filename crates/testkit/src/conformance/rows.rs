//! Conformance of rows: versions, names, walls, sizes.
//! Each case takes a fresh store.

use std::sync::Arc;

use domain::content::Content;
use domain::id::Id;
use domain::record::{Counter, Key, Kind, Name, Pointer, Record};
use domain::subscription::Subscription;
use domain::tenant::File;
use ports::store::Write;

use super::{Whole, batch, counter, keep, tenant, write};
use crate::samples;

pub async fn absent_rows_have_version_0(store: &impl Whole) {
    let here = Key::counter(tenant(1), "here");
    keep(store, batch(1, vec![write(&here, 0, 5)])).await;
    let gone = Key::counter(tenant(1), "gone");
    let rows = store.load(vec![gone.clone(), here.clone(), gone.clone()]).await.expect("the store answers");
    let seen: Vec<_> = rows.iter().map(|row| (&row.key, row.version, row.record.is_some())).collect();
    assert_eq!(seen, [(&gone, 0, false), (&here, 1, true), (&gone, 0, false)]);
    assert!(store.load(Vec::new()).await.expect("the store answers").is_empty());
}

pub async fn versions_count_writes(store: &impl Whole) {
    let key = Key::counter(tenant(1), "number");
    keep(store, batch(1, vec![write(&key, 0, 10)])).await;
    keep(store, batch(2, vec![write(&key, 1, 20)])).await;
    assert_eq!(counter(store, &key).await, (2, Some(20)));
}

pub async fn deletes_leave_nothing(store: &impl Whole) {
    let key = Key::counter(tenant(1), "number");
    let delete = |version| Write { key: key.clone(), version, record: None };
    keep(store, batch(1, vec![write(&key, 0, 10)])).await;
    keep(store, batch(2, vec![delete(1)])).await;
    assert_eq!(counter(store, &key).await, (0, None));
    // Nothing is there to delete, which is what the writer saw.
    keep(store, batch(3, vec![delete(0)])).await;
    keep(store, batch(4, vec![write(&key, 0, 30)])).await;
    assert_eq!(counter(store, &key).await, (1, Some(30)));
}

pub async fn a_row_that_was_kept_is_never_called_absent(store: &impl Whole) {
    let by_text = |number: u64| Key::counter(tenant(1), &format!("number {number}"));
    let by_id = |number: u64| Key::id::<Subscription>(tenant(1), Id(u128::from(number)));
    for number in 0..100 {
        let id = Id(u128::from(number));
        let subscription = Record::Subscription(Arc::new(samples::subscription(id, tenant(1), "hush")));
        let named_by_id = Write { key: by_id(number), version: 0, record: Some(subscription) };
        let writes = vec![write(&by_text(number), 0, number), named_by_id];
        keep(store, batch(u128::from(number) + 1, writes)).await;
        assert!(
            !store.is_absent(&by_text(number)) && !store.is_absent(&by_id(number)),
            "as soon as they are kept"
        );
    }
    let told: Vec<u64> = (0..100)
        .filter(|number| store.is_absent(&by_text(*number)) || store.is_absent(&by_id(*number)))
        .collect();
    assert!(told.is_empty(), "rows that are there are called absent: {told:?}");
}

pub async fn tenants_do_not_share_names(store: &impl Whole) {
    let mine = Key::counter(tenant(1), "number");
    let yours = Key::counter(tenant(2), "number");
    keep(store, batch(1, vec![write(&mine, 0, 1)])).await;
    assert_eq!(counter(store, &yours).await, (0, None));
    keep(store, batch(2, vec![write(&yours, 0, 2)])).await;
    assert_eq!(counter(store, &mine).await, (1, Some(1)));
    let scanned = store.scan(Some(tenant(2)), Kind::Counter).await.expect("the store answers");
    assert_eq!(scanned.iter().map(|row| &row.key).collect::<Vec<_>>(), [&yours]);
}

pub async fn text_and_id_names_never_collide(store: &impl Whole) {
    // The text has the very bytes of the id.
    let bytes = *b"sixteen letters!";
    let id = Key::id::<Counter>(tenant(1), Id(u128::from_be_bytes(bytes)));
    let text = Key::text::<Counter>(tenant(1), "sixteen letters!");
    let empty = Key::text::<Counter>(tenant(1), "");
    keep(store, batch(1, vec![write(&id, 0, 1), write(&text, 0, 2), write(&empty, 0, 3)])).await;
    assert_eq!(counter(store, &id).await, (1, Some(1)));
    assert_eq!(counter(store, &text).await, (1, Some(2)));
    let names: Vec<Name> = store
        .scan(None, Kind::Counter)
        .await
        .expect("the store answers")
        .into_iter()
        .map(|row| row.key.name)
        .collect();
    assert_eq!(names.len(), 3);
    assert!([id, text, empty].iter().all(|key| names.contains(&key.name)));
}

pub async fn kinds_do_not_share_names(store: &impl Whole) {
    let number = Key::text::<Counter>(tenant(1), "name");
    let pointer = Key::text::<Pointer>(tenant(1), "name");
    let target = Record::Pointer(Arc::new(Pointer { target: Id(9), attempt: 0 }));
    let point = Write { key: pointer.clone(), version: 0, record: Some(target.clone()) };
    keep(store, batch(1, vec![write(&number, 0, 1), point])).await;
    let rows = store.load(vec![pointer]).await.expect("the store answers");
    assert_eq!(rows[0].record, Some(target));
}

pub async fn large_bodies_come_back_whole(store: &impl Whole) {
    const BODY_BYTES: usize = 3 * 1024 * 1024;
    let key = Key::id::<Content>(tenant(1), Id(1));
    let record = Record::Content(Arc::new(Content::text("ü\"\u{0}".repeat(BODY_BYTES / 4))));
    let large = Write { key: key.clone(), version: 0, record: Some(record.clone()) };
    keep(store, batch(1, vec![large])).await;
    assert!(store.load(vec![key]).await.expect("the store answers")[0].record == Some(record));
}

pub async fn secrets_come_back_open(store: &impl Whole) {
    let key = Key::id::<Subscription>(tenant(1), Id(1));
    let subscription = samples::subscription(Id(1), tenant(1), "hush");
    let record = Some(Record::Subscription(Arc::new(subscription)));
    keep(store, batch(1, vec![Write { key: key.clone(), version: 0, record: record.clone() }])).await;
    assert!(store.load(vec![key]).await.expect("the store answers")[0].record == record);
}

pub async fn scans_list_a_kind(store: &impl Whole) {
    let file = |number: u128, owner: u128| {
        let file = samples::file(Id(number), tenant(owner), "a.txt");
        let key = Key::id::<File>(tenant(owner), Id(number));
        Write { key, version: 0, record: Some(Record::File(Arc::new(file))) }
    };
    let other = write(&Key::counter(tenant(1), "number"), 0, 1);
    let files = vec![file(3, 1), file(1, 1), file(2, 2)];
    let wanted: Vec<Key> = [1, 0, 2].map(|place: usize| files[place].key.clone()).into();
    keep(store, batch(1, files.into_iter().chain([other]).collect())).await;
    let rows = store.scan(None, Kind::File).await.expect("the store answers");
    assert_eq!(rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), wanted);
    assert!(rows.iter().all(|row| row.version == 1 && row.record.is_some()));
    assert_eq!(store.scan(Some(tenant(1)), Kind::File).await.expect("the store answers").len(), 2);
    assert!(store.scan(Some(tenant(3)), Kind::File).await.expect("the store answers").is_empty());
}

async fn names(store: &impl Whole, after: Option<Key>, limit: usize) -> Vec<Key> {
    let rows = store.rows_after(Kind::Counter, after, limit).await.expect("the store answers");
    assert!(rows.iter().all(|row| row.version > 0 && row.record.is_some()));
    rows.into_iter().map(|row| row.key).collect()
}

pub async fn a_kind_is_walked_a_page_at_a_time(store: &impl Whole) {
    let mut keys: Vec<Key> = ["b", "a", "c"].iter().map(|name| Key::counter(tenant(2), name)).collect();
    keys.push(Key::counter(tenant(1), "z"));
    keys.push(Key::id::<Counter>(tenant(2), Id(u128::MAX)));
    keep(store, batch(1, keys.iter().map(|key| write(key, 0, 1)).collect())).await;
    let pointer = Record::Pointer(Arc::new(Pointer { target: Id(9), attempt: 0 }));
    let other = Write { key: Key::text::<Pointer>(tenant(2), "a"), version: 0, record: Some(pointer) };
    keep(store, batch(2, vec![other])).await;
    keys.sort();
    assert_eq!(names(store, None, 9).await, keys);
    assert_eq!(names(store, None, 2).await, keys[..2]);
    assert_eq!(names(store, Some(keys[1].clone()), 2).await, keys[2..4]);
    assert_eq!(names(store, Some(keys[3].clone()), 2).await, keys[4..]);
    assert!(names(store, Some(keys[4].clone()), 2).await.is_empty());
    assert!(names(store, None, 0).await.is_empty());
}

pub async fn a_walk_sees_the_newest_of_each_row(store: &impl Whole) {
    let keys: Vec<Key> = ["a", "b", "c", "d"].iter().map(|name| Key::counter(tenant(1), name)).collect();
    keep(store, batch(1, keys[..3].iter().map(|key| write(key, 0, 1)).collect())).await;
    let delete = Write { key: keys[0].clone(), version: 1, record: None };
    keep(store, batch(2, vec![delete, write(&keys[1], 1, 2), write(&keys[3], 0, 4)])).await;
    // Full pages, although a row before them is gone.
    assert_eq!(names(store, None, 2).await, keys[1..3]);
    // The key to go on after need not be there any more.
    assert_eq!(names(store, Some(keys[0].clone()), 9).await, keys[1..]);
    let rows = store.rows_after(Kind::Counter, None, 1).await.expect("the store answers");
    assert_eq!((rows[0].version, &rows[0].record), (2, &Some(Record::Counter(Counter(2).into()))));
}
