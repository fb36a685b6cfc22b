//! The world around the engine, which outlives it: store, clock, provider, webhook endpoints, and what is known.
//!
//! Three tenants with an app or two each; every tenant has subscriptions of two dialects, and one app's consumer
//! channel is carried by a third.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::domain::app::{App, ChannelAccount, Patience, ProcessingMode, UnknownPolicy};
use engine::domain::channel::Channel;
use engine::domain::command::admin::{CreateTenant, PutApp, PutSubscription};
use engine::domain::content::Face;
use engine::domain::id::{AppId, Id, SubscriptionId, TenantId};
use engine::domain::subscription::Subscription;
use engine::domain::tenant::Tenant;
use engine::domain::time::Time;
use engine::{Engine, FileLinks, Ids, Limits, Parts, Registered};
use testkit::MemoryFiles;

use crate::clock::VirtualClock;
use crate::fate::Fate;
use crate::hook::{Endpoint, Hook, PlainDialect};
use crate::model::Model;
use crate::provider::{CHANNELS, Provider, account_name};
use crate::shelf::Shelf;
use crate::store::ChaosStore;

const BEGINNING: Time = Time(1_750_000_000_000);

/// Tenants and their apps.
pub const APPS: [(TenantId, AppId); 4] = [
    (TenantId(Id(1)), AppId(Id(11))),
    (TenantId(Id(1)), AppId(Id(12))),
    (TenantId(Id(2)), AppId(Id(21))),
    (TenantId(Id(3)), AppId(Id(31))),
];
pub const TENANTS: [TenantId; 3] = [TenantId(Id(1)), TenantId(Id(2)), TenantId(Id(3))];

pub struct World {
    pub seed: u64,
    pub fate: Fate,
    pub clock: VirtualClock,
    pub store: ChaosStore,
    pub provider: Arc<Provider>,
    pub hook: Arc<Hook>,
    pub shelf: Arc<Shelf>,
    pub files: MemoryFiles,
    pub model: Arc<Mutex<Model>>,
    lives: u64,
}

impl World {
    pub fn new(seed: u64) -> World {
        let fate = Fate::of(seed);
        let clock = VirtualClock::at(BEGINNING);
        let store = ChaosStore::new(&fate, &clock);
        let endpoints = subscriptions()
            .into_iter()
            .map(|one| Endpoint::new(one.tenant, one.id, one.dialect, one.carries.is_some()));
        World {
            seed,
            provider: Provider::new(&fate, &store),
            hook: Hook::new(&fate, &clock, &store, endpoints.collect()),
            shelf: Shelf::new(&fate),
            files: MemoryFiles::default(),
            model: Arc::new(Mutex::new(Model::new(&fate, &TENANTS))),
            fate,
            clock,
            store,
            lives: 0,
        }
    }

    /// One life of a process: everything that it runs dies with it, in the middle of whatever it does.
    pub fn life<T>(&mut self, live: impl AsyncFnOnce(&World, &Engine) -> T) -> T {
        self.lives += 1;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let end = runtime.block_on(async {
            self.clock.begin();
            self.store.deadlines.begin();
            let engine = self.start().await;
            live(self, &engine).await
        });
        let guard = runtime.enter();
        self.clock.end();
        drop(guard);
        drop(runtime);
        end
    }

    async fn start(&self) -> Engine {
        loop {
            match Engine::start(self.parts()).await {
                Ok(engine) => return engine,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn parts(&self) -> Parts {
        let store = Arc::new(self.store.clone());
        let dialects = [Face::LivePerson, Face::Sinch, Face::LiveDesk];
        let registered = |connector| Registered { connector, session: None };
        Parts {
            store: store.clone(),
            reads: store.clone(),
            claims: store,
            files: Arc::new(self.files.clone()),
            inspect: Arc::new(testkit::Believing),
            clock: Arc::new(self.clock.clone()),
            ids: Arc::new(Ids::new(self.seed ^ self.lives << 32)),
            channels: self.provider.channels().into_iter().map(registered).collect(),
            dialects: dialects.into_iter().map(|face| Arc::new(PlainDialect(face)) as _).collect(),
            provider_http: self.shelf.clone(),
            callback_http: self.hook.clone(),
            links: FileLinks::new(Arc::from("http://localhost"), [0; 32]),
            // Half of the seeds read the whole log from the store.
            limits: Limits {
                cached_events_max: if self.seed.is_multiple_of(2) { 0 } else { 50 },
                ..Limits::default()
            },
        }
    }

    /// Creates tenants, apps and subscriptions.
    pub async fn found(&self, engine: &Engine) {
        for id in TENANTS {
            let name = id.ulid();
            let tenant = Tenant { id, name, account_number: 0, site_id: String::new(), disabled: false };
            engine.execute(CreateTenant(tenant)).await.unwrap();
        }
        for (tenant, app) in APPS {
            engine.execute(PutApp(self.app(tenant, app))).await.unwrap();
        }
        for subscription in subscriptions() {
            engine.execute(PutSubscription { subscription, from: 0 }).await.unwrap();
        }
    }

    fn app(&self, tenant: TenantId, id: AppId) -> App {
        let account = |channel: &str| ChannelAccount {
            channel: Channel::new(channel),
            account: account_name(tenant, id),
            settings: Vec::new(),
        };
        let policies =
            [None, Some(UnknownPolicy::Retry), Some(UnknownPolicy::Hold), Some(UnknownPolicy::FailOver)];
        App {
            id,
            tenant,
            number: 0,
            name: "app".to_owned(),
            identifier: id.ulid(),
            mode: if self.fate.percent(15) { ProcessingMode::Dispatch } else { ProcessingMode::Conversation },
            dispatch_retention_days: self.fate.pick(&[0, 1]),
            channels: CHANNELS.into_iter().chain([Channel::CONNECTOR, Channel::API]).map(account).collect(),
            unknown_policy: self.fate.pick(&policies),
            patience: Patience {
                retry_s: self.fate.pick(&[10, 600, 3_600]),
                report_s: self.fate.pick(&[None, Some(90), Some(3_600)]),
            },
            override_callback_secret: None,
            lock_to_single_conversation: false,
            bot: None,
            notes_to_connector: false,
            queue_limit: 100_000,
        }
    }
}

/// Two dialects for every tenant, and the carrier of the first app's consumer channel.
fn subscriptions() -> Vec<Subscription> {
    let mut all: Vec<Subscription> = Vec::new();
    let mut add = |tenant: TenantId, dialect: Face, carried_for: Option<AppId>| {
        let place = all.len();
        all.push(Subscription {
            id: SubscriptionId(Id(900 + place as u128)),
            tenant,
            app: carried_for,
            number: 0,
            dialect,
            carries: carried_for.map(|_| Channel::new(Channel::CONNECTOR)),
            target: format!("http://hook.example/{place}"),
            secret: String::new(),
            triggers: Vec::new(),
            settings: String::new(),
            enabled: true,
            parallel: false,
            previous: None,
            created_at: BEGINNING,
        });
    };
    for tenant in TENANTS {
        add(tenant, Face::Sinch, None);
        add(tenant, Face::LiveDesk, None);
    }
    let (tenant, app) = APPS[0];
    add(tenant, Face::LivePerson, Some(app));
    all
}
