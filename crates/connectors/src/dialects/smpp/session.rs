//! A session from connect to unbind: binds, keeps the link alive, answers the center, and comes back with backoff.
//!
//! Everything runs inside one future. Asked to end, it takes no more submits, waits for open answers and unbinds;
//! dropped, it ends at once, with an unbind if the socket takes it. The center's address is judged by the way out before
//! it is connected to. The reader never waits for a handler: incoming messages are handled beside it, a bounded number at a time,
//! and those over the bound are asked to come again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use connector_api::{HttpOut, OutError};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use futures_util::stream::FuturesUnordered;
use rusmpp::pdus::{BindTransceiver, DeliverSm, DeliverSmResp};
use rusmpp::types::COctetString;
use rusmpp::values::{InterfaceVersion, Npi, Ton};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::codec::FramedRead;

use super::codec::{Codec, Frame, write};
use super::link::{Answer, Link};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const BIND_TIMEOUT: Duration = Duration::from_secs(30);
const ENQUIRE_INTERVAL: Duration = Duration::from_secs(30);
const ENQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open submits may still be answered once the session is asked to end.
const OPEN_ANSWERS_WAIT: Duration = Duration::from_secs(10);
const UNBIND_TIMEOUT: Duration = Duration::from_secs(5);
/// ESME_RBINDFAIL, ESME_RINVPASWD, ESME_RINVSYSID: trying again at once only locks the account.
const BIND_REFUSED: [u32; 3] = [0x0d, 0x0e, 0x0f];
const RECONNECT_DELAY_MS_MIN: u64 = 1_000;
const RECONNECT_DELAY_MS_MAX: u64 = 60_000;
/// After a refusal the delays begin here: an account that was only just created is soon known.
const REFUSED_DELAY_MS_MIN: u64 = 5_000;
/// Incoming messages that may be handled at once. Parts that wait for others count too.
const HANDLED_MAX: usize = 1_000;
const OUT_QUEUE_MAX: usize = 256;
/// Bytes that are gathered before they are written.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Where to bind, and as whom.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub host: String,
    pub port: u16,
    pub system_id: String,
    pub password: String,
    pub system_type: String,
    pub bind_ton: u8,
    pub bind_npi: u8,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Who handles what comes in, and hears of links that come and go.
pub trait Owner: Send + Sync {
    /// Handles one incoming message; the status goes back to the center.
    fn deliver(&self, message: DeliverSm) -> BoxFuture<'_, CommandStatus>;
    /// A bound link is there.
    fn bound(&self, link: &Arc<Link>);
    /// It is gone.
    fn unbound(&self, link: &Arc<Link>);
}

/// May be looked at again after it is over.
type Ending = Shared<BoxFuture<'static, ()>>;

/// Why a session ended.
enum Ended {
    /// The account or the address is refused: come back slowly, or the account gets locked.
    Refused,
    NotBound,
    WasBound,
    /// We were asked to end.
    Asked,
}

/// Keeps a session up until `ending` is over or it is dropped.
pub async fn keep(
    place: Place,
    window: usize,
    owner: Arc<dyn Owner>,
    http: Arc<dyn HttpOut>,
    ending: BoxFuture<'static, ()>,
) {
    let ending = ending.shared();
    let mut delay_ms = RECONNECT_DELAY_MS_MIN;
    loop {
        let ended = match connect(&place, &*http, &ending).await {
            Ok(stream) => run(stream, &place, window, &owner, &ending).await,
            Err(ended) => ended,
        };
        match ended {
            Ended::WasBound => delay_ms = RECONNECT_DELAY_MS_MIN,
            Ended::NotBound => {}
            Ended::Refused => delay_ms = delay_ms.max(REFUSED_DELAY_MS_MIN),
            Ended::Asked => return,
        }
        // Up to a quarter more, so that many accounts do not come back in step.
        let jitter_ms = RandomState::new().hash_one(delay_ms) % (delay_ms / 4);
        tracing::info!(host = place.host, delay_ms, "smpp session ended, will bind again");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(delay_ms + jitter_ms)) => {}
            () = ending.clone() => return,
        }
        delay_ms = (delay_ms * 2).min(RECONNECT_DELAY_MS_MAX);
    }
}

