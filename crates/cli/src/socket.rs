//! The socket by which commands reach a running server: one JSON line in, one JSON line out, then it closes.
//!
//! Only the owner of the data folder, and root, gets in: the socket appears with mode 0600, made in a private folder
//! and then moved into place, and the peer's user id is checked as well. A caller that finds no server gets
//! `NotFound` or `ConnectionRefused`. A stale socket of a server that died is replaced.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::request::{AdminAnswer, AdminRequest};

/// Longest request line.
const REQUEST_BYTES_MAX: u64 = 256 << 10;
/// Longest answer line.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Callers served at once; further ones wait.
const CALLS_MAX: usize = 16;
/// How long a caller may take to say its line, or to take the answer.
const CALLER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system gave no connection, for want of handles perhaps.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An open socket: from here on callers find it, and wait until it is served.
pub struct AdminSocket {
    listener: UnixListener,
    owner: u32,
}

impl AdminSocket {
    /// Binds in a private folder, closes the socket to others, and moves it into place; the folder's owner comes
    /// along.
    pub fn open(path: &Path) -> io::Result<AdminSocket> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let private = folder.join(".socket");
        if let Err(error) = DirBuilder::new().mode(0o700).create(&private) {
            if error.kind() != ErrorKind::AlreadyExists {
                return Err(error);
            }
            std::fs::set_permissions(&private, Permissions::from_mode(0o700))?;
        }
        let owner = std::fs::metadata(&private)?.uid();
        let fresh = private.join("s");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&fresh)?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, path)?;
        std::fs::remove_dir(&private)?;
        Ok(AdminSocket { listener, owner })
    }

    /// Serves requests with what answers them, until the task is dropped.
    pub async fn serve<A, F>(self, answer: A)
    where
        A: Fn(AdminRequest) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = AdminAnswer> + Send,
    {
        let calls = Arc::new(Semaphore::new(CALLS_MAX));
        while let Ok(permit) = calls.clone().acquire_owned().await {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the administration socket gave no connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (answer, owner) = (answer.clone(), self.owner);
            tokio::spawn(async move {
                if let Err(error) = serve_one(answer, stream, owner).await {
                    tracing::info!(%error, "an administration request ended early");
                }
                drop(permit);
            });
        }
    }
}

/// Asks a running server.
pub async fn call_socket(path: &Path, request: AdminRequest) -> io::Result<AdminAnswer> {
    let mut stream = UnixStream::connect(path).await?;
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = Vec::new();
    BufReader::new((&mut stream).take(ANSWER_BYTES_MAX)).read_until(b'\n', &mut answer).await?;
    if answer.last() != Some(&b'\n') {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server ended before it answered"));
    }
    Ok(serde_json::from_slice(&answer)?)
}

async fn serve_one<A, F>(answer: A, mut stream: UnixStream, owner: u32) -> io::Result<()>
where
    A: Fn(AdminRequest) -> F,
    F: Future<Output = AdminAnswer>,
{
    let peer = stream.peer_cred()?.uid();
    if peer != owner && peer != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the caller is another user"));
    }
    let mut line = Vec::new();
    let mut reader = BufReader::new((&mut stream).take(REQUEST_BYTES_MAX));
    timely(reader.read_until(b'\n', &mut line)).await?;
    let answer = if line.last() != Some(&b'\n') {
        let why = format!("A request is one line of at most {REQUEST_BYTES_MAX} bytes.");
        AdminAnswer::Refused { why }
    } else {
        match serde_json::from_slice(&line) {
            Ok(request) => answer(request).await,
            Err(error) => {
                AdminAnswer::Refused { why: format!("The server does not know this request: {error}.") }
            }
        }
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timely(stream.write_all(&line)).await?;
    // Closing on unread bytes would take the answer from the caller, so some more are read and dropped.
    timely(stream.shutdown()).await?;
    let mut rest = stream.take(REQUEST_BYTES_MAX);
    timely(tokio::io::copy(&mut rest, &mut tokio::io::sink())).await.map(drop)
}

async fn timely<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(CALLER_TIMEOUT, work).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}
