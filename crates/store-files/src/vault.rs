//! Secrets under AES-256-GCM, with keys from a file that only its owner may read.
//!
//! The file holds one key a line, as hex; the first seals, all open. So rotation is: put a new key on top, seal every
//! secret again, remove the old line. A sealed secret is `v1.<key id>.<base64 of nonce and ciphertext>`; the key id is
//! the beginning of the key's SHA-256, and the context is bound in as additional data. Keys are never logged.

use std::io::{ErrorKind as IoErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ports::{Error, ErrorKind, Vault};
use sha2::{Digest as _, Sha256};

const FORM: &str = "v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const KEY_ID_BYTES: usize = 4;
/// Read and written by the owner alone.
const MODE: u32 = 0o600;
const MODE_OF_OTHERS: u32 = 0o077;

struct Key {
    id: String,
    cipher: Aes256Gcm,
}

/// The vault whose keys are lines of a file.
pub struct FileVault {
    /// Never empty. The first seals.
    keys: Vec<Key>,
}

impl std::fmt::Debug for FileVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("FileVault").field("key_ids", &ids).finish()
    }
}

impl FileVault {
    /// Reads the keys at `path`. An absent file is made with a fresh key; one that others may read is refused.
    pub fn open(path: &Path) -> Result<FileVault, Error> {
        let told =
            |sentence: &str, kind| Error::new(kind, format!("the key file {} {sentence}", path.display()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound => {
                make(path).map_err(|error| told("cannot be made", ErrorKind::Unavailable).because(error))?
            }
            Err(error) => return Err(told("cannot be read", ErrorKind::Unavailable).because(error)),
        };
        let status = std::fs::metadata(path);
        let status = status.map_err(|error| told("cannot be read", ErrorKind::Unavailable).because(error))?;
        if status.permissions().mode() & MODE_OF_OTHERS != 0 {
            return Err(told("may be read by others than its owner; give it mode 600", ErrorKind::Invalid));
        }
        FileVault::from_keys(&text)
            .ok_or_else(|| told("must hold one key a line, each 64 characters of hex", ErrorKind::Invalid))
    }

    /// Keys as the file holds them, for those who keep them elsewhere.
    pub fn from_keys(text: &str) -> Option<FileVault> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Vec<Key> = lines.map(key).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(FileVault { keys })
    }
}

fn key(line: &str) -> Option<Key> {
    let mut bytes = [0; KEY_BYTES];
    hex::decode_to_slice(line, &mut bytes).ok()?;
    let id = hex::encode(&Sha256::digest(bytes)[..KEY_ID_BYTES]);
    Some(Key { id, cipher: Aes256Gcm::new(&bytes.into()) })
}

/// Makes the file with a fresh key, synced with its folder: secrets sealed by a key that is lost are lost too.
fn make(path: &Path) -> std::io::Result<String> {
    let text = hex::encode(chance::<KEY_BYTES>()) + "\n";
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()?;
    Ok(text)
}

#[expect(
    clippy::disallowed_methods,
    reason = "keys and nonces must come from the system, and are never replayed"
)]
fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("without the system's entropy no secret can be kept");
    bytes
}

impl Vault for FileVault {
    fn seal(&self, context: &str, secret: &str) -> String {
        let key = &self.keys[0];
        let nonce = chance::<NONCE_BYTES>();
        let payload = Payload { msg: secret.as_bytes(), aad: context.as_bytes() };
        let sealed = key.cipher.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("only messages of many gigabytes are too long");
        format!("{FORM}.{}.{}", key.id, BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, context: &str, sealed: &str) -> Result<String, Error> {
        let corrupt = || Error::new(ErrorKind::Corrupt, "a sealed secret cannot be understood");
        let mut parts = sealed.splitn(3, '.');
        if parts.next() != Some(FORM) {
            return Err(corrupt());
        }
        let id = parts.next().ok_or_else(corrupt)?;
        let bytes = parts.next().and_then(|text| BASE64.decode(text).ok()).ok_or_else(corrupt)?;
        let (nonce, body) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(corrupt)?;
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            let sentence = format!("a secret was sealed with key {id}, which the key file does not hold");
            return Err(Error::new(ErrorKind::Invalid, sentence));
        };
        let payload = Payload { msg: body, aad: context.as_bytes() };
        let opened = key.cipher.decrypt(Nonce::from_slice(nonce), payload);
        let refuse = |_| Error::new(ErrorKind::Corrupt, "a sealed secret was changed, or moved from its row");
        String::from_utf8(opened.map_err(refuse)?).map_err(|_| corrupt())
    }
}
