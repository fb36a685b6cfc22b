//! Backups of the real binary: taken under load from a server that is then killed, and restored to another folder;
//! and what is refused.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;
use sandbox::{Sandbox, Settings};
use serde_json::{Value, json};
use testkit::TempFolder;
use tokio::task::JoinSet;

use crate::program::call;
use crate::served::{Served, administer, run, wait};
use crate::shop::{Shop, ledger};

/// Messages acknowledged before the backup begins, by so many senders at once who go on until the server is gone.
const MESSAGES_MIN: usize = 300;
const SENDERS: usize = 8;
const UNLIMITED: [(&str, &str); 2] =
    [("TRUNKLINE_SINCH__SENDS_PER_SECOND_PER_APP", "0"), ("TRUNKLINE_SINCH__REQUESTS_PER_SECOND", "0")];

/// Runs a backup or a restore with one folder more.
fn run_with(data: &Path, command: &str, option: &str, folder: &Path) -> Output {
    run(data, &[command, option, folder.to_str().unwrap()])
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Keys of the agent API and of our own.
struct Keys {
    desk: String,
    api: String,
}

impl Keys {
    fn make(data: &Path) -> Keys {
        administer(
            data,
            &["agent", "create", "--tenant", "Shop", "--name", "Ada", "--email", "a@shop.example"],
        );
        let secret = |face: &str, more: &[&str]| {
            let create = [&["key", "create", "--tenant", "Shop", "--face", face], more].concat();
            administer(data, &create)["key"]["secret"].as_str().unwrap().to_owned()
        };
        Keys {
            desk: secret("livedesk", &["--agent", "Ada"]),
            api: format!("Bearer {}", secret("trunkline", &[])),
        }
    }

    /// Status of a message's timeline.
    async fn timeline(&self, served: &Served, message: &str) -> u16 {
        let url = served.url(&format!("/trunkline/v1/messages/{message}/timeline"));
        call(Method::GET, &url, &[("authorization", &self.api)], Bytes::new()).await.unwrap().0
    }

    /// Status of the log behind a cursor, and the cursor behind what is read.
    async fn events(&self, served: &Served, after: &str) -> (u16, Value) {
        let url = served.url(&format!("/trunkline/v1/events?after={after}"));
        let answer = call(Method::GET, &url, &[("authorization", &self.api)], Bytes::new()).await;
        let (status, page) = answer.unwrap();
        (status, page["next"].clone())
    }

    /// Puts a note with a file into the first conversation. Returns the path of the file's signed link.
    async fn upload(&self, data: &Path, served: &Served, file: &Value) -> String {
        let tenant = administer(data, &["tenant", "show", "Shop"]);
        let account = &tenant["tenants"][0]["account_number"];
        let body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"private\"\r\n\r\ntrue\r\n--cut\r\n\
             Content-Disposition: form-data; name=\"attachments[]\"; filename=\"a.json\"\r\n\r\n{file}\r\n--cut--\r\n"
        );
        let url = served.url(&format!("/api/v1/accounts/{account}/conversations/1/messages"));
        let kind = "multipart/form-data; boundary=cut";
        let headers = [("api_access_token", self.desk.as_str()), ("content-type", kind)];
        let (status, answer) = call(Method::POST, &url, &headers, Bytes::from(body)).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let link = answer["attachments"][0]["data_url"].as_str().unwrap();
        let path = link.strip_prefix(&served.url("")).unwrap();
        path.replace("/redirect/", "/proxy/")
    }
}

/// Senders at work.
struct Load {
    tasks: JoinSet<()>,
    over: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
}

impl Load {
    fn begin(shop: &Arc<Shop>, served: &Arc<Served>) -> Load {
        let (over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<String>>>::default());
        let mut tasks = JoinSet::new();
        for sender in 0..SENDERS {
            let (shop, served) = (shop.clone(), served.clone());
            let (over, acknowledged) = (over.clone(), acknowledged.clone());
            tasks.spawn(async move {
                let phone = format!("4670111{sender:04}");
                while !over.load(Ordering::Relaxed) {
                    if let Some((200, id)) = shop.send(&served, &phone, "Hello").await {
                        acknowledged.lock().unwrap().push(id);
                    }
                }
            });
        }
        Load { tasks, over, acknowledged }
    }

    /// Ids of the messages acknowledged so far.
    fn so_far(&self) -> HashSet<String> {
        self.acknowledged.lock().unwrap().iter().cloned().collect()
    }

