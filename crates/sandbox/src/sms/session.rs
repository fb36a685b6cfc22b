//! One connection: framing, binding, and the answers that need no thought. SMPP 3.4, sections 2.2 and 4.1.
//!
//! Reading never waits for a message's fate; slow answers and receipts run beside it and share the writer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::pdu::{Bind, Frame, ShortMessage, c_string, command, frame, next_frame, status, tag, tlv};
use super::smsc::Session;
use super::{NAME, Sms, submit};
use crate::world::World;

const OUT_MAX: usize = 4096;
const SYSTEM_ID_OCTETS_MAX: usize = 15;
const PASSWORD_OCTETS_MAX: usize = 8;
/// Frames written with one system call, when so many are waiting.
const BATCH_MAX: usize = 256;

pub(super) async fn serve(world: Arc<World>, sms: Sms, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = world.closing.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                world.tasks.spawn(connection(world.clone(), sms.clone(), stream));
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn connection(world: Arc<World>, sms: Sms, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (read_half, write_half) = stream.into_split();
    let (out, outgoing) = mpsc::channel(OUT_MAX);
    let writing = world.tasks.spawn(write(write_half, outgoing));
    let mut peer = Peer { world: world.clone(), sms, out, session: None };
    let dropped = tokio::select! {
        ended = peer.read(read_half) => ended == Ended::Drop,
        () = world.closing.cancelled() => true,
    };
    if let Some(session) = peer.session.take() {
        peer.sms.smsc.remove(&session);
    }
    drop(peer);
    if dropped {
        writing.abort();
    }
}

async fn write(mut half: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Bytes>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while outgoing.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let written = match batch.as_slice() {
            [one] => half.write_all(one).await,
            many => half.write_all(&many.concat()).await,
        };
        if written.is_err() {
            return;
        }
        batch.clear();
    }
}

#[derive(PartialEq)]
enum Ended {
    /// What was promised is still written.
    Properly,
    /// The socket closes at once.
    Drop,
}

enum Next {
    Continue,
    End(Ended),
}

struct Peer {
    world: Arc<World>,
    sms: Sms,
    out: mpsc::Sender<Bytes>,
    session: Option<Arc<Session>>,
}

impl Peer {
    async fn read(&mut self, mut half: OwnedReadHalf) -> Ended {
        let mut buffer = BytesMut::with_capacity(64 << 10);
        loop {
            loop {
                let Ok(next) = next_frame(&mut buffer) else {
                    self.answer(command::GENERIC_NACK, status::INVALID_COMMAND_LENGTH, 0, &[]).await;
                    return Ended::Properly;
                };
                let Some(frame) = next else { break };
                if let Next::End(ended) = self.handle(frame).await {
                    return ended;
                }
            }
            match half.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return Ended::Drop,
                Ok(_) => {}
            }
        }
    }

    async fn handle(&mut self, request: Frame) -> Next {
        let response = request.id | command::RESPONSE;
        match request.id {
            command::BIND_RECEIVER | command::BIND_TRANSMITTER | command::BIND_TRANSCEIVER => {
                return self.bind(request).await;
            }
            command::SUBMIT_SM => return self.submit(request).await,
            command::ENQUIRE_LINK => self.answer(response, status::OK, request.sequence, &[]).await,
            command::UNBIND => {
                self.answer(response, status::OK, request.sequence, &[]).await;
                return Next::End(Ended::Properly);
            }
            id if id & command::RESPONSE != 0 => {
                if let Some(session) = &self.session {
                    let refused = id == command::GENERIC_NACK && request.status == status::OK;
                    let answer = if refused { status::INVALID_COMMAND_ID } else { request.status };
                    session.answered(request.sequence, answer);
                }
            }
            _ => {
                self.answer(command::GENERIC_NACK, status::INVALID_COMMAND_ID, request.sequence, &[]).await;
            }
        }
        Next::Continue
    }

    async fn bind(&mut self, request: Frame) -> Next {
        let response = request.id | command::RESPONSE;
        let refusal = match (Bind::read(request.body), &self.session) {
            (_, Some(_)) => Err(status::ALREADY_BOUND),
            (None, _) => Err(status::INVALID_COMMAND_LENGTH),
            (Some(bind), None) if bind.system_id.len() > SYSTEM_ID_OCTETS_MAX => {
                Err(status::INVALID_SYSTEM_ID)
            }
            (Some(bind), None) if bind.password.len() > PASSWORD_OCTETS_MAX => Err(status::INVALID_PASSWORD),
            (Some(bind), None) => match self.world.accounts.get(NAME, &bind.system_id) {
                None => Err(status::INVALID_SYSTEM_ID),
                Some(account)
                    if account.text("password").is_some_and(|password| password != bind.password) =>
                {
                    Err(status::INVALID_PASSWORD)
                }
                Some(_) => Ok(bind.system_id),
            },
        };
        match refusal {
            Err(refusal) => {
                self.answer(response, refusal, request.sequence, &[]).await;
                if refusal == status::ALREADY_BOUND { Next::Continue } else { Next::End(Ended::Properly) }
            }
            Ok(system_id) => {
                let mut body = c_string("SANDBOX");
                body.extend_from_slice(&tlv(tag::SC_INTERFACE_VERSION, &[0x34]));
                self.answer(response, status::OK, request.sequence, &body).await;
                let session = Arc::new(Session::new(system_id, request.id, self.out.clone()));
                self.sms.smsc.add(session.clone());
                self.session = Some(session);
                Next::Continue
            }
        }
    }

    async fn submit(&mut self, request: Frame) -> Next {
        let response = request.id | command::RESPONSE;
        let Some(session) = self.session.as_ref().filter(|session| session.transmits) else {
            self.answer(response, status::INVALID_BIND_STATUS, request.sequence, &[]).await;
            return Next::Continue;
        };
        let Some(message) = ShortMessage::read(request.body) else {
            self.answer(response, status::INVALID_COMMAND_LENGTH, request.sequence, &[]).await;
            return Next::Continue;
        };
        if submit::receive(&self.world, &self.sms, session, message, request.sequence).await {
            Next::Continue
        } else {
            Next::End(Ended::Drop)
        }
    }

    async fn answer(&self, id: u32, status: u32, sequence: u32, body: &[u8]) {
        // A writer that is gone means a socket that is gone; reading will notice.
        let _ = self.out.send(frame(id, status, sequence, body)).await;
    }
}