async fn connect(place: &Place, http: &dyn HttpOut, ending: &Ending) -> Result<TcpStream, Ended> {
    let connecting = async {
        let addresses = http.addresses(place.host.clone()).await.map_err(|error| match error {
            OutError::Forbidden(why) => {
                tracing::warn!(host = place.host, why, "smpp host may not be connected to");
                Ended::Refused
            }
            OutError::NotSent(_) | OutError::NoAnswer(_) | OutError::TooLong => Ended::NotBound,
        })?;
        for address in addresses {
            if let Ok(stream) = TcpStream::connect((address, place.port)).await {
                return Ok(stream);
            }
        }
        Err(Ended::NotBound)
    };
    tokio::select! {
        connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting) => connected.unwrap_or(Err(Ended::NotBound)),
        () = ending.clone() => Err(Ended::Asked),
    }
}

async fn run(
    stream: TcpStream,
    place: &Place,
    window: usize,
    owner: &Arc<dyn Owner>,
    ending: &Ending,
) -> Ended {
    let Some(bind) = bind_pdu(place) else {
        tracing::warn!(host = place.host, "smpp credentials are longer than the protocol allows");
        return Ended::Refused;
    };
    // Without it small PDUs wait for each other; a socket that refuses works all the same.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (out, queue) = mpsc::channel(OUT_QUEUE_MAX);
    let link = Arc::new(Link::new(out.clone(), window));
    let bound = AtomicBool::new(false);
    let guard = Bound { link: Arc::clone(&link), owner: Arc::clone(owner) };
    let ended = tokio::select! {
        () = read_all(reader, &link, &out, owner) => None,
        () = write_all(writer, queue, &link) => None,
        refused = live(bind, &link, owner, &bound) => refused,
        () = part(ending, &link, owner, &bound) => Some(Ended::Asked),
    };
    drop(guard);
    let lost = if bound.load(Ordering::Relaxed) { Ended::WasBound } else { Ended::NotBound };
    ended.unwrap_or(lost)
}

/// Tells everybody when the session goes, dropped or ended.
struct Bound {
    link: Arc<Link>,
    owner: Arc<dyn Owner>,
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.owner.unbound(&self.link);
        self.link.close();
    }
}

/// Binds and then asks now and again whether the center still lives; returns when it does not.
async fn live(
    bind: BindTransceiver,
    link: &Arc<Link>,
    owner: &Arc<dyn Owner>,
    bound: &AtomicBool,
) -> Option<Ended> {
    match link.ask(bind.into(), BIND_TIMEOUT).await {
        Answer::Taken(_) => {}
        Answer::Refused(status) => {
            tracing::warn!(status, "smpp bind refused");
            return BIND_REFUSED.contains(&status).then_some(Ended::Refused);
        }
        Answer::NotSent | Answer::Lost => return None,
    }
    bound.store(true, Ordering::Relaxed);
    owner.bound(link);
    loop {
        tokio::time::sleep(ENQUIRE_INTERVAL).await;
        let answer = link.ask(Pdu::EnquireLink, ENQUIRE_TIMEOUT).await;
        if matches!(answer, Answer::Lost | Answer::NotSent) {
            return None;
        }
    }
}

/// Once asked to: nobody finds the link any more, what is open may still be answered, then good-bye.
async fn part(ending: &Ending, link: &Arc<Link>, owner: &Arc<dyn Owner>, bound: &AtomicBool) {
    ending.clone().await;
    owner.unbound(link);
    if bound.load(Ordering::Relaxed) {
        link.part(OPEN_ANSWERS_WAIT, UNBIND_TIMEOUT).await;
    }
}

async fn read_all(reader: OwnedReadHalf, link: &Link, out: &mpsc::Sender<Command>, owner: &Arc<dyn Owner>) {
    let mut frames = FramedRead::new(reader, Codec);
    let mut handled = FuturesUnordered::new();
    loop {
        let next = tokio::select! {
            Some(answer) = handled.next(), if !handled.is_empty() => {
                if out.send(answer).await.is_err() {
                    return;
                }
                continue;
            }
            next = frames.next() => next,
        };
        let Some(Ok(frame)) = next else { return };
        let reply = match frame {
            Frame::Unreadable { sequence, is_request: true } => {
                Some(Command::new(CommandStatus::EsmeRinvcmdlen, sequence, Pdu::GenericNack))
            }
            Frame::Unreadable { .. } => None,
            Frame::Command(command) => match command.pdu() {
                Some(Pdu::DeliverSm(message)) => {
                    let sequence = command.sequence_number();
                    if handled.len() < HANDLED_MAX {
                        let message = message.clone();
                        handled.push(async move { deliver_answer(owner.deliver(message).await, sequence) });
                        None
                    } else {
                        Some(deliver_answer(CommandStatus::EsmeRxTAppn, sequence))
                    }
                }
                Some(Pdu::Unbind) => {
                    let answer =
                        Command::new(CommandStatus::EsmeRok, command.sequence_number(), Pdu::UnbindResp);
                    link.note_parting();
                    if out.send(answer).await.is_ok() {
                        // The writer ends the session once the answer is out, and `live` if it never gets out.
                        return std::future::pending().await;
                    }
                    return;
                }
                // Framing is lost on the other side.
                _ if command.id() == CommandId::GenericNack && command.sequence_number() == 0 => return,
                _ => answer_or_join(&command, link),
            },
        };
        if let Some(reply) = reply
            && out.send(reply).await.is_err()
        {
            return;
        }
    }
}

