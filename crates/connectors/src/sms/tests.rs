//! SMPP over a real socket, against a message center of a few lines that reads and writes PDUs as the standard lays
//! them out, byte by byte: the codec under test is not used on its side. What every channel does is in the conformance
//! suite.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Registered;
use connector_api::{Inbound, Intake, Line};
use domain::content::Body;
use domain::delivery::{Outcome, ReasonKind, Status};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::testing::{SECRET, Script, kind, line, outbound, registered};

const BIND: u32 = 0x09;
const SUBMIT: u32 = 0x04;
const DELIVER: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE: u32 = 0x15;
const ANSWER: u32 = 0x8000_0000;

#[derive(Default)]
struct Heard {
    all: Mutex<Vec<Inbound>>,
    refuses: Mutex<bool>,
}

impl Intake for Heard {
    fn take(&self, inbound: Vec<Inbound>) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            self.all.lock().expect("tests have loopback and no poisoned lock").extend(inbound);
            !*self.refuses.lock().expect("tests have loopback and no poisoned lock")
        })
    }

    fn now(&self) -> domain::time::Time {
        domain::time::Time(0)
    }
}

struct Pdu {
    id: u32,
    status: u32,
    sequence: u32,
    body: Vec<u8>,
}

struct Center(TcpStream);

impl Center {
    async fn accept(listener: &TcpListener) -> Center {
        let limit = Duration::from_secs(10);
        let accepted = tokio::time::timeout(limit, listener.accept()).await.expect("it connects in time");
        Center(accepted.expect("loopback accepts").0)
    }

    async fn bind(&mut self) -> Pdu {
        let bind = self.read().await;
        assert_eq!((bind.id, bind.status), (BIND, 0));
        assert!(bind.body.starts_with(b"acme\0S3CRET\0\0\x34"));
        bind
    }

    async fn read(&mut self) -> Pdu {
        let limit = Duration::from_secs(10);
        let length = tokio::time::timeout(limit, self.0.read_u32()).await.expect("in time").expect("a PDU");
        let (id, status) = (
            self.0.read_u32().await.expect("tests have loopback and no poisoned lock"),
            self.0.read_u32().await.expect("tests have loopback and no poisoned lock"),
        );
        let sequence = self.0.read_u32().await.expect("tests have loopback and no poisoned lock");
        let mut body = vec![0; length as usize - 16];
        self.0.read_exact(&mut body).await.expect("tests have loopback and no poisoned lock");
        Pdu { id, status, sequence, body }
    }

    async fn write(&mut self, id: u32, status: u32, sequence: u32, body: &[u8]) {
        let mut bytes = Vec::new();
        for word in [16 + body.len() as u32, id, status, sequence] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(body);
        self.0.write_all(&bytes).await.expect("tests have loopback and no poisoned lock");
    }

    async fn submit(&mut self) -> Pdu {
        let pdu = self.read().await;
        assert_eq!(pdu.id, SUBMIT);
        pdu
    }
}

struct World {
    channel: Registered,
    line: Line,
    heard: Arc<Heard>,
    listener: TcpListener,
    center: Center,
    session: tokio::task::JoinHandle<()>,
}

/// A bound session.
async fn world() -> World {
    world_with(&[]).await
}

async fn world_with(more: &[(&str, &str)]) -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("tests have loopback and no poisoned lock");
    let port = listener.local_addr().expect("tests have loopback and no poisoned lock").port().to_string();
    let mut settings =
        vec![("host", "127.0.0.1"), ("port", &*port), ("system_id", "acme"), ("password", SECRET)];
    settings.extend(more);
    let line = line("447700900000", &settings, &Arc::new(Script::default()));
    let channel = registered("SMS");
    let heard = Arc::new(Heard::default());
    let holder = channel.session.clone().expect("SMS holds a session");
    let intake: Arc<dyn Intake> = heard.clone();
    let session = tokio::spawn(holder.hold(line.clone(), intake, Box::pin(std::future::pending())));
    let mut center = Center::accept(&listener).await;
    let bind = center.bind().await;
    center.write(BIND | ANSWER, 0, bind.sequence, b"SMSC\0").await;
    center.write(ENQUIRE, 0, 77, &[]).await;
    let alive = center.read().await;
    assert_eq!((alive.id, alive.sequence), (ENQUIRE | ANSWER, 77));
    World { channel, line, heard, listener, center, session }
}

