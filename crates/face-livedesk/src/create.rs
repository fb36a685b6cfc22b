//! `POST …/conversations/{conversation_id}/messages`, in both dialects. Seed 004; reference section 5.
//!
//! Files are durable before the command runs, so a message never names bytes that are not there. The answer never
//! waits for the channel.

use std::sync::Arc;

use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::response::Response;
use domain::agent::Role;
use domain::channel::Channel;
use domain::command::Person;
use domain::command::receive::{Receive, SpeakFor};
use domain::command::reply::{Refusal, Reply};
use domain::contact::{Contact, Identity};
use domain::content::{Body, Content, Face, Media, Original};
use domain::conversation::Conversation;
use domain::id::{AgentId, MessageId};
use domain::message::Message;
use domain::tenant::File;
use serde_json::{Map, Value, json};

use crate::auth::Spoken;
use crate::draft::{self, Draft, Kind};
use crate::error::Problem;
use crate::routes::{Call, Desk};
use crate::settings::Settings;
use crate::shown::Frame;
use crate::{input, items, once, upload, view};

pub(crate) async fn handler(
    State(desk): State<Desk>,
    call: Call,
    body: HttpBody,
) -> Result<Response, Problem> {
    let conversation = call.conversation(&desk.engine).await?;
    let input = input::read(&call.headers, &call.query, body, &desk.settings).await?;
    let key = once::key(&call, &format!("create message in {}", conversation.number), &input)?;
    if let Some(kept) = once::repeated(&desk, key.as_ref()).await? {
        return Ok(once::response(kept));
    }
    let draft = draft::read(input)?;
    check(&desk.settings, call.caller.spoken, &draft)?;
    let identity = match draft.kind {
        Kind::Incoming => Some(api_identity(&desk, &conversation).await?),
        Kind::Outgoing | Kind::Template => None,
    };
    if !desk.throttle.admit(conversation.id, desk.engine.now()) {
        return Err(Problem::validation("Too many messages"));
    }
    let files = store(&desk, &call, &draft).await?;
    let content = content(&draft, &files);
    let tenant = &call.caller.tenant;
    let frame = Frame::load(&desk.engine, tenant, &conversation, &content, files, draft.in_reply_to).await?;
    let answers = frame.answered.as_ref().map(|message| message.id);
    let (spoken, links) = (call.caller.spoken, desk.links());
    let echo_id = draft.echo_id.clone().filter(|_| spoken == Spoken::Chatwoot);
    let render = move |message: &Arc<Message>| {
        let mut printed = view::message(&frame.around(message), spoken, &links);
        printed.echo_id.clone_from(&echo_id);
        once::ok(&printed)
    };
    let done = match identity {
        Some(identity) => {
            let command = speak_for(&conversation, identity, &draft, (answers, content));
            once::run(&desk, key, command, render, |_| Problem::NotFound).await?
        }
        None => {
            let command = reply(&desk, &call, &conversation, &draft, (answers, content));
            once::run(&desk, key, command, render, refused).await?
        }
    };
    Ok(once::response(done))
}

fn check(settings: &Settings, spoken: Spoken, draft: &Draft) -> Result<(), Problem> {
    let length = |text: &str| text.chars().count();
    let (chars, ids) = (settings.content_chars_max, settings.source_id_chars_max);
    if draft.content.as_deref().is_some_and(|content| length(content) > chars) {
        return Err(Problem::validation(&format!("Content is too long (maximum is {chars} characters)")));
    }
    if length(&draft.source_id) > ids {
        return Err(Problem::validation(&format!("Source is too long (maximum is {ids} characters)")));
    }
    let files = draft.files.len() + draft.signed.len();
    if files > settings.attachments_max {
        return Err(Problem::validation("Attachments exceeded maximum allowed"));
    }
    let blank = draft.content.as_deref().is_none_or(|content| content.trim().is_empty());
    if spoken == Spoken::LiveDesk && blank && files == 0 {
        return Err(Problem::validation("Content can't be blank"));
    }
    items::check(&draft.content_type, &draft.attributes)
}

/// The contact's address in this API inbox; only there may somebody speak for the contact.
async fn api_identity(desk: &Desk, conversation: &Conversation) -> Result<Identity, Problem> {
    let contact = desk.engine.get::<Contact>(conversation.tenant, conversation.contact.0).await;
    let contact = contact.map_err(Problem::store)?.ok_or(Problem::NotFound)?;
    let api = Channel::new(Channel::API);
    let mut own = contact.identities_for(conversation.app).filter(|identity| identity.address.channel == api);
    let refused = || Problem::Invalid("Incoming messages are only allowed in Api inboxes".to_owned());
    own.next().cloned().ok_or_else(refused)
}