fn deliver_answer(status: CommandStatus, sequence: u32) -> Command {
    Command::new(status, sequence, DeliverSmResp::default())
}

/// Answers a request of the center, or hands an answer to who asked.
fn answer_or_join(command: &Command, link: &Link) -> Option<Command> {
    let sequence = command.sequence_number();
    match command.id() {
        CommandId::EnquireLink => {
            return Some(Command::new(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp));
        }
        CommandId::SubmitSmResp
        | CommandId::EnquireLinkResp
        | CommandId::BindTransceiverResp
        | CommandId::UnbindResp
        | CommandId::GenericNack => {
            if let Some(Pdu::BindTransceiverResp(bound)) = command.pdu()
                && bound.sc_interface_version().is_some()
            {
                link.note_parameters();
            }
            link.answered(sequence, answer_of(command));
        }
        id if u32::from(id) & 0x8000_0000 == 0 => {
            return Some(Command::new(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack));
        }
        _ => {}
    }
    None
}

fn answer_of(command: &Command) -> Answer {
    let status = u32::from(command.status());
    if status != 0 || command.id() == CommandId::GenericNack {
        return Answer::Refused(status);
    }
    match command.pdu() {
        Some(Pdu::SubmitSmResp(taken)) => Answer::Taken(taken.message_id().as_str().to_owned()),
        _ => Answer::Taken(String::new()),
    }
}

/// Says good-bye when dropped, if no half-written PDU is in the way.
struct Writer<'a> {
    half: OwnedWriteHalf,
    clean: bool,
    link: &'a Link,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let mut bytes = BytesMut::new();
        let unbind = Command::new(CommandStatus::EsmeRok, u32::MAX >> 1, Pdu::Unbind);
        if self.clean && !self.link.parted() && write(&unbind, &mut bytes).is_ok() {
            // Best effort: closing the socket says the same less politely.
            let _ = self.half.try_write(&bytes);
        }
    }
}

async fn write_all(half: OwnedWriteHalf, mut queue: mpsc::Receiver<Command>, link: &Link) {
    let mut writer = Writer { half, clean: true, link };
    let mut bytes = BytesMut::new();
    while let Some(first) = queue.recv().await {
        let mut parts = false;
        let mut next = Some(first);
        while let Some(command) = next {
            parts |= command.id() == CommandId::UnbindResp;
            let is_request = u32::from(command.id()) & 0x8000_0000 == 0;
            if (!is_request || link.about_to_write(command.sequence_number()))
                && write(&command, &mut bytes).is_err()
            {
                return;
            }
            next = if bytes.len() < WRITE_BYTES_MAX { queue.try_recv().ok() } else { None };
        }
        writer.clean = false;
        if writer.half.write_all(&bytes).await.is_err() {
            return;
        }
        writer.clean = true;
        bytes.clear();
        if parts {
            return;
        }
    }
}

fn bind_pdu(place: &Place) -> Option<BindTransceiver> {
    Some(BindTransceiver {
        system_id: c_string(&place.system_id)?,
        password: c_string(&place.password)?,
        system_type: c_string(&place.system_type)?,
        interface_version: InterfaceVersion::Smpp3_4,
        addr_ton: Ton::from(place.bind_ton),
        addr_npi: Npi::from(place.bind_npi),
        address_range: c_string("")?,
    })
}

/// A C string, if the text fits.
pub fn c_string<const MIN: usize, const MAX: usize>(text: &str) -> Option<COctetString<MIN, MAX>> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    COctetString::from_vec(bytes).ok()
}
