//! Files that persons send: told at once, fetched after it, once, whatever goes wrong in between.

use bytes::Bytes;
use connector_api::OutError;
use domain::app::{App, ProcessingMode};
use domain::command::admin::PutApp;
use domain::delivery::ReasonKind;
use domain::event::Fact;
use domain::id::FileId;
use domain::job::Work;
use domain::record::{Kind, Record};
use domain::tenant::{File, Presence};
use engine::{Engine, Limits, Rendering, domain};
use ports::Reads as _;
use testkit::memory::Trick;

use crate::house::{APP, House, TENANT, callback, life, quiet, until};

/// What the log says of files, in order.
fn told(house: &House) -> Vec<Fact> {
    let facts = house.store.all_events().into_iter().map(|event| event.fact);
    facts.filter(|fact| matches!(fact, Fact::FileFetched { .. } | Fact::FileLost { .. })).collect()
}

async fn files(house: &House) -> Vec<File> {
    let rows = house.store.scan(None, Kind::File).await.unwrap();
    let file = |record| if let Some(Record::File(file)) = record { Some(File::clone(&file)) } else { None };
    rows.into_iter().filter_map(|row| file(row.record)).collect()
}

async fn only_file(house: &House) -> File {
    let files = files(house).await;
    assert_eq!(files.len(), 1);
    files[0].clone()
}

async fn until_settled(house: &House) -> File {
    until(async || !matches!(only_file(house).await.presence, Presence::Awaited(_))).await;
    only_file(house).await
}

async fn bytes(engine: &Engine, file: FileId) -> Option<Bytes> {
    engine.file_bytes(TENANT, file, Rendering::Original).await.unwrap()
}

fn tries(file: &File) -> u32 {
    if let Presence::Awaited(awaited) = &file.presence { awaited.tries } else { panic!("{file:?}") }
}

fn fetches(house: &House) -> usize {
    house.store.all_jobs().iter().filter(|job| matches!(job.work, Work::Fetch { .. })).count()
}

#[tokio::test]
async fn the_message_is_told_at_once_and_whoever_waits_for_its_file_gets_it() {
    let house = House::new();
    let engine = house.open().await;
    callback(&engine, "alpha", "file 7").await;
    assert_eq!(house.store.all_events().last().unwrap().fact, Fact::MessageReceived);
    let id = only_file(&house).await.id;
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.file(TENANT, id, 8_000).await.unwrap().unwrap() }
    });
    until(async || house.provider.asked() == ["provider:7"]).await;
    assert!(!waiting.is_finished() && bytes(&engine, id).await.is_none());
    house.provider.answers(200, &[], "a picture");
    let file = waiting.await.unwrap();
    assert_eq!((&file.presence, file.size, file.mime.as_str()), (&Presence::Stored, 9, "image/jpeg"));
    assert_eq!(bytes(&engine, id).await.unwrap(), "a picture");
    assert_eq!(told(&house), [Fact::FileFetched { file: id }]);
    assert_eq!(fetches(&house), 0);
}

#[tokio::test]
async fn whoever_waits_for_a_file_waits_so_long_and_no_longer() {
    let house = House::new();
    let engine = house.open().await;
    callback(&engine, "alpha", "file 7").await;
    let id = only_file(&house).await.id;
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.file(TENANT, id, 8_000).await.unwrap().unwrap() }
    });
    quiet().await;
    house.clock.advance_ms(7_999);
    quiet().await;
    assert!(!waiting.is_finished());
    house.clock.advance_ms(1);
    assert!(matches!(waiting.await.unwrap().presence, Presence::Awaited(_)));
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_when_it_said() {
    let house = House::new();
    let engine = house.open().await;
    house.provider.answers(503, &[("retry-after", "7")], "");
    callback(&engine, "alpha", "file 7").await;
    until(async || tries(&only_file(&house).await) == 1).await;
    quiet().await;
    house.clock.advance_ms(6_999);
    quiet().await;
    assert_eq!(house.provider.asked().len(), 1);
    house.provider.will(Err(OutError::NoAnswer("the answer broke off".to_owned())));
    house.clock.advance_ms(1);
    until(async || tries(&only_file(&house).await) == 2).await;
    quiet().await;
    house.provider.answers(200, &[], "late");
    house.clock.advance_ms(5_000);
    let file = until_settled(&house).await;
    assert_eq!(bytes(&engine, file.id).await.unwrap(), "late");
    assert_eq!((told(&house).len(), house.provider.asked().len()), (1, 3));
}

#[tokio::test]
async fn a_file_that_is_gone_or_too_long_is_lost_at_once_and_the_log_says_why() {
    for (status, code) in [(404, "404"), (410, "410"), (0, "")] {
        let house = House::new();
        let engine = house.open().await;
        match status {
            0 => house.provider.will(Err(OutError::TooLong)),
            status => house.provider.answers(status, &[], "gone"),
        }
        callback(&engine, "alpha", "file 7").await;
        let file = until_settled(&house).await;
        let Presence::Lost(reason) = &file.presence else { panic!("{file:?}") };
        assert_eq!((reason.kind, reason.channel_code.as_str()), (ReasonKind::MediaUnavailable, code));
        assert_eq!(told(&house), [Fact::FileLost { file: file.id, reason: reason.clone() }]);
        assert_eq!((fetches(&house), bytes(&engine, file.id).await), (0, None));
    }
}