/// Makes all files durable, in order.
async fn store(desk: &Desk, call: &Call, draft: &Draft) -> Result<Vec<Arc<File>>, Problem> {
    let tenant = call.caller.tenant.id;
    let mut files = Vec::new();
    for signed in &draft.signed {
        let invalid = || Problem::Invalid("Invalid attachment".to_owned());
        let opened = desk.signer.open_blob(signed, desk.engine.now()).filter(|(owner, _)| *owner == tenant);
        let (_, id) = opened.ok_or_else(invalid)?;
        let file = desk.engine.get::<File>(tenant, id.0).await.map_err(Problem::store)?;
        files.push(file.ok_or_else(invalid)?);
    }
    for part in &draft.files {
        files.push(Arc::new(upload::store(&desk.engine, &desk.settings, tenant, part.clone()).await?));
    }
    Ok(files)
}

/// The draft in the core's words, with what this face prints back beside it.
fn content(draft: &Draft, files: &[Arc<File>]) -> Content {
    let text = draft.content.clone().unwrap_or_default();
    let media = |file: &Arc<File>| Media {
        file: Some(file.id),
        mime: file.mime.clone(),
        name: file.name.clone(),
        size: file.size,
        ..Media::default()
    };
    let template = draft.template.as_ref().and_then(template);
    let body = match (template, files) {
        (Some(template), _) => template,
        (None, []) => items::body(&draft.content_type, &text, &draft.attributes)
            .unwrap_or_else(|| Body::Text(text.clone())),
        (None, [one]) => Body::Media(Media { caption: text, ..media(one) }),
        (None, several) => Body::Album { caption: text, items: several.iter().map(media).collect() },
    };
    let mut own = Map::new();
    own.insert("content".to_owned(), draft.content.clone().map_or(Value::Null, Value::String));
    own.insert("content_type".to_owned(), draft.content_type.clone().into());
    if draft.kind == Kind::Template {
        own.insert("template".to_owned(), Value::Bool(true));
    }
    let plain = own.len() == 2 && draft.content_type == "text" && draft.content.is_some() && files.is_empty();
    let json = Value::Object(own).to_string();
    let original = (!plain).then_some(Original { face: Face::LiveDesk, json });
    Content { original, ..Content::from_body(body) }
}

/// `template_params`: name, language, and the parameters as they come.
fn template(params: &Map<String, Value>) -> Option<Body> {
    let name = params.get("name")?.as_str()?.to_owned();
    let language = params.get("language").and_then(Value::as_str).unwrap_or_default().to_owned();
    let given = params.get("processed_params").and_then(Value::as_object).cloned().unwrap_or_default();
    let word = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parameters = given.into_iter().map(|(key, value)| (key, word(value))).collect();
    Some(Body::Template { name, language, parameters })
}

/// The attributes as they are kept: whether an answer was meant shows even where it is not found.
fn attributes(draft: &Draft) -> String {
    let mut attributes = draft.attributes.clone();
    if draft.answers {
        attributes.insert("in_reply_to".to_owned(), Value::Null);
        attributes.insert("in_reply_to_external_id".to_owned(), Value::Null);
    }
    if attributes.is_empty() { String::new() } else { json!(attributes).to_string() }
}

fn reply(
    desk: &Desk,
    call: &Call,
    conversation: &Conversation,
    draft: &Draft,
    (in_reply_to, content): (Option<MessageId>, Content),
) -> Reply {
    Reply {
        tenant: conversation.tenant,
        conversation: conversation.id,
        agent: bot(desk, call, draft.bot).or(call.caller.agent.as_ref().map(|agent| agent.id)),
        private: draft.private,
        content,
        in_reply_to,
        attributes: attributes(draft),
        source_id: draft.source_id.clone(),
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownConversation | Refusal::UnknownAgent => Problem::NotFound,
        Refusal::QueueFull => Problem::QueueFull,
    }
}

/// The bot in whose name the caller sends.
fn bot(desk: &Desk, call: &Call, number: Option<u64>) -> Option<AgentId> {
    let directory = desk.engine.directory();
    let number = number?;
    let mut agents = directory.agents_of(call.caller.tenant.id);
    agents.find(|agent| agent.role == Role::Bot && agent.number == number).map(|agent| agent.id)
}

/// A contact's words. They reopen the conversation they are put into. Reference section 15.4.
fn speak_for(
    conversation: &Conversation,
    identity: Identity,
    draft: &Draft,
    (in_reply_to, content): (Option<MessageId>, Content),
) -> SpeakFor {
    let receive = Receive {
        tenant: conversation.tenant,
        app: conversation.app,
        face: Face::LiveDesk,
        app_scoped: identity.app.is_some(),
        from: identity.address,
        person: Person::default(),
        // The vendor does not tell repeats apart; the same words twice are two messages.
        source_id: String::new(),
        content,
        reply_to: None,
        conversation: Some(conversation.id),
        metadata: String::new(),
    };
    SpeakFor { receive, in_reply_to, attributes: attributes(draft), source_id: draft.source_id.clone() }
}
