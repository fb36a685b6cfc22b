//! From the configuration to what each room is told.
//!
//! Every section is taken apart without a rest and every part is used, so that a key that nobody obeys does not
//! compile without a warning.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use config::Config;
use http_out::{Client, Policy, Subnet};

use crate::data::DataFolder;

/// What the rooms are told.
pub struct Wiring {
    pub doors: Doors,
    pub operator_listen: Option<SocketAddr>,
    /// How long a stopping server waits for open work.
    pub grace: Duration,
    pub vault_key: PathBuf,
    pub store: store_sqlite::Settings,
    pub engine: engine::Limits,
    pub provider_http: Client,
    pub callback_http: Client,
    pub liveperson: face_liveperson::Settings,
    pub sinch: face_sinch::Settings,
    pub livedesk: face_livedesk::Settings,
}

/// Listeners and what they let in.
pub struct Doors {
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    pub base_url: Option<String>,
    pub header_timeout: Duration,
    pub header_bytes_max: usize,
    pub body_timeout: Duration,
    pub body_bytes_max: usize,
    pub connections_max: usize,
}

/// The TLS listener.
pub struct Tls {
    pub listen: SocketAddr,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Wiring {
    /// Takes the configuration apart; signing keys come from the folder.
    pub fn of(config: Config, folder: &DataFolder) -> anyhow::Result<Wiring> {
        // The folder is open and logging has begun: both sections were obeyed before.
        let Config { server, store, sinch, liveperson, livedesk, http_out, limits, log: _ } = config;
        let config::Store {
            data: _,
            sync,
            vault_key_file,
            log_kept_days,
            idempotency_kept_hours,
            database_bytes_max,
        } = store;
        let (provider_http, callback_http) = ways_out(&http_out)?;
        Ok(Wiring {
            engine: engine::Limits {
                shutdown_ms_max: i64::try_from(server.shutdown_grace_s.saturating_mul(1_000))?,
                log_kept_s: i64::from(log_kept_days) * 24 * 3_600,
                answers_kept_s: i64::from(idempotency_kept_hours) * 3_600,
                ..engine_limits(&limits)
            },
            livedesk: livedesk_settings(&livedesk, &limits, folder)?,
            operator_listen: server.operator_listen,
            grace: Duration::from_secs(server.shutdown_grace_s),
            doors: doors(server, &limits)?,
            vault_key: vault_key_file.unwrap_or_else(|| folder.vault_key()),
            store: store_sqlite::Settings {
                sync: synced(sync),
                bytes_max: database_bytes_max,
                filter_bytes: limits.absence_filter_bytes,
                ..store_sqlite::Settings::default()
            },
            provider_http,
            callback_http,
            liveperson: liveperson_settings(liveperson, folder)?,
            sinch: sinch_settings(&sinch, folder)?,
        })
    }
}

fn doors(server: config::Server, limits: &config::Limits) -> anyhow::Result<Doors> {
    let config::Server {
        listen,
        tls_listen,
        tls_certificate,
        tls_key,
        base_url,
        operator_listen: _,
        header_timeout_s,
        body_timeout_s,
        shutdown_grace_s: _,
    } = server;
    let tls = match (tls_listen, tls_certificate.zip(tls_key)) {
        (None, _) => None,
        (Some(listen), Some((certificate, key))) => Some(Tls { listen, certificate, key }),
        (Some(_), None) => bail!("server.tls_listen needs server.tls_certificate and server.tls_key"),
    };
    Ok(Doors {
        listen,
        tls,
        base_url,
        header_timeout: Duration::from_secs(header_timeout_s),
        header_bytes_max: limits.header_bytes_max,
        body_timeout: Duration::from_secs(body_timeout_s),
        body_bytes_max: limits.body_bytes_max,
        connections_max: limits.connections_max,
    })
}

fn engine_limits(limits: &config::Limits) -> engine::Limits {
    let config::Limits {
        waiting_commands_max,
        batch_commands_max,
        cached_rows_max,
        absence_filter_bytes: _,
        open_attempts_max,
        provider_rates,
        open_callbacks_max,
        body_bytes_max: _,
        header_bytes_max: _,
        connections_max: _,
    } = *limits;
    engine::Limits {
        waiting_commands_max,
        batch_commands_max,
        cached_rows_max,
        open_attempts_max,
        provider_rates,
        open_callbacks_max,
        ..engine::Limits::default()
    }
}

fn synced(sync: config::Sync) -> store_sqlite::Sync {
    match sync {
        config::Sync::Full => store_sqlite::Sync::Full,
        config::Sync::Normal => store_sqlite::Sync::Normal,
    }
}

/// To channel providers, and to URLs that customers give.
fn ways_out(http_out: &config::HttpOut) -> anyhow::Result<(Client, Client)> {
    let config::HttpOut {
        allow_loopback,
        allow,
        providers_allow_loopback,
        providers_allow,
        connect_timeout_ms,
        callback_timeout_ms,
        provider_timeout_ms,
    } = http_out;
    let client = |allow: &[String], allow_loopback, request_timeout_ms_max| -> anyhow::Result<Client> {
        let subnet = |text: &String| text.parse::<Subnet>().with_context(|| format!("{text} is no subnet"));
        let allow = allow.iter().map(subnet).collect::<anyhow::Result<Vec<_>>>()?;
        let connect_timeout_ms = *connect_timeout_ms;
        let limits =
            http_out::Limits { connect_timeout_ms, request_timeout_ms_max, ..http_out::Limits::default() };
        Ok(Client::new(Policy { allow, allow_loopback }, limits))
    };
    Ok((
        client(providers_allow, *providers_allow_loopback, *provider_timeout_ms)?,
        client(allow, *allow_loopback, *callback_timeout_ms)?,
    ))
}

fn liveperson_settings(
    liveperson: config::LivePerson,
    folder: &DataFolder,
) -> anyhow::Result<face_liveperson::Settings> {
    let config::LivePerson { app_token_lifetime_s, public_authority } = liveperson;
    let signing_key = folder.secret("liveperson.key")?;
    Ok(face_liveperson::Settings {
        app_token_lifetime_s,
        public_authority,
        ..face_liveperson::Settings::new(signing_key)
    })
}

fn sinch_settings(sinch: &config::Sinch, folder: &DataFolder) -> anyhow::Result<face_sinch::Settings> {
    let config::Sinch {
        token_lifetime_s,
        requests_per_second,
        sends_per_second_per_app,
        callbacks_per_second_per_app,
    } = *sinch;
    let rates =
        face_sinch::Rates { requests_per_second, sends_per_second_per_app, callbacks_per_second_per_app };
    Ok(face_sinch::Settings { token_lifetime_s, signing_key: folder.secret("sinch.key")?, rates })
}

fn livedesk_settings(
    livedesk: &config::LiveDesk,
    limits: &config::Limits,
    folder: &DataFolder,
) -> anyhow::Result<face_livedesk::Settings> {
    let config::LiveDesk { messages_per_minute_per_conversation: per_minute, attachment_bytes_max } =
        *livedesk;
    let plain_request_bytes_max = limits.body_bytes_max;
    let usual = face_livedesk::Settings::default();
    Ok(face_livedesk::Settings {
        signing_key: folder.secret("livedesk.key")?,
        throttle_per_conversation_per_minute: (per_minute > 0).then_some(per_minute),
        attachment_bytes_max,
        // One file of the largest size must fit, with the fields around it.
        request_bytes_max: usual.request_bytes_max.max(attachment_bytes_max + plain_request_bytes_max),
        plain_request_bytes_max,
        ..usual
    })
}
