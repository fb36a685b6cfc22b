//! `POST /api/account/{account}/messaging/consumer/conversation?v=3` (CREATE): profile, conversation, first events.
//!
//! A batch in fixed order; the answer is an array in the same order. The profile stands even when the conversation
//! is refused, and an invalid first event does not undo the conversation.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use domain::command::Command;
use domain::command::consumer::{Acknowledge, Signal};
use domain::command::open::{AlreadyOpen, NewConversation, Open, Opened};
use domain::command::standing;
use domain::content::Content;
use domain::conversation::{Conversation, Party};
use domain::id::{ContactId, ConversationId, TenantId};
use domain::view::{Halt, View};
use engine::StoredAnswer;
use face_kit::together::reworded;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer::{self, Refusal};
use crate::connector_event::{self, Published};
use crate::door::{self, Caller};
use crate::envelope::{self, Request};
use crate::settings::BATCH_ELEMENTS_MAX;
use crate::{Face, once, profile};

/// Opens a conversation.
pub async fn handler(
    State(face): State<Face>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let caller = match door::caller(&face, &account, &headers) {
        Ok(caller) => caller,
        Err(why) => return why.into_response(),
    };
    if !face.throttle.admit(caller.tenant, face.engine.now()) {
        return Refusal::TooMany.answer(&Value::Null);
    }
    let batch = envelope::read(body).await;
    let Some(elements) = batch.as_ref().and_then(Value::as_array).filter(|elements| {
        envelope::is_version_3(query.as_deref())
            && !elements.is_empty()
            && elements.len() <= BATCH_ELEMENTS_MAX
    }) else {
        return answer::json(StatusCode::BAD_REQUEST, &answer::bad(&Value::Null));
    };
    let ids: Vec<Value> = elements.iter().map(envelope::req_id).collect();
    let Some(batch) = Batch::parse(elements, &account, ids.clone()) else {
        let refused: Vec<Value> = ids.iter().map(answer::bad).collect();
        return answer::json(StatusCode::BAD_REQUEST, &Value::Array(refused));
    };
    let key = once::of_consumer(&caller, &headers, "CREATE", &Value::Array(elements.clone()));
    let done = match key {
        Ok(key) => batch.run(&face, &caller, key).await,
        Err(refusal) => Err(refusal),
    };
    match done {
        Ok(answer) => answer::ready(answer),
        Err(refusal) => refusal.answer(ids.first().unwrap_or(&Value::Null)),
    }
}

/// The batch as one command: one commit, an answer per element.
struct Create {
    open: Open,
    /// Receipts and chat states, after the messages.
    others: Vec<(Published, String)>,
}

impl Command for Create {
    /// What `Open` answers, and the sequences of the others.
    type Answer = (Opened, Vec<i64>);
    type Refusal = Refusal;

    const BRINGS_CONTENT: bool = Open::BRINGS_CONTENT;

    fn tenant(&self) -> TenantId {
        self.open.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Self::Answer, Halt<Refusal>> {
        let opened = self.open.decide(view).map_err(|halt| reworded(halt, Refusal::from))?;
        let mut sequences = Vec::new();
        let Some(Ok(id)) = opened.conversation else {
            return Ok((opened, sequences));
        };
        let row = view.by_id::<Conversation, Refusal>(self.open.tenant, id.0)?;
        let contact = row.ok_or(Refusal::UnknownConversation)?.contact;
        for (published, metadata) in &self.others {
            let done = self.publish(view, id, contact, published, metadata);
            sequences.push(done.map_err(|halt| reworded(halt, Refusal::from))?);
        }
        Ok((opened, sequences))
    }
}

impl Create {
    fn publish(
        &self,
        view: &mut View<'_>,
        conversation: ConversationId,
        contact: ContactId,
        published: &Published,
        metadata: &str,
    ) -> Result<i64, Halt<standing::Refusal>> {
        let tenant = self.open.tenant;
        match published.clone() {
            Published::Receipt { status, sequences } => {
                // The dialog begins with this batch, so it has nothing yet that the consumer may have got.
                let (messages, metadata) = (Vec::new(), metadata.to_owned());
                Acknowledge { tenant, conversation, contact, status, sequences, messages, metadata }
                    .decide(view)
            }
            Published::Signal(signal) => {
                let (address, contact) = (Some(self.open.from.clone()), Some(contact));
                let by = Party::Consumer;
                Signal { tenant, conversation, address, signal, by, contact }.decide(view)?;
                Ok(0)
            }
            // Messages are the opening's own.
            Published::Content(_) => Ok(0),
        }
    }
}

/// A batch of the right shape.
struct Batch {
    ids: Vec<Value>,
    profile: Map<String, Value>,
    /// `None`: the conversation element is invalid.
    conversation: Option<NewConversation>,
    /// `None`: that event is invalid.
    events: Vec<Option<(Published, String)>>,
}

impl Batch {
    /// Checks order and types of the elements; `None` refuses the batch as a whole.
    fn parse(elements: &[Value], account: &str, ids: Vec<Value>) -> Option<Batch> {
        let requests: Vec<Request> = elements.iter().map(envelope::parse).collect::<Option<_>>()?;
        let [profile, conversation, events @ ..] = requests.as_slice() else {
            return None;
        };
        let in_order = profile.kind == "userprofile.SetUserProfile"
            && conversation.kind == "cm.ConsumerRequestConversation"
            && events.iter().all(|event| event.kind == "ms.PublishEvent");
        in_order.then(|| Batch {
            ids,
            profile: profile.body.clone(),
            conversation: new_conversation(&conversation.body, account),
            events: events.iter().map(published).collect(),
        })
    }

