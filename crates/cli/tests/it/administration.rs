//! What requests do to an engine: rows appear, keys open, refusals are sentences and change nothing.
//! One engine per test.

use cli::{AdminAnswer, NewKey, Printing, print};
use domain::app::{App, Patience, ProcessingMode, UnknownPolicy};
use domain::channel::Address;
use domain::command::send::{Recipient, Send};
use domain::content::{Content, Face};
use domain::delivery::Priority;
use domain::tenant::Tenant;
use engine::Engine;
use sha2::{Digest as _, Sha256};

use crate::house::{engine, refused, say};

fn new_key(answer: AdminAnswer) -> NewKey {
    match answer {
        AdminAnswer::KeyCreated { key } => key,
        other => panic!("no key: {other:?}"),
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

async fn founded() -> Engine {
    let engine = engine().await;
    say(&engine, "tenant create --name one").await;
    say(&engine, "app create --tenant one --name shop --channel alpha --account us --set token=hush").await;
    say(&engine, "agent create --tenant one --name Ann --email ann@example.com").await;
    engine
}

fn the_tenant(engine: &Engine) -> Tenant {
    Tenant::clone(engine.directory().tenants().next().unwrap())
}

fn the_app(engine: &Engine) -> App {
    App::clone(engine.directory().apps().next().unwrap())
}

#[tokio::test]
async fn a_tenant_is_found_by_each_of_its_names() {
    let engine = founded().await;
    let tenant = the_tenant(&engine);
    let number = tenant.account_number.to_string();
    for name in ["one", &tenant.id.uuid(), &tenant.id.ulid(), &tenant.site_id, &number] {
        let AdminAnswer::Tenants { tenants } = say(&engine, &format!("tenant show {name}")).await else {
            panic!()
        };
        assert_eq!(tenants[0].id, tenant.id.uuid(), "{name}");
    }
}

#[tokio::test]
async fn channels_are_connected_replaced_and_removed_in_their_order() {
    let engine = founded().await;
    say(&engine, "app set-channel --tenant one --app shop --channel CONNECTOR --account lp").await;
    say(&engine, "app set-channel --tenant one --app shop --channel ALPHA --account them --set token=new")
        .await;
    let app = the_app(&engine);
    let order: Vec<_> = app.channels.iter().map(|one| (one.channel.as_str(), one.account.as_str())).collect();
    assert_eq!(order, [("ALPHA", "them"), ("CONNECTOR", "lp")]);
    assert_eq!(app.channels[0].settings, [("token".to_owned(), "new".to_owned())]);
    say(&engine, "app remove-channel --tenant one --app 1 --channel alpha").await;
    assert_eq!(the_app(&engine).channels.len(), 1);
}

#[tokio::test]
async fn an_app_changes_in_what_is_given_and_in_nothing_else() {
    let engine = founded().await;
    let before = the_app(&engine);
    let said = [
        (
            "--unknown-outcomes fail-over",
            App { unknown_policy: Some(UnknownPolicy::FailOver), ..before.clone() },
        ),
        ("--unknown-outcomes retry", App { unknown_policy: Some(UnknownPolicy::Retry), ..before.clone() }),
        ("--unknown-outcomes hold", App { unknown_policy: Some(UnknownPolicy::Hold), ..before.clone() }),
        ("--unknown-outcomes by-channel", before.clone()),
        (
            "--retry-for 60 --report-within 90",
            App { patience: Patience { retry_s: 60, report_s: Some(90) }, ..before.clone() },
        ),
        ("--retry-for 3600 --report-within 0", before.clone()),
        ("--queue-limit 9", App { queue_limit: 9, ..before.clone() }),
        (
            "--queue-limit 500000 --mode dispatch --dispatch-retention-days 3",
            App { mode: ProcessingMode::Dispatch, dispatch_retention_days: 3, ..before.clone() },
        ),
        (
            "--mode conversation --dispatch-retention-days 0 --lock-to-single-conversation true",
            App { lock_to_single_conversation: true, ..before.clone() },
        ),
    ];
    for (words, wanted) in said {
        let answer = say(&engine, &format!("app set --tenant one shop {words}")).await;
        assert_eq!(the_app(&engine), wanted, "{words}");
        assert_eq!(say(&engine, "app show --tenant one shop").await, answer);
    }
    let shown = print(&say(&engine, "app show --tenant one shop").await, &Printing::default());
    for part in
        ["conversation, one for each contact", "500000 messages", "3600 s for temporary", "held otherwise"]
    {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
}

#[tokio::test]
async fn settings_of_channels_are_not_shown() {
    let engine = founded().await;
    let shown = say(&engine, "app show --tenant one shop").await;
    for json in [true, false] {
        let text = print(&shown, &Printing { json, ..Printing::default() });
        assert!(text.contains("token") && !text.contains("hush"), "{text}");
        assert!(text.contains(&format!("/callbacks/alpha/{}", the_app(&engine).id.ulid())), "{text}");
    }
}

#[tokio::test]
async fn a_key_with_halves_is_found_by_its_public_half() {
    let engine = founded().await;
    let rows = [
        ("sinch", Face::Sinch, false),
        ("livedesk", Face::LiveDesk, false),
        ("liveperson --app shop", Face::LivePerson, true),
    ];
    for (words, face, keeps_secret) in rows {
        let key = new_key(say(&engine, &format!("key create --tenant one --face {words}")).await);
        let directory = engine.directory();
        let kept = directory.credential(face, key.public.as_ref().unwrap()).unwrap();
        assert_eq!(kept.secret_digest, digest(&key.secret), "{words}");
        assert_eq!(kept.secret.is_some(), keeps_secret, "{words}");
    }
}

#[tokio::test]
async fn a_bearer_token_is_found_by_its_digest() {
    let engine = founded().await;
    for (words, face) in
        [("trunkline", Face::Trunkline), ("livedesk --agent ann@example.com", Face::LiveDesk)]
    {
        let key = new_key(say(&engine, &format!("key create --tenant one --face {words}")).await);
        assert_eq!(key.public, None);
        let directory = engine.directory();
        let kept = directory.credential(face, &hex::encode(digest(&key.secret))).unwrap();
        assert_eq!(kept.secret_digest, [0; 32]);
        assert_eq!(kept.agent.is_some(), face == Face::LiveDesk);
    }
}

#[tokio::test]
async fn a_connectors_administrator_is_found_by_account_and_login_and_kept_as_a_digest() {
    let engine = founded().await;
    let line = "key create --tenant one --face liveperson-admin --name root";
    let key = new_key(say(&engine, line).await);
    assert_eq!(key.public.as_deref(), Some("root"));
    let directory = engine.directory();
    let account = &directory.tenants().next().unwrap().site_id;
    let kept = directory.credential(Face::LivePerson, &format!("admin:{account}:root")).unwrap();
    assert_eq!((kept.secret_digest, &kept.secret), (digest(&key.secret), &None));
    assert!(refused(&engine, line).await.contains("exists already"));
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_stays_listed() {
    let engine = founded().await;
    let key = new_key(say(&engine, "key create --tenant one --face sinch --name robot").await);
    say(&engine, &format!("key revoke --tenant one {}", key.id)).await;
    assert!(engine.directory().credential(Face::Sinch, key.public.as_ref().unwrap()).is_none());
    let text = print(&say(&engine, "key list --tenant one").await, &Printing::default());
    assert!(text.contains("robot") && text.contains("revoked") && !text.contains(&key.secret), "{text}");
    assert!(
        refused(&engine, &format!("key revoke --tenant one {}", key.id)).await.contains("revoked already")
    );
}

#[tokio::test]
async fn refusals_are_sentences() {
    let engine = founded().await;
    say(&engine, "tenant create --name twin").await;
    say(&engine, "tenant create --name twin").await;
    let rows = [
        ("tenant show nobody", "There is no tenant \"nobody\"."),
        ("tenant show twin", "2 tenants are called \"twin\": use the id instead."),
        ("app show --tenant one bar", "There is no app \"bar\"."),
        ("app create --tenant one --name x --channel FAX --account y", "The channels are ALPHA."),
        ("app create --tenant one --name x --channel ALPHA --account y --set a=1 --set a=2", "given twice"),
        ("app remove-channel --tenant one --app shop --channel API", "is not connected to API"),
        ("key create --tenant one --face liveperson", "name it with --app"),
        ("key create --tenant one --face liveperson-admin", "name it with --name"),
        ("key create --tenant one --face liveperson-admin --name a:b", "without spaces and colons"),
        ("key revoke --tenant one k", "has no key \"k\""),
        ("agent create --tenant one --name A --email ann", "no email address"),
        ("agent create --tenant one --name A --email ANN@example.com", "already"),
        ("agent show --tenant twin Ann", "2 tenants"),
        ("explain x", "no message id"),
        ("explain 01900000-0000-7000-8000-000000000001", "There is no message"),
    ];
    for (line, part) in rows {
        let why = refused(&engine, line).await;
        assert!(why.contains(part), "{line}: {why}");
    }
    assert_eq!(engine.directory().apps().count(), 1, "a refusal changes nothing");
}

#[tokio::test]
async fn another_tenant_does_not_see_an_agent() {
    let engine = founded().await;
    say(&engine, "tenant create --name two").await;
    assert!(refused(&engine, "agent show --tenant two ann@example.com").await.contains("There is no agent"));
}

#[tokio::test]
async fn a_message_is_explained_step_by_step() {
    let engine = founded().await;
    let app = the_app(&engine);
    let send = Send {
        tenant: app.tenant,
        app: app.id,
        recipient: Recipient::Identities(vec![(Address::new("ALPHA", "4670"), false)]),
        content: Content::text("the words"),
        order: Vec::new(),
        callback_url: None,
        metadata: String::new(),
        conversation_metadata: None,
        correlation_id: None,
        priority: Priority::Normal,
        ttl_s: None,
        dispatch_only: false,
        class: Default::default(),
        shown_agent: String::new(),
    };
    let message = engine.execute(send).await.unwrap().message;
    for _ in 0..20_000 {
        let answer = say(&engine, &format!("explain {}", message.ulid())).await;
        let text = print(&answer, &Printing::default());
        assert!(!text.contains("the words"), "{text}");
        if text.contains("ALPHA took attempt 1") {
            assert!(text.contains("Now: handed over; ALPHA may still report."), "{text}");
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the message was not handed over");
}