    async fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_server_holds_all_that_was_acknowledged_before_it() {
    let [first, second, copies] = ["backup-first", "backup-second", "backup-copy"].map(TempFolder::new);
    let (data, copy) = (first.path(), copies.path().join("copy"));
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let served = Arc::new(Served::start(data, &UNLIMITED).await);
    let shop = Arc::new(Shop::open(data, &providers.url()));
    let keys = Keys::make(data);
    shop.register(&served, &providers.url()).await;
    assert_eq!(shop.send(&served, "46701110000", "First").await.unwrap().0, 200);
    let file = json!({"parcel": 7});
    let link = keys.upload(data, &served, &file).await;
    let (_, cursor) = keys.events(&served, "").await;
    let load = Load::begin(&shop, &served);
    let before = wait("messages before the backup", || {
        let so_far = load.so_far();
        std::future::ready((so_far.len() >= MESSAGES_MIN).then_some(so_far))
    })
    .await;
    let output = tokio::task::block_in_place(|| run_with(data, "backup", "--to", &copy));
    let told = printed(&output);
    assert!(output.status.success() && told.contains("keep it as safe as the data folder"), "{told}");
    served.signal("KILL");
    load.end().await;
    assert!(!Arc::into_inner(served).unwrap().ended().await.success());

    let output = run_with(second.path(), "restore", "--from", &copy);
    let told = printed(&output);
    assert!(output.status.success() && told.contains("Delivery is paused"), "{told}");
    let sent_before = ledger(&providers.url()).await.len();
    let served = Served::start(second.path(), &UNLIMITED).await;
    let mut lost = Vec::new();
    for message in &before {
        if keys.timeline(&served, message).await != 200 {
            lost.push(message);
        }
    }
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), before.len());
    let found = call(Method::GET, &served.url(&link), &[], Bytes::new()).await;
    assert_eq!(found, Some((200, file)), "the link is signed by a key, and leads to an attachment");
    assert_eq!(keys.events(&served, cursor.as_str().unwrap()).await.0, 410, "the log is another one");
    assert_eq!(keys.events(&served, "").await.0, 200);
    let (_, message) = shop.send(&served, "46701119999", "After").await.unwrap();
    let delivery = administer(second.path(), &["delivery", "status"]);
    assert!(delivery["paused"] == true && delivery["waiting"].as_u64() > Some(0), "{delivery}");
    assert_eq!(ledger(&providers.url()).await.len(), sent_before, "what waited is not sent twice unasked");
    let delivery = administer(second.path(), &["delivery", "resume"]);
    assert_eq!(delivery["paused"], false, "{delivery}");
    wait("a hand-over with the channel's credentials, which the vault's key opens", || async {
        let told = printed(&run(second.path(), &["explain", &message]));
        told.contains("WHATSAPP took attempt 1").then_some(())
    })
    .await;
    served.stop().await;
    providers.shutdown().await;
}

#[test]
fn a_folder_without_a_server_is_backed_up_and_restored() {
    let [first, second, copies] = ["idle-first", "idle-second", "idle-copy"].map(TempFolder::new);
    let copy = copies.path().join("copy");
    let nothing = run_with(first.path(), "backup", "--to", &copy);
    assert!(
        !nothing.status.success() && printed(&nothing).contains("nothing to back up"),
        "{}",
        printed(&nothing)
    );
    administer(first.path(), &["tenant", "create", "--name", "Shop"]);
    let output = run_with(first.path(), "backup", "--to", &copy);
    assert!(output.status.success(), "{}", printed(&output));
    let again = run_with(first.path(), "backup", "--to", &copy);
    assert!(!again.status.success() && printed(&again).contains("is not empty"), "{}", printed(&again));
    for private in ["keys/vault.key", "keys/livedesk.key", "SHA256SUMS"] {
        let mode = std::fs::metadata(copy.join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    let output = run_with(second.path(), "restore", "--from", &copy);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(
        administer(first.path(), &["tenant", "list"]),
        administer(second.path(), &["tenant", "list"]),
        "both folders hold the same"
    );
    let key = |data: &Path| std::fs::read(data.join("vault.key")).unwrap();
    assert_eq!(key(first.path()), key(second.path()));
}

#[test]
fn delivery_is_paused_by_a_restore_unless_the_operator_knows_better_and_by_command() {
    let folders = ["paused-first", "paused-second", "paused-third", "paused-copy"].map(TempFolder::new);
    let [first, second, third, copies] = &folders;
    let copy = copies.path().join("copy");
    let paused = |data: &Path, command: &str| administer(data, &["delivery", command])["paused"].clone();
    administer(first.path(), &["tenant", "create", "--name", "Shop"]);
    assert!(run_with(first.path(), "backup", "--to", &copy).status.success());
    assert!(run_with(second.path(), "restore", "--from", &copy).status.success());
    assert_eq!(paused(second.path(), "status"), true);
    let told = run(third.path(), &["restore", "--resume-delivery", "--from", copy.to_str().unwrap()]);
    assert!(printed(&told).contains("are handed over at the start"), "{}", printed(&told));
    assert_eq!(paused(third.path(), "status"), false);
    assert_eq!(paused(third.path(), "pause"), true);
    assert_eq!(paused(third.path(), "status"), true, "it is kept");
    assert_eq!(paused(third.path(), "resume"), false);
    assert_eq!(paused(first.path(), "status"), false, "the backup's own server knows nothing of it");
}

#[test]
fn a_restore_refuses_a_damaged_backup_and_a_folder_in_use_and_writes_nothing() {
    let [first, copies] = ["refused-first", "refused-copy"].map(TempFolder::new);
    let (copy, target) = (copies.path().join("copy"), copies.path().join("target"));
    administer(first.path(), &["tenant", "create", "--name", "Shop"]);
    assert!(run_with(first.path(), "backup", "--to", &copy).status.success());
    let refused = |data: &Path, why: &str| {
        let output = run_with(data, "restore", "--from", &copy);
        assert!(!output.status.success() && printed(&output).contains(why), "{}", printed(&output));
    };
    refused(first.path(), "is not empty");
    let key = copy.join("keys/livedesk.key");
    let whole = std::fs::read(&key).unwrap();
    std::fs::write(&key, [0; 32]).unwrap();
    refused(&target, "the checksum of keys/livedesk.key differs");
    std::fs::write(&key, whole).unwrap();
    std::fs::rename(copy.join("SHA256SUMS"), copy.join("SHA256SUMS.part")).unwrap();
    refused(&target, "there is no finished backup");
    assert!(!target.exists(), "a refused restore leaves no trace");
}
