//! A small world that commands run in: rows by key, loaded only when asked for, every load counted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::*;
use crate::agent::Agent;
use crate::app::ChannelAccount;
use crate::channel::Nature;
use crate::command::Command;
use crate::consent::ContentClass;
use crate::delivery::Priority;
use crate::id::{AppId, IdSource, TenantId};
use crate::job::Job;
use crate::record::{Entity, List, Listing, Record};
use crate::view::{Halt, Loaded, View};

pub const TENANT: TenantId = TenantId(Id(1));
pub const APP: AppId = AppId(Id(2));
/// Rounds of loading that any command may need, whatever is there.
const LOADS_MAX: usize = 3;

pub struct World {
    rows: HashMap<Key, Record>,
    listings: Vec<Listing>,
    pub jobs: BTreeMap<JobId, Job>,
    facts: Vec<Fact>,
    pub now: Time,
    ids: Counting,
}

struct Counting(u128);

impl IdSource for Counting {
    fn next_id(&mut self) -> Id {
        self.0 += 1;
        Id(self.0)
    }
}

/// What one command has loaded so far.
struct Asked<'a> {
    rows: &'a HashMap<Key, Record>,
    known: HashSet<Key>,
}

impl Loaded for Asked<'_> {
    fn row(&self, key: &Key) -> Option<Option<Record>> {
        self.known.contains(key).then(|| self.rows.get(key).cloned())
    }
}

impl World {
    pub fn new() -> World {
        World::with(app())
    }

    pub fn with(app: App) -> World {
        let mut world = World {
            rows: HashMap::new(),
            listings: Vec::new(),
            jobs: BTreeMap::new(),
            facts: Vec::new(),
            now: Time(1_700_000_000_000),
            ids: Counting(1_000),
        };
        world.put(Key::id::<App>(TENANT, APP.0), app);
        for number in [5, 6] {
            world.put(Key::id::<Agent>(TENANT, Id(number)), agent(AgentId(Id(number))));
        }
        world
    }

    pub fn put<E: Entity>(&mut self, key: Key, entity: E) {
        self.rows.insert(key, E::wrap(Arc::new(entity)));
    }

    /// Runs a command to its end from an empty memory, and keeps what it decided.
    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Answer, C::Refusal> {
        let mut asked = Asked { rows: &self.rows, known: HashSet::new() };
        for _ in 0..=LOADS_MAX {
            let mut view = View::new(&asked, &mut self.ids, self.now);
            match command.decide(&mut view) {
                Ok(answer) => {
                    let decision = view.into_decision();
                    for (key, record) in decision.writes {
                        match record {
                            Some(record) => drop(self.rows.insert(key, record)),
                            None => drop(self.rows.remove(&key)),
                        }
                    }
                    self.listings.extend(decision.listings);
                    self.jobs.extend(decision.jobs.into_iter().map(|job| (job.id, job)));
                    decision.finished_jobs.iter().for_each(|job| drop(self.jobs.remove(job)));
                    self.facts.extend(decision.events.into_iter().map(|event| event.fact));
                    return Ok(answer);
                }
                Err(Halt::Refused(refusal)) => return Err(refusal),
                Err(Halt::Wanted) => {
                    let wanted = view.take_wanted();
                    assert!(wanted.iter().all(|key| !asked.known.contains(key)), "loaded twice: {wanted:?}");
                    asked.known.extend(wanted);
                }
            }
        }
        panic!("{} needs more than {LOADS_MAX} loads", std::any::type_name::<C>());
    }

    /// A list, in the order of its positions.
    pub fn list(&self, list: List, owner: Id) -> Vec<(u64, Id)> {
        let own = self.listings.iter().filter(|entry| (entry.list, entry.owner) == (list, owner));
        let mut own: Vec<_> = own.map(|entry| (entry.position, entry.target)).collect();
        own.sort_unstable();
        own
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.facts.clone()
    }

