//! What changes subscriptions: making and deleting our own, switching any on and off, replacing a secret while both
//! are good, and asking for callbacks again. Subscriptions of the vendors' dialects are made in the vendors' own APIs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::command::admin::{DeleteSubscription, PutSubscription};
use domain::content::Face;
use domain::id::{AppId, ConversationId, Id, MessageId, SubscriptionId};
use domain::subscription::{Cursor, PreviousSecret, Subscription};
use domain::time::Time;
use engine::{Engine, Replay, domain};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::cursor;
use crate::dialect::{EVERYTHING, SECRET_PREFIX};
use crate::error::{Refusal, unavailable};
use crate::subscriptions::{find, of, shown, standing, whole};
use crate::{once, print};

/// Subscriptions of our own that a tenant may have.
const SUBSCRIPTIONS_MAX: usize = 50;
/// Characters of a target.
const TARGET_CHARS_MAX: usize = 2_048;
/// Characters of a secret that a client chooses, at least and at most.
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 24..=256;
/// How long a replaced secret stays good when nothing is said, and at most, in seconds.
const OVERLAP_S: i64 = 86_400;
const OVERLAP_S_MAX: i64 = 7 * 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    target: String,
    #[serde(default)]
    triggers: Option<Vec<String>>,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    parallel: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    enabled: Option<bool>,
    parallel: Option<bool>,
    target: Option<String>,
    triggers: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    secret: Option<String>,
    overlap_s: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    after: Option<String>,
    until: Option<String>,
    from: Option<String>,
    before: Option<String>,
    conversation: Option<String>,
    message: Option<String>,
    #[serde(default)]
    given_up: bool,
}

/// Makes one of our own; the answer is the only place that shows its secret.
pub(crate) async fn create(
    caller: Caller,
    State(engine): State<Engine>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let given: Create = parse(&body)?;
    let key = once::key(caller, &headers, "create subscription", &body)?;
    if let Some(kept) = once::repeated(&engine, key.as_ref()).await? {
        return Ok(once::opened(&engine, caller, kept));
    }
    let own = of(&engine, caller).into_iter().filter(|one| one.dialect == Face::Trunkline).count();
    if own >= SUBSCRIPTIONS_MAX {
        return Err(Refusal::TooMany);
    }
    let subscription = Subscription {
        id: SubscriptionId(engine.new_id()),
        tenant: caller.tenant,
        app: app(&engine, caller, given.app)?,
        number: 0,
        dialect: Face::Trunkline,
        carries: None,
        target: target(given.target)?,
        secret: secret(given.secret)?,
        triggers: triggers(given.triggers.unwrap_or_else(|| vec![EVERYTHING.to_owned()]))?,
        settings: String::new(),
        enabled: true,
        created_at: engine.now(),
        parallel: given.parallel,
        previous: None,
    };
    let (log, from) = (engine.log_name(), engine.position());
    let cursor = Cursor { position: from, failing_since: None };
    let render = move |made: &Subscription| {
        once::with_secret(StatusCode::CREATED, shown(log, made, &cursor, &[]), &made.secret)
    };
    let kept = once::run(&engine, key, PutSubscription { subscription, from }, render).await?;
    Ok(once::opened(&engine, caller, kept))
}

/// Switches a subscription on or off, or changes one of our own.
pub(crate) async fn change(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let given: Change = parse(&body)?;
    let mut subscription = Subscription::clone(&*find(&engine, caller, &id)?);
    if given.target.is_some() || given.triggers.is_some() {
        ours(&subscription)?;
    }
    subscription.enabled = given.enabled.unwrap_or(subscription.enabled);
    subscription.parallel = given.parallel.unwrap_or(subscription.parallel);
    subscription.target = given.target.map_or(Ok(subscription.target), target)?;
    subscription.triggers = given.triggers.map_or(Ok(subscription.triggers), triggers)?;
    let kept = put(&engine, subscription).await?;
    whole(&engine, &kept).await.map(Json)
}

