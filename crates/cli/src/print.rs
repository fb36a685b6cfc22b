//! Answers as text: aligned columns for people, one JSON object for programs.
//! Secrets appear only in the answer that creates them.

use crate::command::Printing;
use crate::request::{
    AdminAnswer, AgentRow, AppRow, BackupRow, KeyRow, Mode, NewKey, TenantRow, UnknownOutcomes,
};

/// The answer as it is printed, without a line end.
pub fn print(answer: &AdminAnswer, printing: &Printing) -> String {
    if printing.json {
        return serde_json::to_string_pretty(answer).unwrap_or_else(|error| error.to_string());
    }
    match answer {
        AdminAnswer::Tenants { tenants } => table(TENANT, tenants.iter().map(tenant)),
        AdminAnswer::Apps { apps } if apps.is_empty() => NOTHING.to_owned(),
        AdminAnswer::Apps { apps } => apps.iter().map(app).collect::<Vec<_>>().join("\n\n"),
        AdminAnswer::Keys { keys } => table(KEY, keys.iter().map(key)),
        AdminAnswer::Agents { agents } => table(AGENT, agents.iter().map(agent)),
        AdminAnswer::KeyCreated { key } => new_key(key),
        AdminAnswer::Explanation { sentences } => sentences.join("\n"),
        AdminAnswer::BackedUp { backup } => backed_up(backup),
        AdminAnswer::Restored { backup, paused } => restored(backup, *paused),
        AdminAnswer::Delivery { paused, waiting } => delivery(*paused, *waiting),
        AdminAnswer::Refused { why } => why.clone(),
    }
}

/// Stands for an empty list.
const NOTHING: &str = "none";
const TENANT: &[&str] = &["ACCOUNT", "SITE", "ID (PROJECT)", "NAME", ""];
const CHANNEL: &[&str] = &["CHANNEL", "ACCOUNT", "SETTINGS", "CALLBACK PATH"];
const KEY: &[&str] = &["ID", "FACE", "PUBLIC", "AGENT OR APP", "NAME", ""];
const AGENT: &[&str] = &["NUMBER", "ID", "ROLE", "EMAIL", "NAME"];

fn tenant(tenant: &TenantRow) -> Vec<String> {
    let disabled = if tenant.disabled { "disabled" } else { "" };
    let number = tenant.account_number.to_string();
    vec![number, tenant.site_id.clone(), tenant.id.clone(), tenant.name.clone(), disabled.to_owned()]
}

fn key(key: &KeyRow) -> Vec<String> {
    let public = if key.public.is_empty() { "(bearer token)" } else { &key.public };
    let belongs = key.agent.as_ref().or(key.app.as_ref()).map_or("", String::as_str);
    let revoked = if key.revoked { "revoked" } else { "" };
    [&key.id, &key.face, public, belongs, &key.name, revoked].map(str::to_owned).to_vec()
}

fn agent(agent: &AgentRow) -> Vec<String> {
    let role = format!("{:?}", agent.role).to_lowercase();
    vec![agent.number.to_string(), agent.id.clone(), role, agent.email.clone(), agent.name.clone()]
}

fn app(app: &AppRow) -> String {
    let AppRow { id, number, name, identifier, channels, .. } = app;
    let head = format!(
        "{name}\n  id          {id}\n  inbox       {number}\n  identifier  {identifier}\n{}",
        conduct(app)
    );
    if channels.is_empty() {
        return format!("{head}\n  channels    none");
    }
    let lines = channels.iter().map(|channel| {
        let words = [&channel.channel, &channel.account, &channel.settings.join(","), &channel.callback_path];
        words.map(String::clone).to_vec()
    });
    let channels = table(CHANNEL, lines);
    format!("{head}\n  channels, highest priority first:\n    {}", channels.replace('\n', "\n    "))
}

/// What `trunkline app set` changes.
fn conduct(app: &AppRow) -> String {
    let unknown = match app.unknown_outcomes {
        UnknownOutcomes::ByChannel => "tried again where the channel tells repeats apart, held otherwise",
        UnknownOutcomes::Retry => "tried again on the same channel",
        UnknownOutcomes::Hold => "held for a late receipt",
        UnknownOutcomes::FailOver => "go on to the next channel",
    };
    let mode = match app.mode {
        Mode::Conversation if app.lock_to_single_conversation => {
            "conversation, one for each contact".to_owned()
        }
        Mode::Conversation => "conversation".to_owned(),
        Mode::Dispatch => format!("dispatch, content kept {} days", app.dispatch_retention_days),
    };
    let (retry_s, queue_limit) = (app.retry_for_s, app.queue_limit);
    let report = app.report_within_s.map_or("for ever".to_owned(), |seconds| format!("{seconds} s"));
    format!(
        "  mode        {mode}\n  queue       {queue_limit} messages at most\n  patience    \
         {retry_s} s for temporary failures, {report} for a report\n  unknown     {unknown}"
    )
}

fn new_key(key: &NewKey) -> String {
    let NewKey { id, face, public, secret } = key;
    let halves = match public {
        Some(public) => format!("key     {public}\nsecret  {secret}"),
        None => format!("token   {secret}"),
    };
    format!("id      {id}\nface    {face}\n{halves}\nThe secret is not shown again: keep it now.")
}

fn backed_up(backup: &BackupRow) -> String {
    let elsewhere = if backup.keys.iter().any(|key| key == "vault.key") {
        ""
    } else {
        "\nThe vault's key is not in it: it stands where store.vault_key_file says, and needs a copy of its own."
    };
    format!(
        "Backed up to {}: {}.\nThe backup holds the keys: keep it as safe as the data folder. Who can read it can \
         read all messages and credentials, and sign in this server's name.{elsewhere}",
        backup.folder,
        holding(backup)
    )
}

fn restored(backup: &BackupRow, paused: bool) -> String {
    let delivery = if paused {
        "Delivery is paused: messages that waited in the backup may have been sent by the first server since, and go \
         out once more with `trunkline delivery resume`."
    } else {
        "Messages that waited in the backup are handed over at the start, even if the first server has sent them since."
    };
    let (folder, holding) = (&backup.folder, holding(backup));
    format!("Restored to {folder}: {holding}. `trunkline serve` starts on it.\n{delivery}")
}

fn delivery(paused: bool, waiting: u64) -> String {
    let next = if paused { "paused; `trunkline delivery resume` lets it go on" } else { "going on" };
    format!("Delivery is {next}. {waiting} messages wait to be handed over.")
}

fn holding(backup: &BackupRow) -> String {
    let BackupRow { folder: _, position, files, bytes, keys } = backup;
    let keys = keys.join(", ");
    format!("the log up to position {position}, {files} files, {bytes} bytes in all, the keys {keys}")
}

fn table(head: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut all: Vec<Vec<String>> = vec![head.iter().map(|word| (*word).to_owned()).collect()];
    all.extend(lines);
    if all.len() == 1 {
        return NOTHING.to_owned();
    }
    let wide = |column: usize| all.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(wide).collect();
    let line = |line: &Vec<String>| {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(word, width)| format!("{word:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
