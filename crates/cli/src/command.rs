//! The grammar of the command line, with its help texts, and which request a command of administration is.
//! Values that name things are only read here; whether they exist is for the server to say.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::request::{AdminRequest, AgentRole, AppChanges, ChannelSetting, KeyFace};

/// A self-hosted conversation server: one core, three APIs, many channels.
#[derive(Clone, Debug, Parser)]
#[command(name = "trunkline", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the server until it is stopped. Next, in another shell: `trunkline tenant create --name NAME`.
    Serve {
        /// Configuration file (TOML); without it defaults and TRUNKLINE_SECTION__KEY variables hold.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Run a server with a sandbox of providers, play a conversation through all APIs, and keep serving.
    Demo(DemoArgs),
    /// Run the sandbox of providers alone.
    Sandbox {
        /// Address of its own interface and of the HTTP providers; a free port of this machine if left out.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// File that keeps every send request as a JSON line, read again at the next start.
        #[arg(long, value_name = "FILE")]
        ledger: Option<PathBuf>,
        /// Enforce rules that hinder play, such as WhatsApp's 24-hour window.
        #[arg(long)]
        strict_windows: bool,
    },
    /// Say in sentences what is wrong with a configuration.
    Check {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Create, list and show tenants.
    Tenant(Administration<TenantCommand>),
    /// Create, list and show apps, and connect their channels.
    App(Administration<AppCommand>),
    /// Create, list and revoke keys of the APIs.
    Key(Administration<KeyCommand>),
    /// Create, list and show agents.
    Agent(Administration<AgentCommand>),
    /// Say step by step what became of a message.
    Explain {
        /// The message's id, as UUID or ULID.
        message_id: String,
        #[command(flatten)]
        printing: Printing,
    },
    /// Back up everything, keys included, while the server runs or is down. Keep it as safe as the data folder.
    Backup {
        /// Folder for the backup, empty or absent.
        #[arg(long, value_name = "FOLDER", value_parser = absolute)]
        to: PathBuf,
        #[command(flatten)]
        printing: Printing,
    },
    /// Check a backup and restore it to an empty data folder, with delivery paused. Next: `trunkline serve`, and when the
    /// first server is surely gone, `trunkline delivery resume`.
    Restore {
        /// Folder of the backup.
        #[arg(long, value_name = "FOLDER")]
        from: PathBuf,
        /// Hand over what waited in the backup as soon as the server starts, even if the first server has done so since.
        #[arg(long)]
        resume_delivery: bool,
        #[command(flatten)]
        printing: Printing,
    },
    /// Pause and resume handing messages to channels; requests are accepted all the same.
    Delivery(Administration<DeliveryCommand>),
}

/// The demo's switches.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Data folder, where demo.json is written.
    #[arg(long, value_name = "DIR", default_value = "trunkline-demo")]
    pub data: PathBuf,
    /// Address of the HTTP listener.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of the TLS listener; a free port if --listen is given and this is not.
    #[arg(long, value_name = "ADDR")]
    pub tls_listen: Option<SocketAddr>,
    /// Stop when the conversation is played.
    #[arg(long)]
    pub once: bool,
    /// Use the sandbox that runs at this URL instead of an own one.
    #[arg(long, value_name = "URL")]
    pub sandbox: Option<String>,
    /// Keep the vendors' published rate limits, which the demo leaves out.
    #[arg(long)]
    pub vendor_limits: bool,
}

/// A group of administration commands with the switches that they share.
#[derive(Clone, Debug, Args)]
pub struct Administration<C: Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub printing: Printing,
}

