//! Files that persons send: kept with the message, fetched by jobs, settled once.

use proptest::prelude::*;

use super::*;
use crate::command::fetch::{Ended, Finish, Found, TRIES_MAX};
use crate::content::Media;
use crate::job::Job;
use crate::tenant::{Awaited, File, Presence};

fn picture(source_id: &str) -> Receive {
    let media = Media {
        url: "provider:77".to_owned(),
        mime: "image/jpeg".to_owned(),
        caption: "look".to_owned(),
        ..Media::default()
    };
    Receive { content: Content::from_body(Body::Media(media)), ..inbound("1", "", source_id) }
}

fn found() -> Found {
    let (width, height) = (Some(3), Some(2));
    Found { mime: "image/png".to_owned(), size: 5, width, height, sha256: [7; 32], thumbnail: true }
}

fn reason() -> Reason {
    Reason::new(ReasonKind::ChannelFailure, "busy")
}

fn failed(retry_after_ms: Option<i64>) -> Ended {
    Ended::Failed { reason: reason(), retry_after_ms }
}

fn fetch_jobs(world: &World) -> Vec<Job> {
    world.jobs.values().filter(|job| matches!(job.work, Work::Fetch { .. })).cloned().collect()
}

/// Runs the one fetch job that stands; it ends so.
fn fetch(world: &mut World, ended: Ended) -> Option<Presence> {
    let [job] = &fetch_jobs(world)[..] else { panic!("one job stands") };
    finish(world, job, ended)
}

fn finish(world: &mut World, job: &Job, ended: Ended) -> Option<Presence> {
    let Work::Fetch { message, file } = job.work else { panic!("another job") };
    let finish = Finish { tenant: TENANT, message, file, job: job.id, ended };
    world.run(&finish).unwrap().map(|file| file.presence)
}

fn told(world: &World) -> Vec<Fact> {
    let about_files = |fact: &Fact| matches!(fact, Fact::FileFetched { .. } | Fact::FileLost { .. });
    world.facts().into_iter().filter(about_files).collect()
}

#[test]
fn a_file_is_kept_with_its_message_and_a_job_and_its_reference_leaves_the_content() {
    let mut world = World::new();
    let received = world.run(&picture("s1")).unwrap();
    world.run(&picture("s1")).unwrap();
    let file = world.only::<File>();
    let awaited = Awaited { reference: "provider:77".to_owned(), tries: 0 };
    assert_eq!(file.presence, Presence::Awaited(awaited));
    assert_eq!((file.number, file.name.as_str(), file.mime.as_str()), (1, "attachment.jpeg", "image/jpeg"));
    let Body::Media(media) = world.only::<Content>().body.clone() else { panic!("no file") };
    assert_eq!((media.file, media.url.as_str(), media.caption.as_str()), (Some(file.id), "", "look"));
    let [job] = &fetch_jobs(&world)[..] else { panic!("one job stands") };
    assert_eq!(job.work, Work::Fetch { message: received.message, file: file.id });
    assert_eq!((job.due_at, &job.lane), (world.now, &Lane::None));
    assert_eq!(world.facts().last(), Some(&Fact::MessageReceived));
}

#[test]
fn in_dispatch_mode_it_is_kept_alike() {
    let mut world = World::with(App { mode: ProcessingMode::Dispatch, ..app() });
    world.run(&picture("s1")).unwrap();
    assert_eq!((world.all::<File>().len(), fetch_jobs(&world).len()), (1, 1));
}

#[test]
fn texts_and_what_does_not_come_from_a_provider_await_nothing() {
    let mut world = World::new();
    world.run(&inbound("1", "hello", "s1")).unwrap();
    world.run(&Receive { face: Face::Sinch, ..picture("s2") }).unwrap();
    assert!(world.all::<File>().is_empty() && fetch_jobs(&world).is_empty());
}

#[test]
fn a_fetched_file_is_described_by_its_bytes_and_told() {
    let mut world = World::new();
    world.run(&picture("s1")).unwrap();
    assert_eq!(fetch(&mut world, Ended::Stored(found())), Some(Presence::Stored));
    let file = world.only::<File>();
    assert_eq!((file.mime.as_str(), file.size, file.thumbnail), ("image/png", 5, true));
    assert_eq!((file.width, file.height, file.sha256), (Some(3), Some(2), [7; 32]));
    assert_eq!(told(&world), [Fact::FileFetched { file: file.id }]);
    assert!(fetch_jobs(&world).is_empty());
}

