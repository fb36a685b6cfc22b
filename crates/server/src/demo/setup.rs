//! What the demo creates on an empty data folder: two tenants with one app each, every channel against the sandbox,
//! agents, and keys for every face.

use anyhow::{Context as _, anyhow};
use domain::agent::{Agent, Role};
use domain::app::{App, ChannelAccount, ProcessingMode};
use domain::channel::Channel;
use domain::command::Command;
use domain::command::admin::{CreateTenant, PutAgent, PutApp, PutCredential, PutSubscription};
use domain::content::Face;
use domain::id::{AgentId, AppId, Id, KeyId, SubscriptionId, TenantId};
use domain::tenant::{Credential, Tenant};
use engine::Engine;
use sha2::{Digest as _, Sha256};

use super::accounts::{Account, Door};
use super::info::{Api, Bot, Colleague, Keys, LiveDesk, LivePerson, Sinch};
use crate::random;

/// Send jobs of one app that may wait.
const QUEUE_LIMIT: u64 = 500_000;

/// Makes one tenant with everything it needs.
pub async fn tenant(
    engine: &Engine,
    name: &str,
    accounts: &[Account],
    door: Door<'_>,
) -> anyhow::Result<Keys> {
    let tenant = run(
        engine,
        CreateTenant(Tenant {
            id: TenantId(engine.new_id()),
            name: name.to_owned(),
            account_number: 0,
            site_id: String::new(),
            disabled: false,
        }),
    )
    .await?;
    let maker = Maker { engine, tenant: tenant.id, door };
    let owner = maker.agent("Mina Okafor", "mina@demo.example", Role::Administrator).await?;
    let colleague = maker.agent("Jonas Berg", "jonas@demo.example", Role::Agent).await?;
    let bot = maker.agent("Demo bot", "bot@demo.example", Role::Bot).await?;
    let webhook_secret = random::secret();
    let app = maker.app(name, bot.id, accounts, &webhook_secret).await?;
    let hidden = SubscriptionId(engine.new_id());
    let hidden = face_sinch::hidden_subscription(tenant.id, app.id, hidden, engine.now());
    run(engine, PutSubscription { subscription: hidden, from: engine.position() }).await?;

    let (key_id, key_secret) = maker.pair(Face::Sinch, app.id, None).await?;
    let (client_id, client_secret) = maker.pair(Face::LivePerson, app.id, None).await?;
    let admin_password = maker.admin("root", app.id).await?;
    let (api_key, api_secret) = maker.pair(Face::LiveDesk, app.id, Some(owner.id)).await?;
    Ok(Keys {
        sinch: Sinch {
            project_id: tenant.id.uuid(),
            key_id,
            key_secret,
            app_id: app.id.ulid(),
            webhook_secret,
        },
        liveperson: LivePerson {
            account_id: tenant.site_id.clone(),
            client_id,
            client_secret,
            admin_login: "root".to_owned(),
            admin_password,
        },
        livedesk: LiveDesk {
            account_id: tenant.account_number,
            inbox_id: app.number,
            inbox_identifier: app.identifier.clone(),
            api_key,
            api_secret,
            api_access_token: maker.token(Face::LiveDesk, app.id, Some(owner.id)).await?,
            agent_id: owner.number,
            agent_name: owner.name.clone(),
            colleague: Colleague {
                agent_id: colleague.number,
                api_access_token: maker.token(Face::LiveDesk, app.id, Some(colleague.id)).await?,
            },
            bot: Bot { api_access_token: maker.token(Face::LiveDesk, app.id, Some(bot.id)).await? },
        },
        api: Api { key: maker.token(Face::Trunkline, app.id, None).await? },
    })
}

struct Maker<'a> {
    engine: &'a Engine,
    tenant: TenantId,
    door: Door<'a>,
}

impl Maker<'_> {
    async fn agent(&self, name: &str, email: &str, role: Role) -> anyhow::Result<Agent> {
        let agent = Agent {
            id: AgentId(self.engine.new_id()),
            tenant: self.tenant,
            number: 0,
            name: name.to_owned(),
            email: email.to_owned(),
            avatar_url: String::new(),
            role,
        };
        run(self.engine, PutAgent(agent)).await
    }

    async fn app(&self, name: &str, bot: AgentId, accounts: &[Account], secret: &str) -> anyhow::Result<App> {
        let channels = accounts.iter().map(|account| ChannelAccount {
            channel: Channel::new(account.channel),
            account: account.account.clone(),
            settings: account.settings.clone(),
        });
        let app = App {
            id: AppId(self.engine.new_id()),
            tenant: self.tenant,
            number: 0,
            name: format!("{name} app"),
            identifier: random::secret()[..24].to_owned(),
            mode: ProcessingMode::Conversation,
            dispatch_retention_days: 0,
            channels: channels.collect(),
            unknown_policy: None,
            override_callback_secret: Some(secret.to_owned()),
            lock_to_single_conversation: false,
            bot: Some(bot),
            notes_to_connector: false,
            queue_limit: QUEUE_LIMIT,
            patience: Default::default(),
        };
        self.door.register(&app).await?;
        run(self.engine, PutApp(app)).await
    }

    async fn credential(
        &self,
        face: Face,
        public: String,
        digest: [u8; 32],
        secret: Option<String>,
        who: (AppId, Option<AgentId>),
    ) -> anyhow::Result<()> {
        let credential = Credential {
            id: KeyId(self.engine.new_id()),
            tenant: self.tenant,
            face,
            app: Some(who.0),
            agent: who.1,
            public,
            secret_digest: digest,
            secret,
            name: "demo".to_owned(),
            revoked: false,
        };
        run(self.engine, PutCredential(credential)).await
    }

    /// A key id and its secret.
    async fn pair(&self, face: Face, app: AppId, agent: Option<AgentId>) -> anyhow::Result<(String, String)> {
        let (public, secret) = (Id(u128::from_be_bytes(half())).uuid(), random::secret());
        let digest = Sha256::digest(&secret).into();
        let kept = (face == Face::LivePerson).then(|| secret.clone());
        self.credential(face, public.clone(), digest, kept, (app, agent)).await?;
        Ok((public, secret))
    }

    /// The consumer face's administrator.
    async fn admin(&self, login: &str, app: AppId) -> anyhow::Result<String> {
        let password = random::secret();
        let site = self.engine.directory().tenant(self.tenant).map(|tenant| tenant.site_id.clone());
        let public = format!("admin:{}:{login}", site.unwrap_or_default());
        let digest = Sha256::digest(&password).into();
        self.credential(Face::LivePerson, public, digest, None, (app, None)).await?;
        Ok(password)
    }

    /// A bearer token.
    async fn token(&self, face: Face, app: AppId, agent: Option<AgentId>) -> anyhow::Result<String> {
        let token = random::secret();
        let public = hex::encode(Sha256::digest(&token));
        self.credential(face, public, [0; 32], None, (app, agent)).await?;
        Ok(token)
    }
}

fn half() -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&random::bytes()[..16]);
    half
}

/// Executes a command of the setup; any refusal is a sentence.
async fn run<C: Command>(engine: &Engine, command: C) -> anyhow::Result<C::Answer>
where
    C::Refusal: std::fmt::Debug,
{
    engine
        .execute(command)
        .await
        .map_err(|failure| anyhow!("{failure:?}"))
        .context("the demo cannot be set up")
}
