//! A database that may not grow: new messages are refused in the face's form, what was accepted goes on to its last
//! callback, and with more room everything accepted is there, in order, and nothing refused.

use std::collections::HashMap;
use std::sync::Arc;

use sandbox::{Sandbox, Settings};
use testkit::TempFolder;
use tokio::task::JoinSet;

use crate::served::{Served, wait};
use crate::shop::{Shop, ledger};
use crate::sink::Sink;

/// People who are written to side by side.
const PEOPLE: usize = 16;
/// More than anybody is sent before the database is full.
const SENDS_MAX: usize = 1_000;
/// The least that the setting takes, so that the tables get 16 MiB of it.
const BYTES_MAX: &str = "134217728";

const SETTINGS: [(&str, &str); 6] = [
    ("TRUNKLINE_STORE__DATABASE_BYTES_MAX", BYTES_MAX),
    ("TRUNKLINE_SINCH__SENDS_PER_SECOND_PER_APP", "0"),
    ("TRUNKLINE_SINCH__REQUESTS_PER_SECOND", "0"),
    ("TRUNKLINE_SINCH__CALLBACKS_PER_SECOND_PER_APP", "0"),
    ("TRUNKLINE_LIMITS__PROVIDER_RATES", "false"),
    ("TRUNKLINE_HTTP_OUT__ALLOW_LOOPBACK", "true"),
];

/// What one person was sent.
struct Sent {
    phone: String,
    /// Texts with the ids of their messages, in order.
    accepted: Vec<(String, String)>,
    refused: String,
}

/// As long as the channel takes, three bytes a letter.
fn words(phone: &str, number: usize) -> String {
    let head = format!("{phone} {number} ");
    let rest = 4_000 - head.len();
    head + &"\u{20ac}".repeat(rest)
}

/// Writes to one person, one message after the other, until one is refused.
async fn fill(shop: Arc<Shop>, served: Arc<Served>, phone: String) -> Sent {
    let mut accepted = Vec::new();
    for number in 0..SENDS_MAX {
        let text = words(&phone, number);
        let (status, answer) = shop.ask_to_send(&served, &phone, &text).await.unwrap();
        if status != 200 {
            assert_eq!((status, &answer["error"]["code"]), (503, &503.into()), "{answer}");
            assert_eq!(answer["error"]["status"], "UNAVAILABLE", "{answer}");
            return Sent { phone, accepted, refused: text };
        }
        accepted.push((text, answer["message_id"].as_str().unwrap().to_owned()));
    }
    panic!("the database is never full");
}

async fn fill_up(shop: &Arc<Shop>, served: &Arc<Served>) -> Vec<Sent> {
    let mut sends = JoinSet::new();
    for person in 0..PEOPLE {
        sends.spawn(fill(shop.clone(), served.clone(), format!("4670660{person:02}77")));
    }
    sends.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_what_is_new_and_loses_nothing_that_it_took() {
    let folder = TempFolder::new("room");
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let (url, sink) = (providers.url(), Sink::open().await);
    let served = Arc::new(Served::start(folder.path(), &SETTINGS).await);
    let shop = Arc::new(Shop::open(folder.path(), &url));
    shop.register(&served, &url).await;
    shop.subscribe(&served, &sink.url).await;
    let sent = fill_up(&shop, &served).await;
    assert!(sent.iter().all(|one| !one.accepted.is_empty()), "everybody got something");
    assert!(served.log().contains("the database may not grow"), "{}", served.log());
    // Hand-overs, receipts and callbacks go on, and so do reads.
    for (text, message) in sent.iter().flat_map(|one| &one.accepted) {
        wait("the last callback", || async {
            sink.statuses(message).iter().any(|status| status == "READ").then_some(())
        })
        .await;
        assert_eq!(shop.words(&served, message).await, *text);
    }
    let (status, _) = shop.send(&served, &sent[0].phone, &sent[0].refused).await.unwrap();
    assert_eq!(status, 503, "what went on made no room");
    served.signal("KILL");
    Arc::into_inner(served).unwrap().ended().await;

    let served = Served::start(folder.path(), &SETTINGS[1..]).await;
    for (text, message) in sent.iter().flat_map(|one| &one.accepted) {
        assert_eq!(shop.words(&served, message).await, *text);
    }
    let (status, _) = shop.send(&served, &sent[0].phone, "there is room").await.unwrap();
    assert_eq!(status, 200);
    let arrived = wait("the new message at the provider", || async {
        let texts = ledger(&url).await;
        texts.contains(&"there is room".to_owned()).then_some(texts)
    })
    .await;
    let mut by_person: HashMap<&str, Vec<&String>> = HashMap::new();
    for text in arrived.iter().filter(|text| *text != "there is room") {
        by_person.entry(text.split(' ').next().unwrap()).or_default().push(text);
    }
    for one in &sent {
        let accepted: Vec<&String> = one.accepted.iter().map(|(text, _)| text).collect();
        assert_eq!(by_person[one.phone.as_str()], accepted, "in order, once each, and nothing refused");
    }
    served.stop().await;
    providers.shutdown().await;
}