#[tokio::test]
async fn what_a_connector_refuses_for_good_is_lost_and_what_can_be_mended_comes_again() {
    for (id, lost) in [("unknown", true), ("locked", false), ("poison", false)] {
        let house = House::new();
        let engine = house.open().await;
        callback(&engine, "alpha", &format!("file {id}")).await;
        if lost {
            assert!(matches!(until_settled(&house).await.presence, Presence::Lost(_)), "{id}");
        } else {
            until(async || tries(&only_file(&house).await) == 1).await;
        }
        assert!(house.provider.asked().is_empty());
    }
}

#[tokio::test]
async fn a_file_whose_channel_was_taken_away_waits_for_it_to_come_back() {
    let house = House::new();
    let engine = house.open().await;
    let app = App::clone(&engine.directory().app(TENANT, APP).unwrap().clone());
    house.provider.answers(503, &[], "");
    callback(&engine, "alpha", "file 7").await;
    until(async || tries(&only_file(&house).await) == 1).await;
    engine.execute(PutApp(App { channels: Vec::new(), ..app.clone() })).await.unwrap();
    quiet().await;
    house.clock.advance_ms(2_000);
    until(async || tries(&only_file(&house).await) == 2).await;
    engine.execute(PutApp(app)).await.unwrap();
    house.provider.answers(200, &[], "here");
    quiet().await;
    house.clock.advance_ms(5_000);
    assert_eq!(until_settled(&house).await.presence, Presence::Stored);
}

#[test]
fn a_file_awaited_at_a_crash_is_fetched_after_it() {
    let house = House::new();
    life(async {
        let engine = house.open().await;
        callback(&engine, "alpha", "file 7").await;
    });
    life(async {
        let engine = house.start().await;
        house.provider.answers(200, &[], "a picture");
        let file = until_settled(&house).await;
        assert_eq!(bytes(&engine, file.id).await.unwrap(), "a picture");
        // The provider did not hear that we have its callback.
        callback(&engine, "alpha", "file 7").await;
        quiet().await;
        assert_eq!((told(&house).len(), files(&house).await.len(), fetches(&house)), (1, 1, 0));
    });
}

#[tokio::test]
async fn a_fetch_whose_record_was_not_kept_is_done_again_under_the_same_id() {
    for trick in [Trick::LoseAnswerDropped, Trick::LoseAnswerKept] {
        let house = House::new();
        let engine = house.open().await;
        callback(&engine, "alpha", "file 7").await;
        until(async || house.provider.asked().len() == 1).await;
        quiet().await;
        house.store.play(trick);
        house.provider.answers(200, &[], "a picture");
        house.provider.answers(200, &[], "a picture");
        for _ in 0..3 {
            quiet().await;
            house.clock.advance_ms(1_000);
        }
        let file = until_settled(&house).await;
        assert_eq!(bytes(&engine, file.id).await.unwrap(), "a picture");
        assert_eq!((told(&house).len(), fetches(&house)), (1, 0), "{trick:?}");
    }
}

#[test]
fn a_stop_does_not_wait_for_a_download_which_the_next_start_begins_anew() {
    let house = House::new();
    life(async {
        let engine = house.open().await;
        callback(&engine, "alpha", "file 7").await;
        until(async || house.provider.asked().len() == 1).await;
        let stopping = tokio::spawn(async move { engine.shutdown().await });
        until(async || stopping.is_finished()).await;
        assert_eq!((fetches(&house), tries(&only_file(&house).await)), (1, 0));
    });
    life(async {
        let _engine = house.start().await;
        house.provider.answers(200, &[], "a picture");
        assert_eq!(until_settled(&house).await.presence, Presence::Stored);
    });
}

#[tokio::test]
async fn files_are_fetched_while_delivery_is_paused() {
    let house = House::new();
    let engine = house.open().await;
    engine.pause_delivery(true).await.unwrap();
    house.provider.answers(200, &[], "a picture");
    callback(&engine, "alpha", "file 7").await;
    assert_eq!(until_settled(&house).await.presence, Presence::Stored);
}

#[tokio::test]
async fn only_so_many_files_are_fetched_at_once_and_messages_go_on_meanwhile() {
    let mut house = House::new();
    house.limits = Limits { open_fetches_max: 1, ..Limits::default() };
    let engine = house.open().await;
    for id in 1..=4 {
        callback(&engine, "alpha", &format!("file {id}")).await;
    }
    quiet().await;
    assert_eq!(house.provider.asked().len(), 1);
    let message = crate::house::send(&engine, crate::house::text("2", "hello", &["ALPHA"])).await;
    crate::house::until_status(&engine, message, domain::delivery::Status::HandedOver).await;
    for fetched in 1..=4 {
        house.provider.answers(200, &[], "a picture");
        until(async || told(&house).len() == fetched).await;
        quiet().await;
        house.clock.advance_ms(1_000);
        quiet().await;
    }
    assert_eq!(house.provider.asked().len(), 4);
}

#[tokio::test]
async fn erased_content_takes_the_bytes_of_its_file_with_it() {
    let house = House::new();
    let engine = house.open().await;
    let app = App::clone(&engine.directory().app(TENANT, APP).unwrap().clone());
    engine.execute(PutApp(App { mode: ProcessingMode::Dispatch, ..app })).await.unwrap();
    house.provider.answers(200, &[], "a picture");
    callback(&engine, "alpha", "file 7").await;
    let file = until_settled(&house).await;
    assert!(bytes(&engine, file.id).await.is_some());
    quiet().await;
    house.clock.advance_ms(3 * 86_400_000);
    until(async || files(&house).await.is_empty()).await;
    assert_eq!(bytes(&engine, file.id).await, None);
}
