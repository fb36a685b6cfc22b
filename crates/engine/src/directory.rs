//! The directory: tenants, apps, agents, credentials and subscriptions as one in-memory snapshot.
//!
//! There are few of them and every request needs some, so faces read them here without waiting. The batcher
//! publishes a new snapshot after each commit that changed one.

use std::collections::HashMap;
use std::sync::Arc;

use domain::agent::Agent;
use domain::app::App;
use domain::content::Face;
use domain::id::{AgentId, AppId, SubscriptionId, TenantId};
use domain::record::{Kind, Record};
use domain::subscription::Subscription;
use domain::tenant::{Credential, Tenant};

/// The kinds of rows that live in the directory.
pub(crate) const KINDS: [Kind; 5] =
    [Kind::Tenant, Kind::App, Kind::Agent, Kind::Credential, Kind::Subscription];

/// A snapshot.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    tenants: HashMap<TenantId, Arc<Tenant>>,
    apps: HashMap<(TenantId, AppId), Arc<App>>,
    agents: HashMap<(TenantId, AgentId), Arc<Agent>>,
    credentials: HashMap<(Face, String), Arc<Credential>>,
    subscriptions: HashMap<(TenantId, SubscriptionId), Arc<Subscription>>,
}

impl Directory {
    /// A tenant by id.
    pub fn tenant(&self, id: TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.get(&id)
    }

    /// All tenants, in no order.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenants.values()
    }

    /// The tenant with this site id (consumer face).
    pub fn tenant_by_site(&self, site: &str) -> Option<&Arc<Tenant>> {
        self.tenants.values().find(|tenant| tenant.site_id == site)
    }

    /// The tenant with this account number (agent face).
    pub fn tenant_by_account(&self, number: u64) -> Option<&Arc<Tenant>> {
        self.tenants.values().find(|tenant| tenant.account_number == number)
    }

    /// An app of a tenant.
    pub fn app(&self, tenant: TenantId, id: AppId) -> Option<&Arc<App>> {
        self.apps.get(&(tenant, id))
    }

    /// An app of a tenant by its small number.
    pub fn app_by_number(&self, tenant: TenantId, number: u64) -> Option<&Arc<App>> {
        self.apps_of(tenant).find(|app| app.number == number)
    }

    /// Apps of a tenant, in no order.
    pub fn apps_of(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values().filter(move |app| app.tenant == tenant)
    }

    /// All apps, in no order.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }

    /// An agent of a tenant.
    pub fn agent(&self, tenant: TenantId, id: AgentId) -> Option<&Arc<Agent>> {
        self.agents.get(&(tenant, id))
    }

    /// Agents of a tenant, in no order.
    pub fn agents_of(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Agent>> {
        self.agents.values().filter(move |agent| agent.tenant == tenant)
    }

    /// A credential that is not revoked, by face and its public half.
    pub fn credential(&self, face: Face, public: &str) -> Option<&Arc<Credential>> {
        self.credentials.get(&(face, public.to_owned())).filter(|credential| !credential.revoked)
    }

    /// Credentials of a tenant, revoked ones included.
    pub fn credentials_of(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Credential>> {
        self.credentials.values().filter(move |credential| credential.tenant == tenant)
    }

    /// Subscriptions of a tenant, in no order.
    pub fn subscriptions_of(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Subscription>> {
        self.subscriptions.values().filter(move |subscription| subscription.tenant == tenant)
    }

    /// A subscription.
    pub fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(&(tenant, id))
    }

    /// All subscriptions, in no order.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.subscriptions.values()
    }

    /// Takes over a written row.
    pub(crate) fn put(&mut self, record: &Record) {
        match record {
            Record::Tenant(row) => drop(self.tenants.insert(row.id, row.clone())),
            Record::App(row) => drop(self.apps.insert((row.tenant, row.id), row.clone())),
            Record::Agent(row) => drop(self.agents.insert((row.tenant, row.id), row.clone())),
            Record::Credential(row) => {
                self.credentials.insert((row.face, row.public.clone()), row.clone());
            }
            Record::Subscription(row) => {
                self.subscriptions.insert((row.tenant, row.id), row.clone());
            }
            _ => {}
        }
    }

    /// Forgets a deleted subscription, the only one of these that is ever deleted.
    pub(crate) fn remove_subscription(&mut self, tenant: TenantId, id: SubscriptionId) {
        self.subscriptions.remove(&(tenant, id));
    }
}