fn deliver(esm_class: u8, message: &[u8]) -> Vec<u8> {
    let mut body = b"\0\x01\x01447700900123\0\x01\x01447700900000\0".to_vec();
    body.extend([esm_class, 0, 0, 0, 0, 0, 0, 0, 0, message.len() as u8]);
    body.extend(message);
    body
}

#[tokio::test]
async fn unbound_means_nothing_left() {
    let line = line("1", &[("host", "127.0.0.1")], &Arc::new(Script::default()));
    let message = outbound("SMS", "447700900123", Body::Text("hi".to_owned()));
    let ended = registered("SMS").connector.send(&line, &message).await;
    assert_eq!(kind(&ended), (ReasonKind::ChannelFailure, None, true));
    assert!(!format!("{line:?}").contains(SECRET));
}

#[tokio::test]
async fn a_submit_goes_out_exactly_as_documented() {
    let mut world = world().await;
    let mut message = outbound("SMS", "447700900123", Body::Text("Hi @ 5€".to_owned()));
    message.ttl_s = Some(600);
    let center = async {
        let submit = world.center.submit().await;
        world.center.write(SUBMIT | ANSWER, 0, submit.sequence, b"7f3a91\0").await;
        submit.body
    };
    let (ended, body) = tokio::join!(world.channel.connector.send(&world.line, &message), center);
    assert_eq!(ended, Outcome::Accepted { parts: vec!["7f3a91".into()] });
    let mut expected = b"\0\x01\x01447700900000\0\x01\x01447700900123\0\0\0\0\x00000000001000000R\0".to_vec();
    expected.extend([1, 0, 0, 0, 8, 0x48, 0x69, 0x20, 0, 0x20, 0x35, 0x1b, 0x65]);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn refused_throttled_and_dropped_differ() {
    let mut world = world().await;
    let message = outbound("SMS", "447700900123", Body::Text("hi".to_owned()));
    for (status, expected) in [
        (0x0b, (ReasonKind::RecipientInvalid, None, false)),
        (0x58, (ReasonKind::RateLimited, Some(1_000), true)),
    ] {
        let center = async {
            let submit = world.center.submit().await;
            world.center.write(SUBMIT | ANSWER, status, submit.sequence, &[]).await;
        };
        let (ended, ()) = tokio::join!(world.channel.connector.send(&world.line, &message), center);
        assert_eq!(kind(&ended), expected);
    }
    let center = async {
        world.center.submit().await;
        world.center.0.shutdown().await.expect("tests have loopback and no poisoned lock");
    };
    let (ended, ()) = tokio::join!(world.channel.connector.send(&world.line, &message), center);
    assert_eq!(ended, Outcome::Unknown { parts: vec![] });
}

#[tokio::test]
async fn a_long_text_goes_on_where_it_stopped() {
    let mut world = world().await;
    let mut message = outbound("SMS", "447700900123", Body::Text("a".repeat(161)));
    let center = async {
        let first = world.center.submit().await;
        world.center.write(SUBMIT | ANSWER, 0, first.sequence, b"p1\0").await;
        let second = world.center.submit().await;
        world.center.write(SUBMIT | ANSWER, 0x0b, second.sequence, &[]).await;
        first.body
    };
    let (ended, first) = tokio::join!(world.channel.connector.send(&world.line, &message), center);
    assert_eq!(kind(&ended), (ReasonKind::RecipientInvalid, None, false));
    let header_at = first.len() - 159;
    assert_eq!(
        (&first[header_at..header_at + 3], &first[header_at + 4..header_at + 6]),
        (&[5, 0, 3][..], &[2, 1][..])
    );
    message.parts_done = vec!["p1".into()];
    message.token = "01JTOKEN/2".into();
    let center = async {
        let second = world.center.submit().await;
        world.center.write(SUBMIT | ANSWER, 0, second.sequence, b"p2\0").await;
        second.body
    };
    let (ended, second) = tokio::join!(world.channel.connector.send(&world.line, &message), center);
    assert_eq!(ended, Outcome::Accepted { parts: vec!["p1".into(), "p2".into()] });
    let header = &second[second.len() - 14..second.len() - 8];
    assert_eq!((header[3], &header[4..]), (first[header_at + 3], &[2, 2][..]));
    message.content.body = Body::Text("a".repeat(10 * 153 + 1));
    let ended = world.channel.connector.send(&world.line, &message).await;
    assert_eq!(kind(&ended), (ReasonKind::ContentUnsupported, None, false));
}

#[tokio::test]
async fn receipts_are_acknowledged_when_durable() {
    let mut world = world().await;
    let body = deliver(4, b"id:7f3a91 stat:DELIVRD err:000 text:");
    *world.heard.refuses.lock().expect("tests have loopback and no poisoned lock") = true;
    world.center.write(DELIVER, 0, 5, &body).await;
    let answer = world.center.read().await;
    assert_eq!((answer.id, answer.status, answer.sequence), (DELIVER | ANSWER, 0x64, 5));
    *world.heard.refuses.lock().expect("tests have loopback and no poisoned lock") = false;
    world.center.write(DELIVER, 0, 6, &body).await;
    let answer = world.center.read().await;
    assert_eq!((answer.status, answer.sequence), (0, 6));
    let heard = world.heard.all.lock().expect("tests have loopback and no poisoned lock").clone();
    let Inbound::Receipt { provider_id, recipient, receipt, .. } = &heard[1] else { panic!("a receipt") };
    let said = (&**provider_id, recipient.as_deref(), receipt.status);
    assert_eq!(said, ("7f3a91", Some("447700900123"), Status::Delivered));
}

#[tokio::test]
async fn parts_are_acknowledged_together() {
    let mut world = world().await;
    world.center.write(DELIVER, 0, 1, &deliver(0x40, b"\x05\0\x03\x07\x02\x02world")).await;
    world.center.write(ENQUIRE, 0, 2, &[]).await;
    assert_eq!(world.center.read().await.sequence, 2, "the lone part waits");
    world.center.write(DELIVER, 0, 3, &deliver(0x40, b"\x05\0\x03\x07\x02\x01hello ")).await;
    let mut answers = [world.center.read().await, world.center.read().await];
    answers.sort_by_key(|answer| answer.sequence);
    let seen: Vec<_> = answers.iter().map(|answer| (answer.sequence, answer.status)).collect();
    assert_eq!(seen, [(1, 0), (3, 0)]);
    let heard = world.heard.all.lock().expect("tests have loopback and no poisoned lock").clone();
    let [Inbound::Message { content, from, .. }] = &heard[..] else { panic!("one message: {heard:?}") };
    assert_eq!((&content.body, &**from), (&Body::Text("hello world".to_owned()), "447700900123"));
}

#[tokio::test]
async fn dropping_the_session_unbinds() {
    let mut world = world().await;
    world.session.abort();
    assert_eq!(world.center.read().await.id, UNBIND);
    let message = outbound("SMS", "447700900123", Body::Text("hi".to_owned()));
    assert!(kind(&world.channel.connector.send(&world.line, &message).await).2);
}

/// The octets of a fixture, after its name.
fn fixture(name: &str) -> Vec<u8> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/pdus.json")).expect("it is JSON");
    let digits: String = all[name].as_str().expect("it is there").split_whitespace().collect();
    hex::decode(digits).expect("it is hex")
}

