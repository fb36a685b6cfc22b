//! Administration of apps and their channels.
//! Settings go in and never come out: rows name their keys only. What they mean is the connector's business.

use domain::app::{App, ChannelAccount, Patience, ProcessingMode, UnknownPolicy};
use domain::channel::Channel;
use domain::command::admin::PutApp;
use domain::id::AppId;
use engine::Engine;

use crate::administer::{find_app, find_tenant, named, refusal};
use crate::keys::random;
use crate::request::{AdminAnswer, AppChanges, AppRow, ChannelRow, ChannelSetting, Mode, UnknownOutcomes};

/// Send jobs of a new app that may wait.
const QUEUE_LIMIT: u64 = 500_000;

pub(crate) async fn create(
    engine: &Engine,
    tenant: &str,
    name: String,
    channel: Option<ChannelSetting>,
) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let name = named("app", name)?;
    let channel = channel.map(|channel| account(engine, channel)).transpose()?;
    let app = App {
        id: AppId(engine.new_id()),
        tenant,
        number: 0,
        name,
        identifier: hex::encode(random::<12>()?),
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: channel.into_iter().collect(),
        unknown_policy: None,
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: QUEUE_LIMIT,
        patience: Default::default(),
    };
    put(engine, app).await
}

pub(crate) fn list(engine: &Engine, tenant: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let mut apps: Vec<_> = engine.directory().apps_of(tenant).cloned().collect();
    apps.sort_by_key(|app| app.number);
    Ok(AdminAnswer::Apps { apps: apps.iter().map(|app| row(app)).collect() })
}

pub(crate) fn show(engine: &Engine, tenant: &str, app: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let app = find_app(engine, tenant, app)?;
    Ok(AdminAnswer::Apps { apps: vec![row(&app)] })
}

pub(crate) async fn set(
    engine: &Engine,
    tenant: &str,
    app: &str,
    changes: AppChanges,
) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let app = App::clone(&*find_app(engine, tenant, app)?);
    put(engine, changed(app, changes)).await
}

fn changed(app: App, changes: AppChanges) -> App {
    let unknown_policy = |told| match told {
        UnknownOutcomes::ByChannel => None,
        UnknownOutcomes::Retry => Some(UnknownPolicy::Retry),
        UnknownOutcomes::Hold => Some(UnknownPolicy::Hold),
        UnknownOutcomes::FailOver => Some(UnknownPolicy::FailOver),
    };
    let mode = |told| match told {
        Mode::Conversation => ProcessingMode::Conversation,
        Mode::Dispatch => ProcessingMode::Dispatch,
    };
    App {
        unknown_policy: changes.unknown_outcomes.map_or(app.unknown_policy, unknown_policy),
        patience: Patience {
            retry_s: changes.retry_for.unwrap_or(app.patience.retry_s),
            report_s: changes
                .report_within
                .map_or(app.patience.report_s, |seconds| Some(seconds).filter(|seconds| *seconds > 0)),
        },
        queue_limit: changes.queue_limit.unwrap_or(app.queue_limit),
        mode: changes.mode.map_or(app.mode, mode),
        dispatch_retention_days: changes.dispatch_retention_days.unwrap_or(app.dispatch_retention_days),
        lock_to_single_conversation: changes
            .lock_to_single_conversation
            .unwrap_or(app.lock_to_single_conversation),
        ..app
    }
}

pub(crate) async fn set_channel(
    engine: &Engine,
    tenant: &str,
    app: &str,
    channel: ChannelSetting,
) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let mut app = App::clone(&*find_app(engine, tenant, app)?);
    let account = account(engine, channel)?;
    match app.channels.iter_mut().find(|known| known.channel == account.channel) {
        Some(known) => *known = account,
        None => app.channels.push(account),
    }
    put(engine, app).await
}

pub(crate) async fn remove_channel(
    engine: &Engine,
    tenant: &str,
    app: &str,
    channel: &str,
) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let mut app = App::clone(&*find_app(engine, tenant, app)?);
    let channel = Channel::new(&channel.to_uppercase());
    if app.account(&channel).is_none() {
        return Err(format!("The app {:?} is not connected to {}.", app.name, channel.as_str()));
    }
    app.channels.retain(|account| account.channel != channel);
    put(engine, app).await
}

async fn put(engine: &Engine, app: App) -> Result<AdminAnswer, String> {
    let app = engine.execute(PutApp(app)).await.map_err(refusal)?;
    Ok(AdminAnswer::Apps { apps: vec![row(&app)] })
}

fn account(engine: &Engine, setting: ChannelSetting) -> Result<ChannelAccount, String> {
    let channel = Channel::new(&setting.channel.to_uppercase());
    if !channel.is_face() && engine.connector(channel.as_str()).is_none() {
        let known = engine.channels().join(", ");
        return Err(format!("There is no channel {:?}. The channels are {known}.", setting.channel));
    }
    if setting.account.trim().is_empty() {
        return Err("The account is empty: it is the provider's name for our side.".to_owned());
    }
    let mut names: Vec<&String> = setting.settings.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("The setting {twice} is given twice."));
    }
    Ok(ChannelAccount { channel, account: setting.account, settings: setting.settings })
}

fn row(app: &App) -> AppRow {
    let channel = |account: &ChannelAccount| ChannelRow {
        channel: account.channel.as_str().to_owned(),
        account: account.account.clone(),
        settings: account.settings.iter().map(|(name, _)| name.clone()).collect(),
        callback_path: callback_path(app, &account.channel),
    };
    AppRow {
        id: app.id.uuid(),
        number: app.number,
        name: app.name.clone(),
        identifier: app.identifier.clone(),
        unknown_outcomes: match app.unknown_policy {
            None => UnknownOutcomes::ByChannel,
            Some(UnknownPolicy::Retry) => UnknownOutcomes::Retry,
            Some(UnknownPolicy::Hold) => UnknownOutcomes::Hold,
            Some(UnknownPolicy::FailOver) => UnknownOutcomes::FailOver,
        },
        retry_for_s: app.patience.retry_s,
        report_within_s: app.patience.report_s,
        queue_limit: app.queue_limit,
        mode: match app.mode {
            ProcessingMode::Conversation => Mode::Conversation,
            ProcessingMode::Dispatch => Mode::Dispatch,
        },
        dispatch_retention_days: app.dispatch_retention_days,
        lock_to_single_conversation: app.lock_to_single_conversation,
        channels: app.channels.iter().map(channel).collect(),
    }
}

/// Below the base URL; channels that are our own faces have no provider that would call.
fn callback_path(app: &App, channel: &Channel) -> String {
    if channel.is_face() {
        return String::new();
    }
    format!("/callbacks/{}/{}", channel.as_str().to_lowercase(), app.id.ulid())
}