/// Deletes one of our own.
pub(crate) async fn delete(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let subscription = find(&engine, caller, &id)?;
    ours(&subscription)?;
    let delete = DeleteSubscription { tenant: caller.tenant, subscription: subscription.id };
    engine.execute(delete).await.map_err(|failure| unavailable(format!("{failure:?}")))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the secret; the one before stays good for a while. The answer is the only place that shows the new one.
pub(crate) async fn replace_secret(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let given: NewSecret = parse(body)?;
    let known = find(&engine, caller, &id)?;
    let key = once::key(caller, &headers, &format!("replace secret of {}", known.id.ulid()), body)?;
    if let Some(kept) = once::repeated(&engine, key.as_ref()).await? {
        return Ok(once::opened(&engine, caller, kept));
    }
    let mut subscription = Subscription::clone(&known);
    if subscription.dialect == Face::LivePerson || subscription.secret.is_empty() {
        return Err(Refusal::Unsigned);
    }
    let overlap_s = given.overlap_s.unwrap_or(OVERLAP_S);
    if !(0..=OVERLAP_S_MAX).contains(&overlap_s) {
        return Err(Refusal::BadField("overlap_s", "a number of seconds from 0 to 604800"));
    }
    let until = engine.now().plus_ms(overlap_s * 1_000);
    let before = std::mem::replace(&mut subscription.secret, secret(given.secret)?);
    subscription.previous = (overlap_s > 0).then_some(PreviousSecret { secret: before, until });
    let (log, from) = (engine.log_name(), engine.position());
    let (cursor, parked) = standing(&engine, &known).await?;
    let render = move |changed: &Subscription| {
        once::with_secret(StatusCode::OK, shown(log, changed, &cursor, &parked), &changed.secret)
    };
    let kept = once::run(&engine, key, PutSubscription { subscription, from }, render).await?;
    Ok(once::opened(&engine, caller, kept))
}

/// Asks for callbacks again.
pub(crate) async fn replay(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let given: Order = parse(&body)?;
    let subscription = find(&engine, caller, &id)?;
    let key = once::key(caller, &headers, &format!("replay {}", subscription.id.ulid()), &body)?;
    if let Some(kept) = once::repeated(&engine, key.as_ref()).await? {
        return Ok(once::response(kept));
    }
    if !subscription.enabled {
        return Err(Refusal::SwitchedOff);
    }
    let log = engine.log_name();
    let found = engine.find_for_replay(&subscription, &wanted(log, given)?).await.map_err(unavailable)?;
    let (next, at_end) = (cursor::write(log, found.through), found.at_end);
    let render = move |callbacks: &u64| {
        once::json(StatusCode::OK, &json!({ "callbacks": callbacks, "next": next, "at_end": at_end }))
    };
    once::run(&engine, key, found.order, render).await.map(once::response)
}

/// Which callbacks are asked for.
fn wanted(log: Id, given: Order) -> Result<Replay, Refusal> {
    let place = |cursor: &str| cursor::read(log, cursor);
    Ok(Replay {
        after: given.after.as_deref().map_or(Ok(0), place)?,
        until: given.until.as_deref().map(place).transpose()?,
        from: given.from.as_deref().map(|text| moment("from", text)).transpose()?,
        before: given.before.as_deref().map(|text| moment("before", text)).transpose()?,
        conversation: given
            .conversation
            .map(|id| id_of("conversation", ConversationId::parse(&id)))
            .transpose()?,
        message: given.message.map(|id| id_of("message", MessageId::parse(&id))).transpose()?,
        given_up: given.given_up,
    })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::BadBody(error.to_string().into()))
}

async fn put(engine: &Engine, subscription: Subscription) -> Result<Arc<Subscription>, Refusal> {
    let from = engine.position();
    let kept = engine.execute(PutSubscription { subscription, from }).await;
    kept.map(Arc::new).map_err(|failure| unavailable(format!("{failure:?}")))
}

fn ours(subscription: &Subscription) -> Result<(), Refusal> {
    if subscription.dialect == Face::Trunkline { Ok(()) } else { Err(Refusal::NotOurs) }
}

fn target(target: String) -> Result<String, Refusal> {
    let is_web = target.starts_with("https://") || target.starts_with("http://");
    let usable = is_web && target.len() <= TARGET_CHARS_MAX && http::Uri::try_from(&target).is_ok();
    if usable {
        Ok(target)
    } else {
        Err(Refusal::BadField("target", "an http or https URL of 2048 characters at most"))
    }
}

fn triggers(triggers: Vec<String>) -> Result<Vec<String>, Refusal> {
    let known = |trigger: &String| trigger == EVERYTHING || print::KINDS.contains(&trigger.as_str());
    let usable =
        !triggers.is_empty() && triggers.len() <= print::KINDS.len() + 1 && triggers.iter().all(known);
    if usable { Ok(triggers) } else { Err(Refusal::BadField("triggers", "`ALL`, or kinds of events")) }
}

fn app(engine: &Engine, caller: Caller, app: Option<String>) -> Result<Option<AppId>, Refusal> {
    let Some(given) = app else { return Ok(None) };
    let id = id_of("app", AppId::parse(&given))?;
    let known = engine.directory().app(caller.tenant, id).is_some();
    if known { Ok(Some(id)) } else { Err(Refusal::BadField("app", "the id of an app of the key's tenant")) }
}

/// The client's own, or a fresh one in the form that Standard Webhooks says.
fn secret(given: Option<String>) -> Result<String, Refusal> {
    match given {
        Some(secret) if SECRET_CHARS.contains(&secret.len()) && secret.is_ascii() => Ok(secret),
        Some(_) => Err(Refusal::BadField("secret", "24 to 256 ASCII characters, or left out")),
        None => Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(random_key()))),
    }
}

#[expect(clippy::disallowed_methods, reason = "the face asks the system for the secrets it hands out")]
fn random_key() -> [u8; 24] {
    let mut key = [0; 24];
    getrandom::fill(&mut key).expect("the operating system gives entropy");
    key
}

fn moment(name: &'static str, text: &str) -> Result<Time, Refusal> {
    let stamp = text.parse::<jiff::Timestamp>();
    stamp
        .map(|stamp| Time(stamp.as_millisecond()))
        .map_err(|_| Refusal::BadField(name, "a time as RFC 3339 says"))
}

fn id_of<T>(name: &'static str, id: Option<T>) -> Result<T, Refusal> {
    id.ok_or(Refusal::BadField(name, "an id as a ULID or a UUID"))
}