/// Sends one message, and the bodies of the submits that it became, each answered.
async fn submitted(world: &mut World, message: &connector_api::Outbound, parts: usize) -> Vec<Vec<u8>> {
    let (connector, line) = (world.channel.connector.clone(), world.line.clone());
    let center = async {
        let mut bodies = Vec::new();
        for part in 0..parts {
            let submit = world.center.submit().await;
            world.center.write(SUBMIT | ANSWER, 0, submit.sequence, format!("p{part}\0").as_bytes()).await;
            bodies.push(submit.body);
        }
        bodies
    };
    let (ended, bodies) = tokio::join!(connector.send(&line, message), center);
    assert!(matches!(ended, Outcome::Accepted { .. }), "{ended:?}");
    bodies
}

#[tokio::test]
async fn each_alphabet_goes_out_as_the_standard_has_it() {
    let rows = [
        ("submit text", "gsm", "Hi @ 5€"),
        ("submit ucs2", "gsm", "Zażółć"),
        ("submit ucs2", "ucs2", "Zażółć"),
        ("submit latin1", "latin1", "Grüße"),
    ];
    for (name, alphabet, text) in rows {
        let mut world = world_with(&[("alphabet", alphabet)]).await;
        let message = outbound("SMS", "447700900123", Body::Text(text.to_owned()));
        assert_eq!(submitted(&mut world, &message, 1).await, [fixture(name)], "{name} {alphabet}");
    }
}

