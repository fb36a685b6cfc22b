//! The processes under load: the bare server, the sandbox, and Trunkline, each ending with its value.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::figures::Used;
use crate::wire::{Connection, Load};

/// How long a start may take.
const START_MAX: Duration = Duration::from_mins(1);
/// How often a starting server is asked whether it is ready.
const READY_STEP: Duration = Duration::from_millis(5);
/// Recipients ending so are accepted by the provider and never reported on.
pub const SILENT: &str = "0005";
/// Recipients ending so are delivered and read.
pub const TALKATIVE: &str = "0000";

/// A process that is killed with its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.start_kill());
    }
}

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Process> {
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        child.map(Process).with_context(|| format!("{command:?} cannot be started; run make build first"))
    }

    fn used(&self) -> Used {
        self.0.id().map(Used::by).unwrap_or_default()
    }
}

/// The ceiling.
pub struct Bare {
    process: Process,
    address: String,
}

impl Bare {
    pub async fn start() -> anyhow::Result<Bare> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = Process::start(command.arg("--bare").stdout(Stdio::piped()))?;
        let out = process.0.stdout.take().context("no output")?;
        let address = BufReader::new(out).lines().next_line().await?.context("no address")?;
        Ok(Bare { process, address })
    }

    pub fn load(&self) -> Load {
        let template = body("app", SILENT);
        Load {
            address: self.address.clone(),
            path: "/send".to_owned(),
            authorization: "none".to_owned(),
            template,
        }
    }

    pub fn used(&self) -> Used {
        self.process.used()
    }
}

/// Trunkline beside a sandbox of its own process, on a data folder of its own.
pub struct Target {
    binary: PathBuf,
    data: PathBuf,
    address: String,
    sandbox_address: String,
    _sandbox: Process,
    server: Process,
    info: Value,
    /// From the start of the process to the first 200 of `/readyz`.
    pub ready: Duration,
}

impl Drop for Target {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's folder for temporary files.
        drop(std::fs::remove_dir_all(&self.data));
    }
}

impl Target {
    /// An empty server, ready.
    pub async fn start(binary: &str) -> anyhow::Result<Target> {
        let data = std::env::temp_dir().join(format!("trunkline-bench-{}", std::process::id()));
        std::fs::create_dir_all(&data)?;
        let binary = PathBuf::from(binary);
        let (address, sandbox_address) = (free_address()?, free_address()?);
        let mut command = Command::new(&binary);
        let sandbox =
            Process::start(command.args(["sandbox", "--listen", &sandbox_address]).stdout(Stdio::null()))?;
        ready(&sandbox_address, "/about").await?;
        let (server, ready) = launch(&binary, &data, &address, &sandbox_address).await?;
        let info = info(&data).await?;
        let target =
            Target { binary, data, address, sandbox_address, _sandbox: sandbox, server, info, ready };
        target.unsubscribe().await?;
        Ok(target)
    }

    /// Deletes the demo's own webhooks: its receiver would work with the load.
    async fn unsubscribe(&self) -> anyhow::Result<()> {
        let load = self.load(SILENT);
        let project = load.path.trim_end_matches("/messages:send");
        let app = self.info["sinch"]["app_id"].as_str().unwrap_or_default();
        let mut connection = self.connect().await?;
        let listed = connection.get(&format!("{project}/apps/{app}/webhooks"), &load.authorization).await?;
        for webhook in listed["webhooks"].as_array().into_iter().flatten() {
            let path = format!("{project}/webhooks/{}", webhook["id"].as_str().unwrap_or_default());
            connection.delete(&path, &load.authorization).await?;
        }
        Ok(())
    }

