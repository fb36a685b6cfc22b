//! The demo's own certificate authority: made once per data folder, with a server certificate for loopback and the
//! vendors' lookup hosts.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// What clients are told to trust.
pub const CA_FILE: &str = "demo-ca.pem";

/// Names that clients may ask for: this machine, and the hosts that vendors' clients look domains up at.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "api.liveperson.net",
    "adminlogin.liveperson.net",
    "us.conversation.api.sinch.com",
    "auth.sinch.com",
];

/// Where the server's certificate chain and key are.
pub fn files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("demo-server.pem"), folder.join("demo-server.key"))
}

/// Makes authority, chain and key where one of them is missing.
pub fn make(folder: &Path) -> anyhow::Result<()> {
    let (chain, key) = files(folder);
    if chain.exists() && key.exists() && folder.join(CA_FILE).exists() {
        return Ok(());
    }
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "Trunkline demo authority");
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let mut server = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
    server.distinguished_name.push(DnType::CommonName, "Trunkline demo");
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &issuer)?;
    write(&folder.join(CA_FILE), &authority_certificate.pem())?;
    write(&key, &server_key.serialize_pem())?;
    write(&chain, &server_certificate.pem())?;
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