/// Where the server is found and how its answer is printed.
#[derive(Clone, Debug, Default, Args)]
pub struct Printing {
    /// Configuration file of the server.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Data folder of the server, if not the configuration's.
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum TenantCommand {
    /// Create a tenant. Next: `trunkline app create --tenant NAME …`.
    Create {
        /// Name shown to people.
        #[arg(long)]
        name: String,
    },
    /// List all tenants.
    List,
    /// Show one tenant.
    Show {
        /// Its id, account number, site id or unique name.
        tenant: String,
    },
    /// Revoke every key of a tenant, and of its apps and agents. Its data stays.
    Revoke {
        /// Its id, account number, site id or unique name.
        tenant: String,
    },
}

#[derive(Clone, Debug, Args)]
pub struct OfTenant {
    /// The tenant: id, account number, site id or unique name.
    #[arg(long)]
    tenant: String,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AppCommand {
    /// Create an app, with its first channel if wished. Next: give the provider the callback path that is printed,
    /// below the server's base URL, and make a key with `trunkline key create --tenant NAME --face …`.
    Create {
        #[command(flatten)]
        of: OfTenant,
        /// Name shown to people.
        #[arg(long)]
        name: String,
        /// First channel, such as WHATSAPP.
        #[arg(long, requires = "account")]
        channel: Option<String>,
        /// The provider's name for our side: phone number id, bot id, system id.
        #[arg(long, requires = "channel")]
        account: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// List a tenant's apps.
    List {
        #[command(flatten)]
        of: OfTenant,
    },
    /// Show one app.
    Show {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, number or unique name.
        app: String,
    },
    /// Revoke every key that belongs to an app. Its data and channels stay.
    Revoke {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, number or unique name.
        app: String,
    },
    /// Change what an app does: unknown outcomes, patience with channels, limits, mode. What is not given stays.
    Set {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, number or unique name.
        app: String,
        #[command(flatten)]
        changes: AppChanges,
    },
    /// Connect a channel with the lowest priority, or replace a connected one's account.
    SetChannel {
        #[command(flatten)]
        of: OfTenant,
        /// The app: id, number or unique name.
        #[arg(long)]
        app: String,
        /// The channel, such as WHATSAPP.
        #[arg(long)]
        channel: String,
        /// The provider's name for our side: phone number id, bot id, system id.
        #[arg(long)]
        account: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Disconnect a channel.
    RemoveChannel {
        #[command(flatten)]
        of: OfTenant,
        /// The app: id, number or unique name.
        #[arg(long)]
        app: String,
        /// The channel, such as WHATSAPP.
        #[arg(long)]
        channel: String,
    },
}

/// Settings of a channel account.
#[derive(Clone, Args)]
pub struct Settings {
    /// A credential or setting in the connector's words; may be repeated. Others may see it in the process list.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Like --set, with the value read from a file; a line end at its end is dropped.
    #[arg(long, value_name = "KEY=FILE", value_parser = pair_from_file)]
    set_file: Vec<(String, String)>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key. Its secret is printed once. Next: call the API with it; `trunkline explain MESSAGE_ID` then tells
    /// what became of a message.
    Create {
        #[command(flatten)]
        of: OfTenant,
        /// The API that the key opens.
        #[arg(long, value_enum)]
        face: KeyFace,
        /// The app it belongs to; needed for liveperson.
        #[arg(long)]
        app: Option<String>,
        /// The agent who acts when it is used: id, number, email or unique name.
        #[arg(long)]
        agent: Option<String>,
        /// Name shown to people; the login of a liveperson-admin.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List a tenant's keys, without secrets.
    List {
        #[command(flatten)]
        of: OfTenant,
    },
    /// Show one key, without its secret.
    Show {
        #[command(flatten)]
        of: OfTenant,
        /// Its id or public half.
        key: String,
    },
    /// Revoke a key for good.
    Revoke {
        #[command(flatten)]
        of: OfTenant,
        /// Its id or public half.
        key: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum DeliveryCommand {
    /// Let no hand-over begin, also after a start. Those that are open end.
    Pause,
    /// Hand over what waits. An attempt that a dead process left open is unknown then, as after a crash.
    Resume,
    /// Say whether delivery is paused, and how many messages wait.
    Status,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AgentCommand {
    /// Create an agent. Next: `trunkline key create --tenant NAME --face livedesk --agent EMAIL`.
    Create {
        #[command(flatten)]
        of: OfTenant,
        /// Name shown to people.
        #[arg(long)]
        name: String,
        /// Email address, unique within the tenant.
        #[arg(long)]
        email: String,
        /// What the agent may do.
        #[arg(long, value_enum, default_value = "agent")]
        role: AgentRole,
    },
    /// List a tenant's agents.
    List {
        #[command(flatten)]
        of: OfTenant,
    },
    /// Show one agent.
    Show {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, number, email or unique name.
        agent: String,
    },
    /// Revoke every key by which an agent acts. What they wrote stays.
    Revoke {
        #[command(flatten)]
        of: OfTenant,
        /// Its id, number, email or unique name.
        agent: String,
    },
}

/// The request that a command of administration is; `None` for the other commands.
pub fn request(command: Command) -> Option<(AdminRequest, Printing)> {
    match command {
        Command::Tenant(group) => Some((of_tenant(group.command), group.printing)),
        Command::App(group) => Some((of_app(group.command), group.printing)),
        Command::Key(group) => Some((of_key(group.command), group.printing)),
        Command::Agent(group) => Some((of_agent(group.command), group.printing)),
        Command::Explain { message_id, printing } => {
            Some((AdminRequest::Explain { message: message_id }, printing))
        }
        Command::Backup { to, printing } => Some((AdminRequest::Backup { to }, printing)),
        Command::Delivery(group) => Some((of_delivery(&group.command), group.printing)),
        Command::Serve { .. }
        | Command::Demo(_)
        | Command::Sandbox { .. }
        | Command::Check { .. }
        | Command::Restore { .. } => None,
    }
}

fn of_tenant(command: TenantCommand) -> AdminRequest {
    match command {
        TenantCommand::Create { name } => AdminRequest::CreateTenant { name },
        TenantCommand::List => AdminRequest::ListTenants {},
        TenantCommand::Show { tenant } => AdminRequest::ShowTenant { tenant },
        TenantCommand::Revoke { tenant } => AdminRequest::RevokeTenant { tenant },
    }
}

fn of_app(command: AppCommand) -> AdminRequest {
    match command {
        AppCommand::Create { of, name, channel, account, settings } => {
            let account = account.unwrap_or_default();
            let channel = channel.map(|channel| setting(channel, account, settings));
            AdminRequest::CreateApp { tenant: of.tenant, name, channel }
        }
        AppCommand::List { of } => AdminRequest::ListApps { tenant: of.tenant },
        AppCommand::Show { of, app } => AdminRequest::ShowApp { tenant: of.tenant, app },
        AppCommand::Revoke { of, app } => AdminRequest::RevokeApp { tenant: of.tenant, app },
        AppCommand::Set { of, app, changes } => AdminRequest::SetApp { tenant: of.tenant, app, changes },
        AppCommand::SetChannel { of, app, channel, account, settings } => {
            AdminRequest::SetChannel { tenant: of.tenant, app, channel: setting(channel, account, settings) }
        }
        AppCommand::RemoveChannel { of, app, channel } => {
            AdminRequest::RemoveChannel { tenant: of.tenant, app, channel }
        }
    }
}

fn of_key(command: KeyCommand) -> AdminRequest {
    match command {
        KeyCommand::Create { of, face, app, agent, name } => {
            AdminRequest::CreateKey { tenant: of.tenant, face, app, agent, name }
        }
        KeyCommand::List { of } => AdminRequest::ListKeys { tenant: of.tenant },
        KeyCommand::Show { of, key } => AdminRequest::ShowKey { tenant: of.tenant, key },
        KeyCommand::Revoke { of, key } => AdminRequest::RevokeKey { tenant: of.tenant, key },
    }
}

fn of_agent(command: AgentCommand) -> AdminRequest {
    match command {
        AgentCommand::Create { of, name, email, role } => {
            AdminRequest::CreateAgent { tenant: of.tenant, name, email, role }
        }
        AgentCommand::List { of } => AdminRequest::ListAgents { tenant: of.tenant },
        AgentCommand::Show { of, agent } => AdminRequest::ShowAgent { tenant: of.tenant, agent },
        AgentCommand::Revoke { of, agent } => AdminRequest::RevokeAgent { tenant: of.tenant, agent },
    }
}

fn of_delivery(command: &DeliveryCommand) -> AdminRequest {
    match command {
        DeliveryCommand::Pause => AdminRequest::PauseDelivery { paused: true },
        DeliveryCommand::Resume => AdminRequest::PauseDelivery { paused: false },
        DeliveryCommand::Status => AdminRequest::ShowDelivery {},
    }
}

fn setting(channel: String, account: String, settings: Settings) -> ChannelSetting {
    let settings = settings.set.into_iter().chain(settings.set_file).collect();
    ChannelSetting { channel, account, settings }
}

/// Where a backup goes. The server that writes it may have another working folder.
fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

fn pair_from_file(text: &str) -> Result<(String, String), String> {
    let (key, path) = pair(text)?;
    let value = std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    Ok((key, value.trim_end_matches(['\r', '\n']).to_owned()))
}
