//! SMS: a small SMPP client of the tests' own, byte by byte from the specification, against the table.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::{Bench, QUIET, WAIT};

const SUBMIT: u32 = 4;
const SUBMIT_RESP: u32 = 0x8000_0004;
const DELIVER: u32 = 5;
const DELIVER_RESP: u32 = 0x8000_0005;

struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
struct Pdu {
    id: u32,
    status: u32,
    sequence: u32,
    body: Vec<u8>,
}

impl Pdu {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    async fn write(&mut self, id: u32, sequence: u32, body: &[u8]) {
        let mut bytes = (body.len() as u32 + 16).to_be_bytes().to_vec();
        for word in [id, 0, sequence] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes).await.expect("write");
    }

    async fn read(&mut self, wait_max: Duration) -> Option<Pdu> {
        let mut head = [0; 16];
        timeout(wait_max, self.stream.read_exact(&mut head)).await.ok()?.ok()?;
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let mut body = vec![0; word(0) as usize - 16];
        self.stream.read_exact(&mut body).await.expect("body");
        Some(Pdu { id: word(4), status: word(8), sequence: word(12), body })
    }

    async fn bind(bench: &Bench, system_id: &str, password: &str) -> (Self, u32) {
        let stream = TcpStream::connect(bench.running.smpp_addr).await.expect("connect");
        let mut client = Self { stream };
        let body = format!("{system_id}\0{password}\0\0\x34\0\0\0");
        client.write(9, 1, body.as_bytes()).await;
        let status = client.read(WAIT).await.expect("bind_resp").status;
        (client, status)
    }

    async fn submit(&mut self, sequence: u32, to: &str, class: u8, coding: u8, octets: &[u8]) {
        let mut body = format!("\0\x05\0Acme\0\x01\x01{to}\0").into_bytes();
        body.extend_from_slice(&[class, 0, 0, 0, 0, 1, 0, coding, 0, octets.len() as u8]);
        body.extend_from_slice(octets);
        body.extend_from_slice(&[2, 4, 0, 2, 0, 9]);
        self.write(SUBMIT, sequence, &body).await;
    }

    /// Everything until it is quiet, as words; receipts are taken.
    async fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(pdu) = self.read(QUIET).await {
            match pdu.id {
                SUBMIT_RESP => heard.push(format!("resp {:#x}", pdu.status)),
                DELIVER => {
                    self.write(DELIVER_RESP, pdu.sequence, &[0]).await;
                    let text = pdu.text();
                    let state = text.split("stat:").nth(1).and_then(|rest| rest.split(' ').next());
                    assert!(pdu.body.ends_with(&[2, 4, 0, 2, 0, 9]), "the reference is echoed");
                    heard.push(state.expect("stat").to_owned());
                }
                other => panic!("unexpected {other:#x}"),
            }
        }
        heard
    }
}

