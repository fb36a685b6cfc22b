//! What the server in memory is furnished with: one account with an app, an agent, and a credential at every face.
//!
//! Rows are given in their stored form, which stays as it is when a noun gets another field.

use domain::command::admin::{CreateTenant, PutAgent, PutApp, PutCredential};
use domain::id::{Id, TenantId};
use domain::record::{Key, Kind, Name, Record};
use engine::Engine;
use ports::{Error, Vault, stored};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub const TENANT: &str = "01J0938NKRE008000000000001";
pub const APP: &str = "01J0938NKRE008000000000002";
const AGENT: &str = "01J0938NKRE008000000000006";
/// The account's name at the consumer face.
pub const SITE: &str = "70000001";
/// The secret that providers prove themselves with.
pub const SECRET: &str = "s3cret";
/// A channel that the app sends over.
pub const CHANNEL: &str = "WHATSAPP";
/// What the app's subscriber at the business face hears.
pub const TRIGGERS: [&str; 4] = ["MESSAGE_INBOUND", "MESSAGE_DELIVERY", "MESSAGE_SUBMIT", "EVENT_INBOUND"];

/// The account's name at the business face.
pub fn project() -> String {
    TenantId::parse(TENANT).expect("a ULID").uuid()
}

/// Hides nothing.
struct Open;

impl Vault for Open {
    fn seal(&self, _context: &str, secret: &str) -> String {
        secret.to_owned()
    }

    fn open(&self, _context: &str, sealed: &str) -> Result<String, Error> {
        Ok(sealed.to_owned())
    }
}

/// Writes every row.
pub async fn furnish(engine: &Engine) {
    for (kind, row) in rows() {
        let bytes = json!({ "row": row }).to_string().replacen('{', r#"{"v":1,"#, 1);
        // Rows of these kinds say their ids themselves.
        let key = Key { tenant: TenantId(Id(1)), kind, name: Name::Id(Id(2)) };
        let record =
            stored::decode(&key, bytes.as_bytes(), &Open).expect("the rows are written in version 1");
        let done = match record {
            Record::Tenant(row) => engine.execute(CreateTenant((*row).clone())).await.is_ok(),
            Record::App(row) => engine.execute(PutApp((*row).clone())).await.is_ok(),
            Record::Agent(row) => engine.execute(PutAgent((*row).clone())).await.is_ok(),
            Record::Credential(row) => engine.execute(PutCredential((*row).clone())).await.is_ok(),
            _ => false,
        };
        assert!(done, "{bytes}");
    }
}

fn rows() -> Vec<(Kind, Value)> {
    let channels = json!([
        { "channel": CHANNEL, "account": "1060",
            "settings": [["access_token", "t"], ["app_secret", SECRET], ["verify_token", "word"]] },
        { "channel": "TELEGRAM", "account": "77", "settings": [["bot_token", "77:t"], ["secret_token", SECRET]] },
    ]);
    let tenant =
        json!({ "id": TENANT, "name": "Depot", "account_number": 1, "site_id": SITE, "disabled": false });
    let app = json!({ "id": APP, "tenant": TENANT, "name": "Lockers", "number": 0, "identifier": "inbox",
        "mode": "Conversation", "channels": channels, "queue_limit": 100_000 });
    let agent = json!({ "id": AGENT, "tenant": TENANT, "role": "Administrator", "number": 0, "name": "Ada",
        "email": "ada@example.org" });
    let logins = [
        ("Sinch", "sinch".to_owned(), false),
        ("LiveDesk", "desk".to_owned(), true),
        ("LiveDesk", digest("desk-token"), true),
        ("LivePerson", "client".to_owned(), false),
        ("LivePerson", format!("admin:{SITE}:root"), false),
        ("Trunkline", digest("trunkline-token"), false),
    ];
    let login = |(place, (face, public, of_agent)): (usize, (&str, String, bool))| {
        let id = format!("01J0938NKRE00800000000001{place}");
        let agent = of_agent.then_some(AGENT);
        let row = json!({ "id": id, "tenant": TENANT, "face": face, "public": public, "app": APP, "agent": agent,
            "secret_digest": digest(SECRET), "secret": SECRET, "name": "fuzz" });
        (Kind::Credential, row)
    };
    let nouns = [(Kind::Tenant, tenant), (Kind::App, app), (Kind::Agent, agent)];
    nouns.into_iter().chain(logins.into_iter().enumerate().map(login)).collect()
}

fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// An installation that hears everything.
pub fn manifest() -> Value {
    let endpoint = |name: &str| json!({ "endpoint": format!("https://hooks.test/{name}"), "max_retries": 3 });
    let webhooks = json!({
        "ms.MessagingEventNotification.ContentEvent": endpoint("content"),
        "ms.MessagingEventNotification.RichContentEvent": endpoint("rich"),
        "ms.MessagingEventNotification.AcceptStatusEvent": endpoint("accept"),
        "ms.MessagingEventNotification.ChatStateEvent": endpoint("chat"),
        "cqm.ExConversationChangeNotification": endpoint("change"),
    });
    json!({ "client_name": "bridge", "scope": "msg.consumer", "enabled": true,
        "capabilities": { "webhooks": webhooks } })
}