#[tokio::test]
async fn parts_are_told_as_the_account_says() {
    let rows: [(&str, u8, usize); 3] = [("udh8", 0x40, 6 + 153), ("udh16", 0x40, 7 + 152), ("sar", 0, 153)];
    for (segmentation, esm_class, octets) in rows {
        let mut world = world_with(&[("segmentation", segmentation)]).await;
        let message = outbound("SMS", "447700900123", Body::Text("a".repeat(161)));
        let bodies = submitted(&mut world, &message, 2).await;
        let fixed = b"\0\x01\x01447700900000\0\x01\x01447700900123\0".len();
        let (first, second) = (&bodies[0][fixed..], &bodies[1][fixed..]);
        assert_eq!((first[0], usize::from(first[9])), (esm_class, octets), "{segmentation}");
        match segmentation {
            "udh8" => assert_eq!((&first[10..13], &second[14..16]), (&[5, 0, 3][..], &[2, 2][..])),
            "udh16" => assert_eq!((&first[10..13], &second[15..17]), (&[6, 8, 4][..], &[2, 2][..])),
            _ => assert!(second.ends_with(&[2, 14, 0, 1, 2, 2, 15, 0, 1, 2]), "{second:?}"),
        }
    }
}

#[tokio::test]
async fn raw_overrides_are_texts() {
    let mut world = world().await;
    let mut message = outbound("SMS", "447700900123", Body::Text("not used".to_owned()));
    for raw in [r#""Hi @ 5€""#, r#"{"text":"Hi @ 5€"}"#] {
        message.raw = Some(raw.into());
        assert_eq!(submitted(&mut world, &message, 1).await, [fixture("submit text")]);
    }
    for odd in ["{}", "7", "{", ""] {
        message.raw = Some(odd.into());
        let ended = world.channel.connector.send(&world.line, &message).await;
        assert_eq!(kind(&ended), (ReasonKind::ContentUnsupported, None, false), "{odd}");
    }
}

#[tokio::test]
async fn a_receipt_is_read_from_the_published_bytes() {
    let mut world = world().await;
    world.center.write(DELIVER, 0, 9, &fixture("receipt")).await;
    let answer = world.center.read().await;
    assert_eq!(
        (answer.id, answer.status, answer.sequence, &answer.body[..]),
        (DELIVER | ANSWER, 0, 9, &b"\0"[..])
    );
    let heard = world.heard.all.lock().expect("no poison").clone();
    let [Inbound::Receipt { provider_id, token: None, recipient, receipt }] = &heard[..] else {
        panic!("a receipt: {heard:?}")
    };
    let said = (&**provider_id, recipient.as_deref(), receipt.status, receipt.at.0);
    assert_eq!(said, ("7f3a91", Some("447700900123"), Status::Delivered, 1_796_133_960_000));
}

#[tokio::test]
async fn a_lost_session_is_bound_again() {
    for goodbye in [true, false] {
        let mut world = world().await;
        if goodbye {
            world.center.write(UNBIND, 0, 8, &[]).await;
            assert_eq!(world.center.read().await.id, UNBIND | ANSWER);
        }
        drop(world.center);
        world.center = Center::accept(&world.listener).await;
        let bind = world.center.bind().await;
        world.center.write(BIND | ANSWER, 0, bind.sequence, b"SMSC\0").await;
        world.center.write(ENQUIRE, 0, 78, &[]).await;
        assert_eq!(world.center.read().await.id, ENQUIRE | ANSWER);
        let message = outbound("SMS", "447700900123", Body::Text("Hi @ 5€".to_owned()));
        assert_eq!(submitted(&mut world, &message, 1).await.len(), 1, "and used again");
    }
}