async fn bench() -> Bench {
    let bench = Bench::start().await;
    bench.account("SMS", "acme", json!({ "password": "s3cret" })).await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn binds_are_checked() {
    let bench = bench().await;
    for (system_id, password, status) in
        [("acme", "s3cret", 0), ("acme", "x", 0x0e), ("other", "s3cret", 0x0f)]
    {
        assert_eq!(Client::bind(&bench, system_id, password).await.1, status);
    }
    let mut early = Client { stream: TcpStream::connect(bench.running.smpp_addr).await.expect("connect") };
    early.submit(1, "447700900123", 0, 0, b"x").await;
    assert_eq!(early.read(WAIT).await.expect("resp").status, 4);
    early.write(0x15, 2, &[]).await;
    assert_eq!(early.read(WAIT).await.expect("resp").id, 0x8000_0015);
    early.write(6, 3, &[]).await;
    assert_eq!(early.read(WAIT).await.expect("resp").id, 0x8000_0006);
}

#[tokio::test(flavor = "multi_thread")]
async fn magic_recipients() {
    let bench = bench().await;
    type Row<'a> = (&'a str, usize, &'a [&'a str], &'a str, bool);
    let rows: [Row<'_>; 11] = [
        ("447700900123", 1, &["resp 0x0", "DELIVRD"], "accepted", true),
        ("447700900001", 1, &["resp 0xb"], "refused", false),
        ("447700900002", 1, &["resp 0x0", "UNDELIV"], "accepted", false),
        ("447700900003", 3, &["resp 0x8", "resp 0x8", "resp 0x0", "DELIVRD"], "accepted", true),
        ("447700900004", 2, &["resp 0x58", "resp 0x0", "DELIVRD"], "accepted", true),
        ("447700900005", 1, &["resp 0x0"], "accepted", true),
        ("447700900006", 1, &["DELIVRD"], "hung", true),
        ("447700900007", 1, &["DELIVRD", "resp 0x0"], "accepted", true),
        ("447700900008", 1, &["resp 0x0", "DELIVRD", "DELIVRD"], "accepted", true),
        ("447700900009", 1, &["resp 0x0", "DELIVRD"], "accepted", true),
        ("447700900010", 1, &["resp 0x0", "DELIVRD"], "accepted", true),
    ];
    for (to, submits, expected, outcome, phone_got) in rows {
        let mut client = Client::bind(&bench, "acme", "s3cret").await.0;
        for sequence in 0..submits {
            client.submit(10 + sequence as u32, to, 0, 0, b"hello").await;
        }
        assert_eq!(client.heard().await, expected, "{to}");
        let row = bench.row(to).await;
        assert_eq!(
            (row["outcome"].as_str(), row["phone_got"].as_bool()),
            (Some(outcome), Some(phone_got)),
            "{to}"
        );
        assert_eq!(row["raw"]["destination_addr"], to);
        assert_eq!(bench.phone("SMS", to).await.len(), usize::from(phone_got), "{to}");
    }
    let mut client = Client::bind(&bench, "acme", "s3cret").await.0;
    client.submit(1, "447700900011", 0, 0, b"hello").await;
    let mut byte = [0];
    let ended = timeout(WAIT, client.stream.read(&mut byte)).await.expect("ends");
    assert!(!matches!(ended, Ok(1)), "dropped without an answer");
    assert_eq!(bench.row("447700900011").await["outcome"], "dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_become_one_text_on_the_phone() {
    let bench = bench().await;
    let mut client = Client::bind(&bench, "acme", "s3cret").await.0;
    let part = |number: u8, text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        [5, 0, 3, 9, 2, number].into_iter().chain(units).collect::<Vec<u8>>()
    };
    client.submit(1, "447700900123", 0x40, 8, &part(2, "gęś")).await;
    client.submit(2, "447700900123", 0x40, 8, &part(1, "Zażółć ")).await;
    assert_eq!(client.heard().await.len(), 4);
    assert_eq!(bench.phone("SMS", "447700900123").await, ["Zażółć gęś"]);
    let texts: Vec<_> = bench.ledger_of("447700900123").await.iter().map(|row| row["text"].clone()).collect();
    assert_eq!(texts, ["gęś", "Zażółć "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_waits_for_a_bind_and_is_repeated_until_taken() {
    let bench = bench().await;
    bench.says("SMS", "447700900123", json!({ "text": "a".repeat(161) })).await;
    let mut client = Client::bind(&bench, "acme", "s3cret").await.0;
    let first = client.read(WAIT).await.expect("deliver_sm");
    assert_eq!(first.id, DELIVER);
    let refusal = [0, 0, 0, 17, 0x80, 0, 0, 5, 0, 0, 0, 0x64];
    client.stream.write_all(&refusal).await.expect("write");
    client.stream.write_all(&first.sequence.to_be_bytes()).await.expect("write");
    client.stream.write_all(&[0]).await.expect("write");
    let again = client.read(WAIT).await.expect("repeated");
    assert_eq!(again.body, first.body);
    client.write(DELIVER_RESP, again.sequence, &[0]).await;
    let second = client.read(WAIT).await.expect("second part");
    assert_ne!(second.body, first.body);
    client.write(DELIVER_RESP, second.sequence, &[0]).await;
    assert!(client.read(QUIET).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_beat_the_recipient() {
    let bench = bench().await;
    let script = json!(["0001", "0005"]);
    bench.send(Method::PUT, "/faults/SMS/+447700900123", &script).await;
    let mut client = Client::bind(&bench, "acme", "s3cret").await.0;
    for sequence in 1..=3 {
        client.submit(sequence, "447700900123", 0, 0, b"x").await;
    }
    assert_eq!(client.heard().await, ["resp 0xb", "resp 0x0", "resp 0x0"]);
}
