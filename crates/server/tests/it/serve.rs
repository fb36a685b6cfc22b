//! How a server stops and who may use its folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sandbox::{Sandbox, Settings};
use testkit::TempFolder;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::program::trunkline;
use crate::served::{Served, administer, rest, run, wait};
use crate::shop::{Shop, ledger};

/// Sends at once when the server is told to stop.
const SENDS: usize = 200;
/// Answered before it is told.
const ANSWERED: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_polite_stop_loses_nothing_and_finishes_what_is_in_flight() {
    let folder = TempFolder::new("polite-stop");
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let url = providers.url();
    let served = Served::start(folder.path(), &[("TRUNKLINE_SINCH__SENDS_PER_SECOND_PER_APP", "0")]).await;
    let shop = Arc::new(Shop::open(folder.path(), &url));
    shop.register(&served, &url).await;
    // The provider reads this one at once and answers after 3 s.
    let (_, slow) = shop.send(&served, "46705550010", "slow").await.unwrap();
    wait("the slow hand-over", || async { ledger(&url).await.contains(&"slow".to_owned()).then_some(()) })
        .await;
    let served = Arc::new(served);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut sends = JoinSet::new();
    for n in 0..SENDS {
        let (shop, served, answered) = (shop.clone(), served.clone(), answered.clone());
        sends.spawn(async move {
            let words = format!("message {n}");
            let sent = shop.send(&served, &format!("467066{n:03}77"), &words).await;
            answered.fetch_add(1, Ordering::SeqCst);
            sent.filter(|(status, _)| *status == 200).map(|_| words)
        });
    }
    wait("the first answers", || {
        std::future::ready((answered.load(Ordering::SeqCst) >= ANSWERED).then_some(()))
    })
    .await;
    served.signal("TERM");
    let acknowledged: Vec<String> = sends.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() >= ANSWERED);
    let status = Arc::into_inner(served).unwrap().ended().await;
    assert_eq!(status.code(), Some(0));
    let explained = run(folder.path(), &["explain", &slow]);
    let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(explained.contains("took attempt 1"), "the open hand-over was waited for: {explained}");
    let served = Served::start(folder.path(), &[]).await;
    let arrived = |texts: &[String], words: &String| texts.iter().filter(|text| *text == words).count();
    wait("every acknowledged message at the provider", || async {
        let texts = ledger(&url).await;
        acknowledged.iter().all(|words| arrived(&texts, words) > 0).then_some(())
    })
    .await;
    let texts = ledger(&url).await;
    assert!(acknowledged.iter().all(|words| arrived(&texts, words) == 1), "none was sent twice");
    served.stop().await;
    providers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_a_stopped_server_leave_what_waits_to_the_next_start() {
    let folder = TempFolder::new("stopped-commands");
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let url = providers.url();
    let served = Served::start(folder.path(), &[]).await;
    let shop = Shop::open(folder.path(), &url);
    shop.register(&served, &url).await;
    assert!(run(folder.path(), &["delivery", "pause"]).status.success());
    let (_, waiting) = shop.send(&served, "46706600077", "waiting").await.unwrap();
    served.stop().await;
    // Nothing holds it back any more, and each of these opens the folder itself.
    assert!(run(folder.path(), &["delivery", "resume"]).status.success());
    for _ in 0..5 {
        let explained = run(folder.path(), &["explain", &waiting]);
        let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
        assert!(!explained.contains("attempt 1"), "{explained}");
    }
    let served = Served::start(folder.path(), &[]).await;
    wait("the message at the provider", || async {
        ledger(&url).await.contains(&"waiting".to_owned()).then_some(())
    })
    .await;
    served.stop().await;
    providers.shutdown().await;
}

#[tokio::test]
async fn reads_that_wait_for_events_end_when_the_server_stops() {
    let folder = TempFolder::new("stop-streams");
    let data = folder.path();
    let served = Served::start(data, &[("TRUNKLINE_SERVER__SHUTDOWN_GRACE_S", "3600")]).await;
    administer(data, &["tenant", "create", "--name", "Shop"]);
    let made = administer(data, &["key", "create", "--tenant", "Shop", "--face", "trunkline"]);
    let key = made["key"]["secret"].as_str().unwrap();
    let ask = |path: &str, accept: &str| {
        format!(
            "GET /trunkline/v1/events{path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nauthorization: Bearer {key}\r\n\r\n"
        )
    };
    let poll = served.connect(ask("?wait_s=30", "application/json").as_bytes()).await;
    let stream = served.connect(ask("", "text/event-stream").as_bytes()).await;
    stream.readable().await.unwrap();
    served.signal("TERM");
    rest(poll).await;
    let stream = rest(stream).await;
    assert!(stream.starts_with("HTTP/1.1 200"), "{stream}");
    assert_eq!(served.ended().await.code(), Some(0));
}

#[tokio::test]
async fn told_twice_it_ends_at_once() {
    let folder = TempFolder::new("told-twice");
    let settings =
        [("TRUNKLINE_SERVER__SHUTDOWN_GRACE_S", "3600"), ("TRUNKLINE_SERVER__BODY_TIMEOUT_S", "3600")];
    let served = Served::start(folder.path(), &settings).await;
    let half = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    let open = served.connect(half.as_bytes()).await;
    // The server asks for the body, so the request is open.
    open.readable().await.unwrap();
    served.signal("INT");
    wait("the door to close", || async { TcpStream::connect(served.address).await.is_err().then_some(()) })
        .await;
    served.signal("INT");
    assert_eq!(served.ended().await.code(), Some(130));
    drop(open);
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_told_so() {
    let folder = TempFolder::new("two-servers");
    let served = Served::start(folder.path(), &[]).await;
    let mut second = trunkline(&["serve"]);
    second.env("TRUNKLINE_STORE__DATA", folder.path()).env("TRUNKLINE_SERVER__LISTEN", "127.0.0.1:0");
    let output = second.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("another Trunkline runs on the data folder"), "{told}");
    served.stop().await;
}