#[tokio::test]
async fn broken_framing_ends_the_session_and_a_broken_body_does_not() {
    let mut world = world().await;
    world.center.write(DELIVER, 0, 5, b"\xff\xff").await;
    let nack = world.center.read().await;
    assert_eq!((nack.id, nack.sequence), (ANSWER, 5));
    world.center.write(0x0103, 0, 6, &[]).await;
    assert_eq!(world.center.read().await.id & ANSWER, ANSWER, "an unknown request is answered");
    world.center.0.write_all(&[0xff; 16]).await.expect("it is written");
    Center::accept(&world.listener).await.bind().await;
}

#[tokio::test]
async fn a_message_repeated_after_a_lost_answer_keeps_its_id() {
    let mut world = world().await;
    let body = deliver(0, b"ok");
    let ids = |heard: &Heard| -> Vec<Arc<str>> {
        let id = |one: &Inbound| match one {
            Inbound::Message { source_id, .. } => source_id.clone(),
            other => panic!("a message: {other:?}"),
        };
        heard.all.lock().expect("no poison").iter().map(id).collect()
    };
    for sequence in [1, 2] {
        world.center.write(DELIVER, 0, sequence, &body).await;
        assert_eq!(world.center.read().await.status, 0);
    }
    drop(world.center);
    world.center = Center::accept(&world.listener).await;
    let bind = world.center.bind().await;
    world.center.write(BIND | ANSWER, 0, bind.sequence, b"SMSC\0").await;
    for sequence in [1, 2, 3] {
        world.center.write(DELIVER, 0, sequence, &body).await;
        assert_eq!(world.center.read().await.status, 0);
    }
    let ids = ids(&world.heard);
    assert_ne!(ids[0], ids[1], "said twice on a living session");
    assert_eq!(ids[2..4], ids[..2], "both answers may have been lost with the session");
    assert!(!ids[..4].contains(&ids[4]), "a third one is new");
}

#[tokio::test]
async fn an_empty_id_of_the_center_names_no_message() {
    let mut world = world().await;
    // receipted_message_id, one octet long: the end of an empty text. Found by the fuzz target.
    let body = [deliver(0, b"ok"), vec![0x00, 0x1e, 0x00, 0x01, 0x00]].concat();
    world.center.write(DELIVER, 0, 1, &body).await;
    assert_eq!(world.center.read().await.status, 0);
    let heard = world.heard.all.lock().expect("no poison");
    assert!(matches!(&heard[..], [Inbound::Message { source_id, .. }] if !source_id.is_empty()), "{heard:?}");
}

/// A way out that forbids every host, and ends the session when it was asked.
struct Forbidding(Mutex<Option<tokio::sync::oneshot::Sender<()>>>);

impl connector_api::HttpOut for Forbidding {
    fn call(
        &self,
        _: connector_api::HttpRequest,
    ) -> BoxFuture<'_, Result<connector_api::HttpResponse, connector_api::OutError>> {
        panic!("nobody calls")
    }

    fn addresses(&self, _: String) -> BoxFuture<'_, Result<Vec<std::net::IpAddr>, connector_api::OutError>> {
        drop(self.0.lock().expect("no poison").take());
        Box::pin(async { Err(connector_api::OutError::Forbidden("not here".to_owned())) })
    }
}

#[tokio::test]
async fn a_center_whose_address_is_forbidden_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let settings = [("host", "127.0.0.1"), ("port", &*port), ("system_id", "acme"), ("password", SECRET)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (asked, ending) = tokio::sync::oneshot::channel();
    let way_out = Arc::new(Forbidding(Mutex::new(Some(asked))));
    let guarded = Line::new("447700900000", settings, way_out);
    let session = registered("SMS").session.expect("SMS holds a session");
    let ending = Box::pin(async move { ending.await.unwrap_or_default() });
    session.hold(guarded, Arc::new(Heard::default()), ending).await;
    let nobody = listener.into_std().expect("it is a socket").accept().expect_err("asked, and stayed away");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}
