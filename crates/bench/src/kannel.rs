//! Kannel as Debian packs it, if it is installed: `bearerbox` and `smsbox` on files of their own, connected to the same
//! SMSC. Options are those of Kannel's user guide, chapters "Core configuration" and "Setting up a SMS gateway".

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::Command;

use crate::demo::{SHORT, TALKATIVE};
use crate::process::{Process, free_address, ready};
use crate::wire::{Connection, Load};

const BEARERBOX: &str = "/usr/sbin/bearerbox";
const SMSBOX: &str = "/usr/sbin/smsbox";
/// Its name and password at the SMSC and at its own doors.
const NAME: &str = "kannel";

/// Both processes; what they wrote goes with them.
pub struct Kannel {
    bearerbox: Process,
    smsbox: Process,
    folder: PathBuf,
    sendsms: String,
}

impl Drop for Kannel {
    fn drop(&mut self) {
        self.smsbox.end();
        self.bearerbox.end();
        // What cannot be removed stays in the system's folder for temporary files.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Where its three doors are.
struct Doors {
    admin: String,
    smsbox: String,
    sendsms: String,
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap_or_default()
}

impl Kannel {
    /// Starts it against the SMSC of a sandbox; `None` if it is not installed.
    pub async fn start(sandbox: &str, smsc: &str) -> anyhow::Result<Option<Kannel>> {
        if !(Path::new(BEARERBOX).exists() && Path::new(SMSBOX).exists()) {
            return Ok(None);
        }
        let account = format!(r#"{{"password": "{NAME}"}}"#);
        let put = format!("/accounts/SMS/{NAME}");
        Connection::open(sandbox).await?.put(&put, &account).await?;
        let folder = std::env::temp_dir().join(format!("trunkline-bench-kannel-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let doors = Doors { admin: free_address()?, smsbox: free_address()?, sendsms: free_address()? };
        let file = folder.join("kannel.conf");
        std::fs::write(&file, configuration(&folder, smsc, &doors))?;
        let start = |program: &str| {
            let mut command = Command::new(program);
            // Only panics are logged.
            command.args(["-v", "5"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
            Process::start(&mut command)
        };
        let bearerbox = start(BEARERBOX)?;
        ready(&doors.admin, "/status.txt").await.context("bearerbox does not start")?;
        let smsbox = start(SMSBOX)?;
        let kannel = Kannel { bearerbox, smsbox, folder, sendsms: doors.sendsms };
        kannel.online(&doors.admin).await?;
        Ok(Some(kannel))
    }

    /// Waits until it is bound to the SMSC and its smsbox listens.
    async fn online(&self, admin: &str) -> anyhow::Result<()> {
        let mut connection = Connection::open(admin).await?;
        let bound = async {
            while !connection.text("/status.txt").await?.contains("(online") || self.listens().await.is_err()
            {
                tokio::time::sleep(crate::process::READY_STEP).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(crate::process::START_MAX, bound).await.context("Kannel does not bind")?
    }

    async fn listens(&self) -> anyhow::Result<()> {
        Connection::open(&self.sendsms).await.map(|_| ())
    }

    /// Sends of one part, each to a new recipient, whose delivery is told at `told`.
    pub fn load(&self, told: &str) -> Load {
        let text = SHORT.replace(' ', "+");
        let path = format!(
            "/cgi-bin/sendsms?username={NAME}&password={NAME}&from=46700000001&to=46%{TALKATIVE}&text=%+{text}\
             &dlr-mask=1&dlr-url={told}"
        );
        Load { address: self.sendsms.clone(), path, authorization: "none".to_owned(), template: None }
    }
}

fn configuration(folder: &Path, smsc: &str, doors: &Doors) -> String {
    let (smsc_port, admin, smsbox, sendsms) =
        (port(smsc), port(&doors.admin), port(&doors.smsbox), port(&doors.sendsms));
    let store = folder.join("kannel.store");
    let store = store.display();
    format!(
        "group = core
admin-port = {admin}
admin-password = {NAME}
admin-allow-ip = 127.0.0.1
smsbox-port = {smsbox}
box-allow-ip = 127.0.0.1
dlr-storage = internal
store-type = file
store-location = {store}

group = smsc
smsc = smpp
smsc-id = sandbox
host = 127.0.0.1
port = {smsc_port}
transceiver-mode = true
smsc-username = {NAME}
smsc-password = {NAME}
system-type = \"\"
max-pending-submits = 50

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}

group = sendsms-user
username = {NAME}
password = {NAME}
"
    )
}