    /// What the log says of deliveries.
    pub fn statuses(&self) -> Vec<Status> {
        let status = |fact: &Fact| match fact {
            Fact::DeliveryChanged(change) => Some(change.status),
            _ => None,
        };
        self.facts.iter().filter_map(status).collect()
    }

    pub fn all<E: Entity>(&self) -> Vec<Arc<E>> {
        self.rows.values().filter_map(E::unwrap).collect()
    }

    pub fn only<E: Entity>(&self) -> Arc<E> {
        let all = self.all::<E>();
        assert_eq!(all.len(), 1);
        all[0].clone()
    }

    pub fn get<E: Entity>(&self, id: Id) -> Arc<E> {
        E::unwrap(&self.rows[&Key::id::<E>(TENANT, id)]).unwrap()
    }

    pub fn message(&self, id: MessageId) -> Arc<Message> {
        self.get::<Message>(id.0)
    }

    pub fn status(&self, id: MessageId) -> Status {
        self.message(id).status()
    }

    pub fn queued(&self) -> u64 {
        let counter = self.rows.get(&Key::queue(TENANT, APP)).and_then(Counter::unwrap);
        counter.map_or(0, |counter| counter.0)
    }

    pub fn send_jobs(&self) -> usize {
        self.jobs.values().filter(|job| matches!(job.work, Work::Send { .. })).count()
    }

    pub fn send_job(&self) -> JobId {
        let job = self.jobs.values().find(|job| matches!(job.work, Work::Send { .. }));
        job.expect("a send job stands").id
    }

    /// Runs the message's send job once: the channel answers like this.
    pub fn hand_over(&mut self, message: MessageId, outcome: Outcome) {
        self.hand_over_on(message, outcome, nature(UnknownPolicy::Hold));
    }

    pub fn hand_over_on(&mut self, message: MessageId, outcome: Outcome, nature: Nature) {
        let mine = |job: &&Job| job.work == Work::Send { message };
        let job = self.jobs.values().find(mine).expect("a send job stands").id;
        if let Begun::HandOver(hand_over) = self.run(&Begin { nature, ..begin(message, Some(job)) }).unwrap()
        {
            let finish = finish(message, hand_over.attempt, outcome);
            self.run(&Finish { job: Some(job), nature, ..finish }).unwrap();
        }
    }

    /// Runs the jobs that look after lives and patience and are due.
    pub fn expire_all(&mut self) {
        for job in self.jobs.values().cloned().collect::<Vec<_>>() {
            match job.work {
                Work::Expire { message } if job.due_at <= self.now => {
                    self.run(&Expire { tenant: TENANT, message, job: job.id }).unwrap();
                }
                Work::Send { message } if job.expires_at.is_some_and(|at| at <= self.now) => {
                    let begun = self.run(&begin(message, Some(job.id))).unwrap();
                    assert!(matches!(begun, Begun::Nothing), "{begun:?}");
                }
                _ => {}
            }
        }
    }

    pub fn erase_all(&mut self) {
        for job in self.due() {
            if let Work::Erase { message } = job.work {
                self.run(&Erase { tenant: TENANT, message, job: job.id }).unwrap();
            }
        }
    }

    fn due(&self) -> Vec<Job> {
        self.jobs.values().filter(|job| job.due_at <= self.now).cloned().collect()
    }

    pub fn delete_content(&mut self) {
        self.rows.retain(|_, record| Content::unwrap(record).is_none());
    }
}

pub fn app() -> App {
    let account = |channel: &str| ChannelAccount {
        channel: Channel::new(channel),
        account: "us".to_owned(),
        settings: Vec::new(),
    };
    App {
        id: APP,
        tenant: TENANT,
        number: 1,
        name: "app".to_owned(),
        identifier: "shop".to_owned(),
        mode: ProcessingMode::Conversation,
        dispatch_retention_days: 0,
        channels: vec![account("ALPHA"), account("BETA"), account(Channel::CONNECTOR)],
        unknown_policy: None,
        patience: Patience::default(),
        override_callback_secret: None,
        lock_to_single_conversation: false,
        bot: None,
        notes_to_connector: false,
        queue_limit: 1_000,
    }
}

