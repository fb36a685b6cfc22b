//! What operators create: tenants, apps, agents, credentials, subscriptions, files. Plain writes with the checks
//! that uniqueness needs.

use super::Command;
use crate::agent::Agent;
use crate::app::App;
use crate::id::{Id, TenantId};
use crate::record::{Entity, Key, Pointer};
use crate::subscription::{Cursor, Subscription};
use crate::tenant::{Credential, File, Tenant};
use crate::view::{Halt, View};

/// Something with that name exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken;

/// The tenant id under which server-wide rows stand.
pub const SERVER: TenantId = TenantId(Id(0));

/// Makes a tenant. Its account number is drawn when 0.
#[derive(Clone, Debug)]
pub struct CreateTenant(pub Tenant);

impl Command for CreateTenant {
    type Answer = Tenant;
    type Refusal = Taken;

    fn tenant(&self) -> TenantId {
        self.0.id
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Tenant, Halt<Taken>> {
        let mut tenant = self.0.clone();
        if tenant.account_number == 0 {
            tenant.account_number = view.next_number(SERVER, "account")?;
        }
        if tenant.site_id.is_empty() {
            tenant.site_id = (70_000_000 + tenant.account_number).to_string();
        }
        let names = [format!("site/{}", tenant.site_id), format!("account/{}", tenant.account_number)];
        for name in &names {
            let key = Key::text::<Pointer>(SERVER, name);
            let free = view.get::<Pointer, Taken>(&key)?.is_none_or(|holder| holder.target == tenant.id.0);
            if !free {
                return Err(Taken.into());
            }
            view.put(key, Pointer { target: tenant.id.0, attempt: 0 });
        }
        view.put(Key::id::<Tenant>(tenant.id, tenant.id.0), tenant.clone());
        Ok(tenant)
    }
}

/// Writes an app whole: creates it (number 0) or replaces it.
#[derive(Clone, Debug)]
pub struct PutApp(pub App);

impl Command for PutApp {
    type Answer = App;
    type Refusal = Taken;

    fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<App, Halt<Taken>> {
        let mut app = self.0.clone();
        app.number = numbered(view, app.tenant, "app", app.number)?;
        view.put(Key::id::<App>(app.tenant, app.id.0), app.clone());
        Ok(app)
    }
}

/// Writes an agent whole.
#[derive(Clone, Debug)]
pub struct PutAgent(pub Agent);

impl Command for PutAgent {
    type Answer = Agent;
    type Refusal = Taken;

    fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Agent, Halt<Taken>> {
        let mut agent = self.0.clone();
        agent.number = numbered(view, agent.tenant, "agent", agent.number)?;
        view.put(Key::id::<Agent>(agent.tenant, agent.id.0), agent.clone());
        Ok(agent)
    }
}

/// Writes a credential; revoking is writing it with `revoked`.
#[derive(Clone, Debug)]
pub struct PutCredential(pub Credential);

impl Command for PutCredential {
    type Answer = ();
    type Refusal = Taken;

    fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Taken>> {
        let credential = self.0.clone();
        let key =
            Key::text::<Pointer>(SERVER, &format!("credential/{:?}/{}", credential.face, credential.public));
        let free = view.get::<Pointer, Taken>(&key)?.is_none_or(|holder| holder.target == credential.id.0);
        if !free {
            return Err(Taken.into());
        }
        view.put(key, Pointer { target: credential.id.0, attempt: 0 });
        view.put(Key::id::<Credential>(credential.tenant, credential.id.0), credential);
        Ok(())
    }
}

/// Writes a subscription. A new one hears what happens from now on.
#[derive(Clone, Debug)]
pub struct PutSubscription {
    pub subscription: Subscription,
    /// The log's newest position, where a new subscription starts.
    pub from: u64,
}

impl Command for PutSubscription {
    type Answer = Subscription;
    type Refusal = Taken;

    fn tenant(&self) -> TenantId {
        self.subscription.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Subscription, Halt<Taken>> {
        let mut subscription = self.subscription.clone();
        let (tenant, id) = (subscription.tenant, subscription.id.0);
        subscription.number = numbered(view, tenant, "subscription", subscription.number)?;
        let position = match view.by_id::<Cursor, Taken>(tenant, id)? {
            None => Some(self.from),
            // Whoever switches it on again begins with a clean slate.
            Some(cursor) if cursor.failing_since.is_some() && subscription.enabled => {
                let off =
                    view.by_id::<Subscription, Taken>(tenant, id)?.is_some_and(|before| !before.enabled);
                off.then_some(cursor.position)
            }
            Some(_) => None,
        };
        if let Some(position) = position {
            view.put(Key::id::<Cursor>(tenant, id), Cursor { position, failing_since: None });
        }
        view.put(Key::id::<Subscription>(tenant, id), subscription.clone());
        Ok(subscription)
    }
}

/// Removes a subscription and its cursor.
#[derive(Clone, Debug)]
pub struct DeleteSubscription {
    pub tenant: TenantId,
    pub subscription: crate::id::SubscriptionId,
}

impl Command for DeleteSubscription {
    /// Whether there was one.
    type Answer = bool;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<bool, Halt<Self::Refusal>> {
        let key = Key::id::<Subscription>(self.tenant, self.subscription.0);
        let there = view.get::<Subscription, _>(&key)?.is_some();
        if there {
            view.delete(key);
            view.delete(Key::id::<Cursor>(self.tenant, self.subscription.0));
        }
        Ok(there)
    }
}

/// Registers a stored file; its bytes are durable already.
#[derive(Clone, Debug)]
pub struct PutFile(pub File);

impl Command for PutFile {
    type Answer = File;
    type Refusal = Taken;

    const BRINGS_CONTENT: bool = true;

    fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<File, Halt<Taken>> {
        let mut file = self.0.clone();
        file.number = numbered(view, file.tenant, "file", file.number)?;
        view.put(Key::id::<File>(file.tenant, file.id.0), file.clone());
        Ok(file)
    }
}

/// Draws a number for a new entity; keeps the number of a known one.
fn numbered<R>(view: &mut View<'_>, tenant: TenantId, what: &str, number: u64) -> Result<u64, Halt<R>> {
    if number == 0 { view.next_number(tenant, what) } else { Ok(number) }
}

/// The row of any entity by id, for reads that need no decision.
pub fn key_of<E: Entity>(tenant: TenantId, id: Id) -> Key {
    Key::id::<E>(tenant, id)
}