    async fn run(
        self,
        face: &Face,
        caller: &Caller,
        key: Option<engine::OnceKey>,
    ) -> Result<StoredAnswer, Refusal> {
        let events = || self.events.iter().flatten();
        let open = Open {
            tenant: caller.tenant,
            app: caller.app,
            from: caller.address(),
            profile: profile::parse(&self.profile),
            conversation: self.conversation.clone(),
            messages: events().filter_map(content).collect(),
        };
        let others = events().filter(|event| content(event).is_none()).cloned().collect();
        let consumer = caller.consumer.clone();
        let render = move |(opened, others): &(Opened, Vec<i64>)| self.answer(opened, &consumer, others);
        Ok(face_kit::once::run(&face.engine, key, Create { open, others }, render).await?)
    }

    /// The array of answers; its status is 400 as soon as one element failed.
    fn answer(&self, opened: &Opened, consumer: &str, others: &[i64]) -> StoredAnswer {
        let id = |place: usize| self.ids.get(place).unwrap_or(&Value::Null);
        let mut answers = vec![answer::ok(&json!({ "msg": profile::DONE }), id(0))];
        let is_open = match &opened.conversation {
            Some(Ok(conversation)) => {
                answers.push(answer::ok(&json!({ "conversationId": conversation.uuid() }), id(1)));
                true
            }
            Some(Err(AlreadyOpen(_))) => {
                let message = format!(
                    "Consumer request conversation failed: User {consumer} already has open conversation. \
                     Can't open another one."
                );
                answers.push(answer::failed(StatusCode::BAD_REQUEST, &message, id(1)));
                false
            }
            None => {
                answers.push(answer::bad(id(1)));
                false
            }
        };
        let (mut contents, mut others) = (opened.sequences.iter(), others.iter());
        for (place, event) in self.events.iter().enumerate() {
            let sequence = match event {
                Some((Published::Content(_), _)) => contents.next(),
                Some(_) => others.next(),
                None => None,
            };
            answers.push(match sequence {
                Some(sequence) if is_open => answer::ok(&json!({ "sequence": sequence }), id(place + 2)),
                _ => answer::bad(id(place + 2)),
            });
        }
        let failed = answers.iter().any(|answer| answer.get("code").is_some_and(|code| code != "OK"));
        let status = if failed { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        answer::stored(status.as_u16(), &Value::Array(answers))
    }
}

fn content((published, metadata): &(Published, String)) -> Option<(Content, String)> {
    match published {
        Published::Content(content) => Some((content.clone(), metadata.clone())),
        Published::Signal(_) | Published::Receipt { .. } => None,
    }
}

fn published(request: &Request) -> Option<(Published, String)> {
    let event = connector_event::parse(request.body.get("event")?)?;
    Some((event, request.metadata.clone()))
}

/// What notifications show of the conversation element.
const KEPT: [&str; 4] = ["ttrDefName", "skillId", "campaignInfo", "conversationContext"];

/// The conversation element, when it is valid.
fn new_conversation(body: &Map<String, Value>, account: &str) -> Option<NewConversation> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let is_name_or_number = |value: &Value| value.is_string() || value.is_number();
    let valid = given("brandId").is_some_and(|brand| brand == account)
        && given("channelType").is_none_or(|channel| channel == "MESSAGING")
        && given("ttrDefName").is_none_or(|ttr| {
            ttr.as_str().is_some_and(|name| matches!(name, "NORMAL" | "PRIORITIZED" | "URGENT" | "CUSTOM"))
        })
        && given("skillId").is_none_or(is_name_or_number)
        && given("campaignInfo").is_none_or(Value::is_object)
        && given("conversationContext").is_none_or(Value::is_object);
    let mut kept = body.clone();
    kept.retain(|name, _| KEPT.contains(&name.as_str()));
    valid.then(|| NewConversation { context: Value::Object(kept).to_string() })
}
