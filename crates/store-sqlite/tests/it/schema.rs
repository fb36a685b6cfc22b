//! Files of other versions: older ones are brought up to date with everything in them, newer ones are left alone.

use super::*;

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let InFolder { store, folder } = fresh().await;
    drop(store);
    let raw = rusqlite::Connection::open(folder.path().join("trunkline.db")).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    let error = open(&folder).err().unwrap();
    assert_eq!(error.kind, ErrorKind::TooNew);
    assert!(error.to_string().contains("newer version"), "{error}");
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_as_corrupt() {
    let folder = TempFolder::new("sqlite");
    std::fs::write(folder.path().join("trunkline.db"), "no database at all, just words. ".repeat(200))
        .unwrap();
    assert_eq!(open(&folder).err().unwrap().kind, ErrorKind::Corrupt);
}

/// A file as the first version of the program left it: its schema, and one of everything.
fn file_of_schema_1(folder: &TempFolder) {
    let raw = rusqlite::Connection::open(database(folder)).unwrap();
    raw.execute_batch(include_str!("../../schema/1.sql")).unwrap();
    raw.pragma_update(None, "user_version", 1).unwrap();
    let event = ports::stored::encode_event(&samples::event(1, TenantId(Id(1)), Id(3)));
    let job = ports::stored::encode_job(&samples::job(1, TenantId(Id(1)), Time(10)));
    let counter = ports::stored::encode(&Record::Counter(Counter(5).into()), &NoVault);
    let sql = "INSERT INTO event VALUES (1, ?1, ?2, 1000, ?3)";
    raw.execute(sql, rusqlite::params![id(1), id(3), event]).unwrap();
    raw.execute("INSERT INTO job VALUES (?1, 10, ?2)", rusqlite::params![id(1), job]).unwrap();
    let sql = "INSERT INTO row_counter VALUES (?1, CAST(x'01' || 'number' AS BLOB), 4, ?2)";
    raw.execute(sql, rusqlite::params![id(1), counter]).unwrap();
    raw.execute("INSERT INTO listing VALUES (?1, 4, ?1, 7, ?2)", [id(1), id(2)]).unwrap();
    raw.execute("INSERT INTO batch (number, id) VALUES (41, ?1)", [id(9)]).unwrap();
    raw.execute("UPDATE head SET position = 1, at = 77", []).unwrap();
}

fn id(number: u128) -> [u8; 16] {
    number.to_be_bytes()
}

#[tokio::test]
async fn a_file_of_schema_1_is_brought_up_to_date_with_everything_in_it() {
    let folder = TempFolder::new("sqlite");
    file_of_schema_1(&folder);
    let tenant = TenantId(Id(1));
    let key = Key::counter(tenant, "number");
    let write = Write { key: key.clone(), version: 4, record: Some(Record::Counter(Counter(6).into())) };
    for round in 0..2 {
        let store = open(&folder).unwrap();
        let row = &store.load(vec![key.clone()]).await.unwrap()[0];
        assert_eq!(
            (row.version, &row.record),
            (4 + round, &Some(Record::Counter(Counter(5 + round).into())))
        );
        assert_eq!(store.head().await.unwrap(), (1, Time(77)));
        assert_eq!(store.events(None, 0, 9).await.unwrap(), [samples::event(1, tenant, Id(3))]);
        assert_eq!(store.jobs(Time(10), None, 9).await.unwrap(), [samples::job(1, tenant, Time(10))]);
        assert_eq!(store.look_up(Id(9)).await.unwrap(), Committed::Yes);
        if round == 0 {
            let batch = Batch { id: Id(10), writes: vec![write.clone()], ..Batch::default() };
            assert_eq!(store.commit(batch).await.unwrap(), Commit::Committed);
        }
    }
}
