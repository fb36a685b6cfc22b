//! What a message center sends: frames, PDUs, and what incoming messages and receipts say.
//!
//! A frame takes the bytes that its header says and no others. A command that was spelled again, and can be read, is
//! the same. One PDU is heard once at most, and is answered with success only when that was kept. A receipt's time lies
//! in the century that its two digits stand for.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use bytes::BytesMut;
use connector_api::{Inbound, Intake, Line};
use connectors::smpp::codec::{self, Codec, Frame};
use connectors::smpp::session::Owner as _;
use domain::time::Time;
use futures_util::future::BoxFuture;
use libfuzzer_sys::fuzz_target;
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::runtime::Runtime;
use tokio_util::codec::Decoder as _;

const JANUARY_2000_MS: i64 = 946_684_800_000;
const JANUARY_2101_MS: i64 = 4_133_980_800_000;

fuzz_target!(|stream: &[u8]| {
    let mut buffer = BytesMut::from(stream);
    let mut heard = Vec::new();
    loop {
        let header: Option<[u8; 4]> = buffer.get(..4).and_then(|header| header.try_into().ok());
        let before = buffer.len();
        let frame = Codec.decode(&mut buffer);
        let taken = before - buffer.len();
        let Ok(Some(frame)) = frame else {
            assert_eq!(taken, 0, "what is incomplete or absurd stays");
            break;
        };
        assert_eq!(header.map(u32::from_be_bytes), Some(taken as u32), "a frame takes what its header says");
        if let Frame::Command(command) = frame {
            spell_again(&command);
            heard.push(*command);
        }
    }
    hear(heard);
});

fn spell_again(command: &Command) {
    let spelled = spelled(command);
    let again = Codec.decode(&mut spelled.clone()).expect("what was written has a length");
    // The library keeps a parameter's length as it was sent, right or wrong, and may refuse it the second time.
    if let Some(Frame::Command(again)) = again {
        assert_eq!(spelled, self::spelled(&again), "{command:?} and {again:?}");
    }
}

fn spelled(command: &Command) -> BytesMut {
    let mut spelled = BytesMut::new();
    codec::write(command, &mut spelled).expect("what was read can be written");
    spelled
}

/// Keeps what it is told to keep.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Inbound>>,
    keeps: bool,
}

impl Intake for Ear {
    fn take(&self, inbound: Vec<Inbound>) -> BoxFuture<'_, bool> {
        self.heard.lock().expect("one thread").extend(inbound);
        Box::pin(std::future::ready(self.keeps))
    }

    fn now(&self) -> Time {
        Time(JANUARY_2000_MS)
    }
}

/// Waiting takes no time.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
});

fn hear(commands: Vec<Command>) {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let settings = vec![setting("host", "127.0.0.1"), setting("message_id_form", "hex_then_decimal")];
    let line = Line::new("447700900000", settings, Arc::new(testkit::NoWayOut));
    for keeps in [true, false] {
        let ear = Arc::new(Ear { keeps, ..Ear::default() });
        let receiver = connectors::receiver(&line, ear.clone());
        for command in &commands {
            let Some(Pdu::DeliverSm(message)) = command.pdu() else { continue };
            let status = RUNTIME.block_on(receiver.deliver(message.clone()));
            let heard = std::mem::take(&mut *ear.heard.lock().expect("one thread"));
            assert!(heard.len() <= 1, "one PDU says one thing: {heard:?}");
            let kept = heard.is_empty() || keeps;
            assert!(kept || status != CommandStatus::EsmeRok, "what was not kept comes again");
            heard.iter().for_each(check);
        }
    }
}

fn check(heard: &Inbound) {
    match heard {
        Inbound::Receipt { receipt, .. } => {
            let Time(at) = receipt.at;
            assert!(at == 0 || (JANUARY_2000_MS..JANUARY_2101_MS).contains(&at), "{receipt:?}");
        }
        Inbound::Message { source_id, .. } => assert!(!source_id.is_empty(), "a repeat is known by its id"),
        Inbound::Signal { .. } => panic!("nobody types here"),
    }
}