    /// Kills the server and starts it again on its data; the sandbox goes on.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.server.0.kill().await?;
        (self.server, self.ready) =
            launch(&self.binary, &self.data, &self.address, &self.sandbox_address).await?;
        self.unsubscribe().await
    }

    pub fn used(&self) -> Used {
        self.server.used()
    }

    /// Sends of the demo's tenant to recipients with this ending.
    pub fn load(&self, ending: &str) -> Load {
        self.load_of(&self.info["sinch"], ending)
    }

    /// Sends of its neighbour.
    pub fn neighbour(&self) -> Load {
        self.load_of(&self.info["second_tenant"]["sinch"], SILENT)
    }

    fn load_of(&self, sinch: &Value, ending: &str) -> Load {
        let text = |name: &str| sinch[name].as_str().unwrap_or_default();
        Load {
            address: self.address.clone(),
            path: format!("/v1/projects/{}/messages:send", text("project_id")),
            authorization: basic(text("key_id"), text("key_secret")),
            template: body(text("app_id"), ending),
        }
    }

    /// Asks for delivery reports at `target`.
    pub async fn subscribe(&self, target: &str) -> anyhow::Result<()> {
        let load = self.load(SILENT);
        let app = self.info["sinch"]["app_id"].clone();
        let webhook = json!({"app_id": app, "target": target, "triggers": ["MESSAGE_DELIVERY"]});
        let path = load.path.replace("/messages:send", "/webhooks");
        Connection::open(&load.address).await?.post(&path, &load.authorization, &webhook.to_string()).await
    }

    /// Lists 50 messages of the conversation that the demo played.
    pub async fn list(&self, connection: &mut Connection) -> anyhow::Result<Value> {
        let livedesk = &self.info["livedesk"];
        let text = |name: &str| livedesk[name].as_str().unwrap_or_default();
        let path = "/api/v2/accounts/conversations/1/messages";
        connection.get(path, &basic(text("api_key"), text("api_secret"))).await
    }

    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.address).await
    }

    /// How many send requests the provider has read.
    pub async fn read_by_provider(&self, after: usize) -> anyhow::Result<Vec<Arrival>> {
        let mut connection = Connection::open(&self.sandbox_address).await?;
        let mut arrivals = Vec::new();
        loop {
            let path = format!("/ledger?limit=10000&after={}", after + arrivals.len());
            let rows = connection.get(&path, "none").await?;
            let rows = rows.as_array().context("the ledger is no list")?;
            if rows.is_empty() {
                return Ok(arrivals);
            }
            arrivals.extend(rows.iter().map(|row| Arrival {
                number: row["text"].as_str().and_then(|text| text.split(' ').next()?.parse().ok()),
                at: SystemTime::UNIX_EPOCH
                    + Duration::from_millis(row["received_at_ms"].as_u64().unwrap_or_default()),
            }));
        }
    }
}

/// A send request that the provider read.
pub struct Arrival {
    /// The number at the head of its text.
    pub number: Option<usize>,
    pub at: SystemTime,
}

fn basic(public: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{public}:{secret}")))
}

async fn launch(
    binary: &PathBuf,
    data: &PathBuf,
    address: &str,
    sandbox: &str,
) -> anyhow::Result<(Process, Duration)> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(["demo", "--listen", address, "--sandbox", &format!("http://{sandbox}"), "--data"]);
    let mut server = Process::start(command.arg(data).stdout(Stdio::piped()))?;
    ready(address, "/readyz").await?;
    let took = started.elapsed();
    played(&mut server).await?;
    Ok((server, took))
}

/// Waits until the demo's own conversation is played: it would be measured with the load.
async fn played(server: &mut Process) -> anyhow::Result<()> {
    let mut lines = BufReader::new(server.0.stdout.take().context("no output")?).lines();
    let heard = async {
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("Trunkline serves at") {
                return Ok(());
            }
        }
        bail!("the server ended before its demo was played")
    };
    tokio::time::timeout(START_MAX, heard).await.context("the demo does not end")??;
    // The rest is read too, so that the server never waits for its output.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(())
}

fn free_address() -> anyhow::Result<String> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

async fn ready(address: &str, path: &str) -> anyhow::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
    let until = Instant::now() + START_MAX;
    while Instant::now() < until {
        if let Ok(mut connection) = Connection::open(address).await
            && matches!(connection.call(request.as_bytes()).await, Ok((200, _)))
        {
            return Ok(());
        }
        tokio::time::sleep(READY_STEP).await;
    }
    bail!("nothing is ready at {address}{path}");
}

async fn info(data: &std::path::Path) -> anyhow::Result<Value> {
    let until = Instant::now() + START_MAX;
    while Instant::now() < until {
        if let Ok(bytes) = std::fs::read(data.join("demo.json")) {
            return Ok(serde_json::from_slice(&bytes)?);
        }
        tokio::time::sleep(READY_STEP).await;
    }
    bail!("the server wrote no demo.json");
}

/// About 600 bytes. The text begins with the request's number, so that the provider's ledger tells which one it is.
fn body(app: &str, ending: &str) -> String {
    let text = "Your parcel waits at the locker on the corner of the market square. ".repeat(4);
    let text = format!("% {}", text.trim());
    let identity = json!({"channel": "WHATSAPP", "identity": format!("+46%{ending}")});
    json!({"app_id": app, "recipient": {"identified_by": {"channel_identities": [identity]}},
        "message": {"text_message": {"text": text}}, "message_metadata": "campaign-7", "ttl": "86400s"})
    .to_string()
}
