//! A message with everything that its printed form names, from the store or from a callback's facts.

use std::sync::Arc;

use domain::agent::Agent;
use domain::app::App;
use domain::contact::Contact;
use domain::content::{Body, Content, Media};
use domain::conversation::Conversation;
use domain::id::TenantId;
use domain::message::{Author, Message};
use domain::record::List;
use domain::tenant::{File, Tenant};
use engine::{Directory, Engine, Facts};
use futures_util::future::join_all;

use crate::error::Problem;
use crate::signed::Signer;

/// Where file links point, and what signs them.
#[derive(Clone)]
pub(crate) struct Links {
    pub base: Arc<str>,
    pub signer: Signer,
}

/// A loaded message.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub message: Arc<Message>,
    /// Erased content is `None`.
    pub content: Option<Arc<Content>>,
    pub account: u64,
    pub conversation: u64,
    pub app: Option<Arc<App>>,
    pub agent: Option<Arc<Agent>>,
    pub contact: Option<Arc<Contact>>,
    pub files: Vec<Arc<File>>,
    pub answered: Option<Arc<Message>>,
}

/// The files that a body names, in order.
pub(crate) fn media(body: &Body) -> &[Media] {
    match body {
        Body::Media(one) => std::slice::from_ref(one),
        Body::Album { items, .. } => items,
        _ => &[],
    }
}

impl Shown {
    /// From a callback's facts; `None` where they hold no message of a conversation.
    pub(crate) fn from_facts(facts: &Facts) -> Option<Shown> {
        Some(Shown {
            message: facts.message.clone()?,
            content: facts.content.clone(),
            account: facts.tenant.as_ref()?.account_number,
            conversation: facts.conversation.as_ref()?.number,
            app: facts.app.clone(),
            agent: facts.author.clone(),
            contact: facts.contact.clone(),
            files: facts.files.clone(),
            answered: facts.answered.clone(),
        })
    }
}

/// What a message that is about to be written will be printed with, loaded before it is.
pub(crate) struct Frame {
    directory: Arc<Directory>,
    account: u64,
    conversation: u64,
    app: Option<Arc<App>>,
    contact: Option<Arc<Contact>>,
    content: Arc<Content>,
    files: Vec<Arc<File>>,
    /// The message that the new one answers.
    pub answered: Option<Arc<Message>>,
}

impl Frame {
    /// Loads it; `answers` is the number of a message of the conversation.
    pub(crate) async fn load(
        engine: &Engine,
        tenant: &Tenant,
        conversation: &Conversation,
        content: &Content,
        files: Vec<Arc<File>>,
        answers: Option<u64>,
    ) -> Result<Frame, Problem> {
        let contact =
            engine.get::<Contact>(tenant.id, conversation.contact.0).await.map_err(Problem::store)?;
        let answered = match answers {
            Some(number) => {
                let list = (List::MessagesOfConversation, conversation.id.0);
                engine.at::<Message>(tenant.id, list, number).await.map_err(Problem::store)?
            }
            None => None,
        };
        let directory = engine.directory();
        Ok(Frame {
            account: tenant.account_number,
            conversation: conversation.number,
            app: directory.app(tenant.id, conversation.app).cloned(),
            directory,
            contact,
            content: Arc::new(content.clone()),
            files,
            answered,
        })
    }

    /// The message in it.
    pub(crate) fn around(&self, message: &Arc<Message>) -> Shown {
        let agent = match message.author {
            Author::Agent(id) => self.directory.agent(message.tenant, id).cloned(),
            _ => None,
        };
        Shown {
            message: message.clone(),
            content: Some(self.content.clone()),
            account: self.account,
            conversation: self.conversation,
            app: self.app.clone(),
            agent,
            contact: self.contact.clone(),
            files: self.files.clone(),
            answered: self.answered.clone().filter(|answered| message.reply_to == Some(answered.id)),
        }
    }
}

/// Loads messages of one conversation.
pub(crate) async fn load(
    engine: &Engine,
    tenant: &Tenant,
    conversation: &Conversation,
    messages: Vec<Arc<Message>>,
) -> Result<Vec<Shown>, Problem> {
    let contact = engine.get::<Contact>(tenant.id, conversation.contact.0).await.map_err(Problem::store)?;
    let each =
        messages.into_iter().map(|message| one(engine, tenant, conversation, contact.clone(), message));
    join_all(each).await.into_iter().collect()
}

async fn one(
    engine: &Engine,
    tenant: &Tenant,
    conversation: &Conversation,
    contact: Option<Arc<Contact>>,
    message: Arc<Message>,
) -> Result<Shown, Problem> {
    let content = engine.get::<Content>(tenant.id, message.id.0).await.map_err(Problem::store)?;
    let files = match &content {
        Some(content) => files(engine, tenant.id, &content.body).await?,
        None => Vec::new(),
    };
    let answered = match message.reply_to {
        Some(id) => engine.get::<Message>(tenant.id, id.0).await.map_err(Problem::store)?,
        None => None,
    };
    let directory = engine.directory();
    let agent = match message.author {
        Author::Agent(id) => directory.agent(tenant.id, id).cloned(),
        _ => None,
    };
    Ok(Shown {
        account: tenant.account_number,
        conversation: conversation.number,
        app: directory.app(tenant.id, conversation.app).cloned(),
        agent,
        contact,
        content,
        files,
        answered,
        message,
    })
}

async fn files(engine: &Engine, tenant: TenantId, body: &Body) -> Result<Vec<Arc<File>>, Problem> {
    let ids: Vec<_> = media(body).iter().filter_map(|media| media.file.map(|file| file.0)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    engine.get_all::<File>(tenant, &ids).await.map_err(Problem::store)
}
