//! `trunkline demo`: the server on an embedded database with the sandbox beside it, one conversation played through
//! all three APIs, and then served until stopped.

mod accounts;
mod authority;
mod info;
mod play;
mod setup;
mod sink;
mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use cli::DemoArgs;
use config::Config;
use sandbox::{Running, Sandbox};

use crate::node::Node;
use crate::stop::Stop;
use accounts::Door;
use info::Info;

/// Where the TLS door opens when nobody says otherwise.
const TLS_LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8443);
/// The file that tells people and scripts how to talk to the demo.
const INFO_FILE: &str = "demo.json";

/// The demo may call this machine: its sandbox and its webhook receiver live here. It has its own certificate, and
/// the vendors' rates hold only when asked for. The environment can still say otherwise.
pub fn defaults(options: &DemoArgs) -> Config {
    let mut config = Config::default();
    let (certificate, key) = authority::files(&options.data);
    config.server.tls_certificate = Some(certificate);
    config.server.tls_key = Some(key);
    if !options.vendor_limits {
        config.limits.provider_rates = false;
        config.sinch.requests_per_second = 0;
        config.sinch.sends_per_second_per_app = 0;
        config.sinch.callbacks_per_second_per_app = 0;
        config.livedesk.messages_per_minute_per_conversation = 0;
    }
    config.http_out.allow_loopback = true;
    config.http_out.providers_allow_loopback = true;
    "warn".clone_into(&mut config.log.filter);
    config
}

/// Runs the demo. Fails when any step of the play did not really happen.
pub async fn run(mut config: Config, options: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let info_path = options.data.join(INFO_FILE);
    let known: Option<Info> = match std::fs::read(&info_path) {
        Ok(bytes) => {
            Some(serde_json::from_slice(&bytes).context("demo.json cannot be read; remove the folder")?)
        }
        Err(_) => None,
    };
    let (running, sandbox_url, smpp) = sandbox(&options).await?;
    adjust(&mut config, &options);
    std::fs::create_dir_all(&options.data)?;
    authority::make(&options.data)?;
    let node = Node::start(config).await?;
    let base_url = format!("http://{}", node.address);
    let info = match known {
        Some(info) => info,
        None => create(&node, &sandbox_url, smpp, &base_url).await?,
    };
    let info = Info {
        base_url: base_url.clone(),
        tls_base_url: node.tls_address.map_or(String::new(), |address| format!("https://{address}")),
        sandbox: info::Sandbox { url: sandbox_url.clone() },
        ..info
    };
    move_accounts(&node, &sandbox_url, smpp, &base_url).await?;
    write(&info_path, &info)?;
    let (played, stopped) = tokio::select! {
        played = play::play(&info) => (played, false),
        () = stop.asked() => (Err(anyhow!("it was stopped")), true),
    };
    match &played {
        Ok(lines) => lines.iter().for_each(|line| crate::say(line)),
        Err(error) => crate::say(&format!("the demo did not play through: {error:#}")),
    }
    if !options.once && !stopped {
        greet(&info, &info_path);
        stop.asked_of(&node.engine).await?;
    }
    let all = async {
        node.shutdown().await;
        if let Some(running) = running {
            running.shutdown().await;
        }
    };
    let ended = stop.finish(all).await;
    played.map(|_| ended)
}

/// Starts a sandbox, or asks one that runs where its SMSC listens.
async fn sandbox(options: &DemoArgs) -> anyhow::Result<(Option<Running>, String, SocketAddr)> {
    let Some(url) = &options.sandbox else {
        let settings = sandbox::Settings {
            ledger: Some(options.data.join("sandbox-ledger.jsonl")),
            ..sandbox::Settings::default()
        };
        std::fs::create_dir_all(&options.data)?;
        let running = Sandbox::start(settings).await.context("the sandbox cannot start")?;
        let (url, smpp) = (running.url(), running.smpp_addr);
        return Ok((Some(running), url, smpp));
    };
    let url = url.trim_end_matches('/').to_owned();
    let described = wire::get_json(&format!("{url}/about")).await.context("the sandbox does not answer")?;
    let Some(smpp) = described["smpp"].as_str().and_then(|address| address.parse().ok()) else {
        bail!("the sandbox at {url} does not say where its SMSC listens");
    };
    Ok((None, url, smpp))
}

/// The demo talks to loopback and keeps its own folder; everything else is as configured.
fn adjust(config: &mut Config, options: &DemoArgs) {
    config.store.data.clone_from(&options.data);
    let usual = Config::default().server.listen;
    config.server.listen = options.listen.unwrap_or(config.server.listen);
    let beside =
        SocketAddr::from((TLS_LISTEN.0, if config.server.listen == usual { TLS_LISTEN.1 } else { 0 }));
    config.server.tls_listen = options.tls_listen.or(config.server.tls_listen).or(Some(beside));
}

/// Makes both tenants.
async fn create(node: &Node, sandbox_url: &str, smpp: SocketAddr, base_url: &str) -> anyhow::Result<Info> {
    let door = Door { sandbox_url, base_url };
    let first = setup::tenant(&node.engine, "Demo", &accounts::all(sandbox_url, smpp, 1), door).await?;
    let second_tenant =
        setup::tenant(&node.engine, "Neighbour", &accounts::all(sandbox_url, smpp, 2), door).await?;
    Ok(Info {
        base_url: String::new(),
        tls_base_url: String::new(),
        ca_file: authority::CA_FILE.to_owned(),
        first,
        console: None,
        sandbox: info::Sandbox { url: sandbox_url.to_owned() },
        second_tenant,
    })
}

/// Points the accounts of a folder that was used before to where the sandbox is now, which is told of them first. The
/// demo tenant's come first: a person writes to the first account when nothing else decides.
async fn move_accounts(
    node: &Node,
    sandbox_url: &str,
    smpp: SocketAddr,
    base_url: &str,
) -> anyhow::Result<()> {
    let mut apps: Vec<_> = node.engine.directory().apps().cloned().collect();
    apps.sort_by_key(|app| app.id);
    for app in apps {
        let mut moved = domain::app::App::clone(&app);
        for account in &mut moved.channels {
            let base_url = format!("{sandbox_url}/{}", account.channel.as_str().to_lowercase());
            for (name, value) in &mut account.settings {
                match name.as_str() {
                    "base_url" => value.clone_from(&base_url),
                    "host" => *value = smpp.ip().to_string(),
                    "port" => *value = smpp.port().to_string(),
                    _ => {}
                }
            }
        }
        Door { sandbox_url, base_url }.register(&moved).await?;
        if moved != *app && node.engine.execute(domain::command::admin::PutApp(moved)).await.is_err() {
            bail!("the channel accounts could not be moved to the sandbox");
        }
    }
    Ok(())
}

fn write(path: &Path, info: &Info) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let beside = path.with_extension("json.new");
    let mut file =
        std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    std::io::Write::write_all(&mut file, serde_json::to_string_pretty(info)?.as_bytes())?;
    std::fs::rename(&beside, path)?;
    Ok(())
}

fn greet(info: &Info, path: &Path) {
    crate::say("");
    crate::say(&format!("Trunkline serves at   {}  and  {}", info.base_url, info.tls_base_url));
    crate::say(&format!("Handsets and ledger   {}", info.sandbox.url));
    crate::say(&format!("Keys for all APIs in  {}", path.display()));
    crate::say("Stop with Ctrl-C.");
}