#[test]
fn a_failed_try_comes_again_at_growing_distance_and_the_last_one_is_the_end() {
    let mut world = World::new();
    world.run(&picture("s1")).unwrap();
    let mut delays_s = Vec::new();
    for tries in 1..TRIES_MAX {
        let after = fetch(&mut world, failed(None));
        let Some(Presence::Awaited(awaited)) = after else { panic!("given up: {after:?}") };
        assert_eq!(awaited.tries, tries);
        let due_at = fetch_jobs(&world)[0].due_at;
        delays_s.push(due_at.since_ms(world.now) / 1_000);
        world.now = due_at;
    }
    assert!(delays_s.is_sorted() && delays_s[0] == 2, "{delays_s:?}");
    let hours = delays_s.iter().sum::<i64>() / 3_600;
    assert_eq!(hours, 11, "less than twelve hours: {delays_s:?}");
    assert!(told(&world).is_empty());
    assert_eq!(fetch(&mut world, failed(None)), Some(Presence::Lost(reason())));
    assert_eq!(told(&world), [Fact::FileLost { file: world.only::<File>().id, reason: reason() }]);
    assert!(fetch_jobs(&world).is_empty());
}

#[test]
fn a_provider_that_says_when_is_left_alone_so_long_within_reason() {
    for (said_ms, expected_ms) in [(7_000, 7_000), (1, 2_000), (i64::MAX, 14_400_000), (-5, 2_000)] {
        let mut world = World::new();
        world.run(&picture("s1")).unwrap();
        fetch(&mut world, failed(Some(said_ms)));
        assert_eq!(fetch_jobs(&world)[0].due_at.since_ms(world.now), expected_ms, "{said_ms}");
    }
}

#[test]
fn a_refused_file_is_lost_at_once() {
    let mut world = World::new();
    world.run(&picture("s1")).unwrap();
    assert_eq!(fetch(&mut world, Ended::Refused(reason())), Some(Presence::Lost(reason())));
    assert!(fetch_jobs(&world).is_empty());
}

#[test]
fn erasing_a_message_forgets_its_file() {
    let mut world = World::with(App { mode: ProcessingMode::Dispatch, ..app() });
    world.run(&picture("s1")).unwrap();
    let job = fetch_jobs(&world)[0].clone();
    world.now = world.now.plus_s(3 * 86_400);
    world.erase_all();
    assert!(world.all::<Content>().is_empty() && world.all::<File>().is_empty());
    assert_eq!(finish(&mut world, &job, Ended::Stored(found())), None);
    assert!(told(&world).is_empty() && fetch_jobs(&world).is_empty());
}

#[test]
fn names_that_say_a_type_are_made_of_plain_types_alone() {
    for (mime, given, expected) in [
        ("audio/ogg; codecs=opus", "", "attachment.ogg"),
        ("application/vnd.ms-excel", "", "attachment"),
        ("", "", "attachment"),
        ("application/pdf", "../bill.pdf", "bill.pdf"),
    ] {
        let mut world = World::new();
        let (mime, name, url) = (mime.to_owned(), given.to_owned(), "provider:1".to_owned());
        let content = Content::from_body(Body::Media(Media { url, mime, name, ..Media::default() }));
        world.run(&Receive { content, ..inbound("1", "", "s1") }).unwrap();
        assert_eq!(world.only::<File>().name, expected);
    }
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_order_a_file_is_settled_once(
        acts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 1..40)
    ) {
        let mut world = World::new();
        world.run(&picture("s1")).unwrap();
        let mut jobs = fetch_jobs(&world);
        let mut settled = None;
        for (index, ended) in acts {
            let ended = match ended {
                0 => Ended::Stored(found()),
                1 => Ended::Refused(reason()),
                _ => failed(None),
            };
            // A job may come up that ended before: its process did not learn of the commit.
            finish(&mut world, &index.get(&jobs).clone(), ended);
            jobs.extend(fetch_jobs(&world));
            let now = world.only::<File>().presence.clone();
            match &settled {
                Some(before) => prop_assert_eq!(before, &now),
                None if !matches!(now, Presence::Awaited(_)) => settled = Some(now),
                None => prop_assert!(!fetch_jobs(&world).is_empty()),
            }
        }
        prop_assert_eq!(told(&world).len(), usize::from(settled.is_some()));
        for job in fetch_jobs(&world) {
            finish(&mut world, &job, Ended::Refused(reason()));
        }
        prop_assert!(fetch_jobs(&world).is_empty());
        prop_assert_eq!(told(&world).len(), 1);
    }
}
