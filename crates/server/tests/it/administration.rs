//! From an empty folder to a first delivered message by commands and HTTP alone; the same commands while the server
//! runs and while it is down; and configurations that are told to be wrong.

use std::process::Stdio;

use sandbox::{Sandbox, Settings};
use testkit::TempFolder;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::program::trunkline;
use crate::served::{Served, administer, rest, run, wait};
use crate::shop::{Shop, ledger};

fn printed(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_comes_to_a_delivered_message_by_commands_alone() {
    let folder = TempFolder::new("first-message");
    let data = folder.path();
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let served = Served::start(data, &[]).await;
    let shop = Shop::open(data, &providers.url());
    shop.register(&served, &providers.url()).await;
    let (status, message) = shop.send(&served, "46701112222", "Welcome!").await.unwrap();
    assert_eq!(status, 200);
    let explained = wait("the receipt", || async {
        let told = printed(&run(data, &["explain", &message]));
        told.contains("reported attempt 1 as read").then_some(told)
    })
    .await;
    assert!(explained.contains("accepted and planned") && !explained.contains("Welcome"), "{explained}");
    assert_eq!(ledger(&providers.url()).await, ["Welcome!"]);
    let keys = administer(data, &["key", "list", "--tenant", "Shop"]);
    let id = keys["keys"][0]["id"].as_str().unwrap();
    administer(data, &["key", "revoke", "--tenant", "Shop", id]);
    assert_eq!(shop.send(&served, "46701112222", "Still here?").await.unwrap().0, 401);
    served.stop().await;
    // Nobody serves now: the same commands work on the folder itself, and what they make is there at the next start.
    administer(data, &["tenant", "create", "--name", "Second"]);
    let explained = printed(&run(data, &["explain", &message]));
    assert!(explained.contains("reported attempt 1 as read"), "{explained}");
    let served = Served::start(data, &[]).await;
    let tenants = administer(data, &["tenant", "list"]);
    assert_eq!(tenants["tenants"].as_array().unwrap().len(), 2);
    served.stop().await;
    providers.shutdown().await;
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let folder = TempFolder::new("one-secret");
    let data = folder.path();
    administer(data, &["tenant", "create", "--name", "Shop"]);
    let owner = ["agent", "create", "--tenant", "Shop", "--name", "Ada", "--email", "ada@shop.example"];
    administer(data, &owner);
    for (face, more) in [("sinch", &[][..]), ("trunkline", &[][..]), ("livedesk", &["--agent", "Ada"][..])] {
        let create = [&["key", "create", "--tenant", "Shop", "--face", face][..], more].concat();
        let made = administer(data, &create);
        let secret = made["key"]["secret"].as_str().unwrap();
        let listed = printed(&run(data, &["key", "list", "--tenant", "Shop"]));
        assert!(secret.len() >= 32 && !listed.contains(secret), "{face}: {listed}");
    }
}

#[tokio::test]
async fn revoking_an_agent_takes_every_key_of_theirs() {
    let folder = TempFolder::new("revoke-agent");
    let data = folder.path();
    administer(data, &["tenant", "create", "--name", "Shop"]);
    for name in ["Ada", "Bo"] {
        let email = format!("{name}@shop.example");
        let create = ["agent", "create", "--tenant", "Shop", "--name", name, "--email", &email];
        administer(data, &create);
        for _ in 0..2 {
            administer(data, &["key", "create", "--tenant", "Shop", "--face", "livedesk", "--agent", name]);
        }
    }
    let revoked = administer(data, &["agent", "revoke", "--tenant", "Shop", "Ada"]);
    assert_eq!(revoked["keys"].as_array().unwrap().len(), 2);
    let keys = administer(data, &["key", "list", "--tenant", "Shop"]);
    let revoked = keys["keys"].as_array().unwrap().iter().filter(|key| key["revoked"] == true).count();
    assert_eq!(revoked, 2, "{keys}");
}

#[tokio::test]
async fn a_server_whose_delivery_is_paused_says_so_in_its_log_its_health_and_its_metrics() {
    let folder = TempFolder::new("paused-says");
    let data = folder.path();
    let served = Served::start(data, &[]).await;
    let page = async |served: &Served, path: &str| {
        let mut stream = TcpStream::connect(served.operator).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(stream).await
    };
    assert!(page(&served, "/metrics").await.contains("\ntrunkline_delivery_paused 0\n"));
    assert_eq!(administer(data, &["delivery", "pause"])["paused"], true);
    assert!(page(&served, "/metrics").await.contains("\ntrunkline_delivery_paused 1\n"));
    served.stop().await;
    let served = Served::start(data, &[]).await;
    assert!(page(&served, "/metrics").await.contains("\ntrunkline_delivery_paused 1\n"));
    let ready = page(&served, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("delivery is paused"), "{ready}");
    assert_eq!(served.log().matches("delivery is paused").count(), 2, "{}", served.log());
    assert_eq!(administer(data, &["delivery", "resume"])["paused"], false);
    assert!(!page(&served, "/readyz").await.contains("paused"));
    served.stop().await;
}

#[tokio::test]
async fn a_command_waits_for_a_server_that_starts_or_stops_and_no_longer_than_that() {
    let folder = TempFolder::new("held");
    let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let told = printed(&run(folder.path(), &["tenant", "list"]));
    assert!(told.contains("another Trunkline runs on the data folder"), "{told}");
    let waiting = trunkline(&["tenant", "list", "--data"]).arg(folder.path()).stdout(Stdio::null()).spawn();
    let mut waiting = waiting.unwrap();
    // The database appears only once the lock is had.
    lock.unlock().unwrap();
    assert!(waiting.wait().unwrap().success());
    assert!(folder.path().join("trunkline.db").exists());
}

#[test]
fn check_says_all_that_is_wrong_in_sentences() {
    let folder = TempFolder::new("check");
    let file = folder.path().join("t.toml");
    std::fs::write(&file, "[server]\nlisten = 1\n[sinch]\ntoken_lifetime_s = 0\n[log]\ncolor = true")
        .unwrap();
    let output = trunkline(&["check", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = printed(&output);
    for sentence in ["server.listen does not fit", "sinch.token_lifetime_s is 0", "no key log.color"] {
        assert!(told.contains(sentence), "{sentence} is missing in:\n{told}");
    }
}

#[test]
fn a_refusal_is_a_sentence_and_exit_code_1() {
    let folder = TempFolder::new("refusal");
    let output = run(folder.path(), &["app", "list", "--tenant", "Nobody"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains("There is no tenant \"Nobody\"."), "{}", printed(&output));
    assert_eq!(trunkline(&["tenant", "paint"]).output().unwrap().status.code(), Some(2));
}