fn agent(id: AgentId) -> Agent {
    Agent {
        id,
        tenant: TENANT,
        number: 1,
        name: "Agent".to_owned(),
        email: String::new(),
        avatar_url: String::new(),
        role: crate::agent::Role::Agent,
    }
}

pub fn nature(unknown: UnknownPolicy) -> Nature {
    Nature { unknown, reports_delivered: true, patience_over: false }
}

pub fn text(person: &str, channels: &[&str]) -> Send {
    let addresses = channels.iter().map(|channel| (Address::new(channel, person), false));
    Send {
        tenant: TENANT,
        app: APP,
        recipient: Recipient::Identities(addresses.collect()),
        content: Content::text("hello"),
        order: Vec::new(),
        callback_url: None,
        metadata: String::new(),
        conversation_metadata: None,
        correlation_id: None,
        priority: Priority::Normal,
        ttl_s: None,
        dispatch_only: false,
        class: ContentClass::Unknown,
        shown_agent: String::new(),
    }
}

pub fn begin(message: MessageId, job: Option<JobId>) -> Begin {
    Begin { tenant: TENANT, message, job, nature: nature(UnknownPolicy::Hold) }
}

pub fn finish(message: MessageId, attempt: u32, outcome: Outcome) -> Finish {
    Finish { tenant: TENANT, message, attempt, job: None, outcome, nature: nature(UnknownPolicy::Hold) }
}

pub fn receipt(channel: &str, provider_id: &str, status: Status) -> TakeReceipt {
    TakeReceipt {
        tenant: TENANT,
        app: APP,
        channel: Channel::new(channel),
        provider_id: Arc::from(provider_id),
        token: None,
        receipt: crate::delivery::Receipt { status, reason: None, at: Time(0) },
    }
}

pub fn inbound(person: &str, words: &str, source_id: &str) -> Receive {
    Receive {
        tenant: TENANT,
        app: APP,
        face: Face::Provider,
        from: Address::new("ALPHA", person),
        app_scoped: false,
        person: Person::default(),
        source_id: source_id.to_owned(),
        content: Content::from_body(Body::Text(words.to_owned())),
        reply_to: None,
        conversation: None,
        metadata: String::new(),
    }
}

pub fn answer(conversation: ConversationId) -> Reply {
    Reply {
        tenant: TENANT,
        conversation,
        agent: Some(AgentId(Id(5))),
        private: false,
        content: Content::text("yes?"),
        in_reply_to: None,
        attributes: String::new(),
        source_id: String::new(),
    }
}

pub fn open(consumer: &str) -> Open {
    Open {
        tenant: TENANT,
        app: APP,
        from: Address::new(Channel::CONNECTOR, consumer),
        profile: Profile::default(),
        conversation: Some(NewConversation { context: "{}".to_owned() }),
        messages: vec![(Content::text("hi"), String::new())],
    }
}

pub fn standing(conversation: ConversationId, to: Standing) -> SetStanding {
    SetStanding { tenant: TENANT, conversation, to, by: Party::System, contact: None }
}

pub fn accepted(part: &str) -> Outcome {
    Outcome::Accepted { parts: vec![Arc::from(part)] }
}

pub fn refused() -> Outcome {
    Outcome::Refused(Reason::new(ReasonKind::ChannelRejected, "no"))
}

pub fn temporary() -> Outcome {
    Outcome::Temporary { reason: Reason::new(ReasonKind::ChannelFailure, "busy"), retry_after_ms: None }
}

pub fn unknown() -> Outcome {
    Outcome::Unknown { parts: Vec::new() }
}
