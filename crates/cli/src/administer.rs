//! Carries out requests of administration against an engine: finds what is named, writes, answers with rows.
//!
//! Every refusal is a sentence and changes nothing. Names of tenants, apps and agents work where they are unique;
//! ids and numbers always do.

use std::sync::Arc;

use domain::agent::{Agent, Role};
use domain::app::App;
use domain::command::admin::{CreateTenant, PutAgent};
use domain::id::{AgentId, AppId, Id, TenantId};
use domain::tenant::Tenant;
use engine::{Engine, Failure};

use crate::request::{AdminAnswer, AdminRequest, AgentRole, AgentRow, TenantRow};
use crate::{apps, explain, keys};

/// Longer names are mistakes.
pub(crate) const NAME_CHARS_MAX: usize = 200;

/// Carries out one request.
pub async fn administer(engine: &Engine, request: AdminRequest) -> AdminAnswer {
    carry_out(engine, request).await.unwrap_or_else(|why| AdminAnswer::Refused { why })
}

async fn carry_out(engine: &Engine, request: AdminRequest) -> Result<AdminAnswer, String> {
    match request {
        AdminRequest::CreateTenant { name } => create_tenant(engine, name).await,
        AdminRequest::ListTenants {} => Ok(list_tenants(engine)),
        AdminRequest::ShowTenant { tenant } => {
            let tenant = find_tenant(engine, &tenant)?;
            Ok(AdminAnswer::Tenants { tenants: vec![tenant_row(&tenant)] })
        }
        AdminRequest::CreateApp { tenant, name, channel } => {
            apps::create(engine, &tenant, name, channel).await
        }
        AdminRequest::ListApps { tenant } => apps::list(engine, &tenant),
        AdminRequest::ShowApp { tenant, app } => apps::show(engine, &tenant, &app),
        AdminRequest::SetApp { tenant, app, changes } => apps::set(engine, &tenant, &app, changes).await,
        AdminRequest::SetChannel { tenant, app, channel } => {
            apps::set_channel(engine, &tenant, &app, channel).await
        }
        AdminRequest::RemoveChannel { tenant, app, channel } => {
            apps::remove_channel(engine, &tenant, &app, &channel).await
        }
        AdminRequest::CreateKey { tenant, face, app, agent, name } => {
            let tenant = find_tenant(engine, &tenant)?.id;
            let app = app.map(|app| find_app(engine, tenant, &app)).transpose()?;
            let agent = agent.map(|agent| find_agent(engine, tenant, &agent)).transpose()?;
            keys::create(engine, tenant, face, app.map(|app| app.id), agent.map(|agent| agent.id), name).await
        }
        AdminRequest::ListKeys { tenant } => keys::list(engine, &tenant),
        AdminRequest::ShowKey { tenant, key } => keys::show(engine, &tenant, &key),
        AdminRequest::RevokeKey { tenant, key } => keys::revoke(engine, &tenant, &key).await,
        AdminRequest::RevokeAgent { tenant, agent } => {
            let tenant = find_tenant(engine, &tenant)?.id;
            let agent = find_agent(engine, tenant, &agent)?.id;
            keys::revoke_all(engine, tenant, |key| key.agent == Some(agent)).await
        }
        AdminRequest::RevokeApp { tenant, app } => {
            let tenant = find_tenant(engine, &tenant)?.id;
            let app = find_app(engine, tenant, &app)?.id;
            keys::revoke_all(engine, tenant, |key| key.app == Some(app)).await
        }
        AdminRequest::RevokeTenant { tenant } => {
            let tenant = find_tenant(engine, &tenant)?.id;
            keys::revoke_all(engine, tenant, |_| true).await
        }
        AdminRequest::CreateAgent { tenant, name, email, role } => {
            create_agent(engine, &tenant, name, email, role).await
        }
        AdminRequest::ListAgents { tenant } => list_agents(engine, &tenant),
        AdminRequest::ShowAgent { tenant, agent } => {
            let tenant = find_tenant(engine, &tenant)?.id;
            let agent = find_agent(engine, tenant, &agent)?;
            Ok(AdminAnswer::Agents { agents: vec![agent_row(&agent)] })
        }
        AdminRequest::Explain { message } => explain::explain(engine, &message).await,
        AdminRequest::PauseDelivery { paused } => {
            engine.pause_delivery(paused).await.map_err(unkept)?;
            show_delivery(engine).await
        }
        AdminRequest::ShowDelivery {} => show_delivery(engine).await,
        AdminRequest::Backup { .. } => Err("Only who holds the data folder can back it up.".to_owned()),
    }
}

async fn show_delivery(engine: &Engine) -> Result<AdminAnswer, String> {
    let mut waiting = 0;
    for app in engine.directory().apps() {
        let queued = engine.queued(app.tenant, app.id).await;
        waiting += queued.map_err(|error| format!("How much waits could not be read: {error}."))?;
    }
    Ok(AdminAnswer::Delivery { paused: engine.delivery_is_paused(), waiting })
}

fn list_tenants(engine: &Engine) -> AdminAnswer {
    let mut tenants: Vec<_> = engine.directory().tenants().cloned().collect();
    tenants.sort_by_key(|tenant| tenant.account_number);
    AdminAnswer::Tenants { tenants: tenants.iter().map(|tenant| tenant_row(tenant)).collect() }
}

fn list_agents(engine: &Engine, tenant: &str) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let mut agents: Vec<_> = engine.directory().agents_of(tenant).cloned().collect();
    agents.sort_by_key(|agent| agent.number);
    Ok(AdminAnswer::Agents { agents: agents.iter().map(|agent| agent_row(agent)).collect() })
}

async fn create_tenant(engine: &Engine, name: String) -> Result<AdminAnswer, String> {
    let name = named("tenant", name)?;
    let id = TenantId(engine.new_id());
    let tenant = Tenant { id, name, account_number: 0, site_id: String::new(), disabled: false };
    let tenant = engine.execute(CreateTenant(tenant)).await.map_err(refusal)?;
    Ok(AdminAnswer::Tenants { tenants: vec![tenant_row(&tenant)] })
}

async fn create_agent(
    engine: &Engine,
    tenant: &str,
    name: String,
    email: String,
    role: AgentRole,
) -> Result<AdminAnswer, String> {
    let tenant = find_tenant(engine, tenant)?.id;
    let name = named("agent", name)?;
    let email = email.trim().to_owned();
    if !email.contains('@') {
        return Err(format!("{email:?} is no email address."));
    }
    if engine.directory().agents_of(tenant).any(|agent| agent.email.eq_ignore_ascii_case(&email)) {
        return Err(format!("The tenant has an agent with the email address {email} already."));
    }
    let role = match role {
        AgentRole::Administrator => Role::Administrator,
        AgentRole::Agent => Role::Agent,
        AgentRole::Bot => Role::Bot,
    };
    let id = AgentId(engine.new_id());
    let agent = Agent { id, tenant, number: 0, name, email, avatar_url: String::new(), role };
    let agent = engine.execute(PutAgent(agent)).await.map_err(refusal)?;
    Ok(AdminAnswer::Agents { agents: vec![agent_row(&agent)] })
}

fn tenant_row(tenant: &Tenant) -> TenantRow {
    TenantRow {
        id: tenant.id.uuid(),
        name: tenant.name.clone(),
        project_id: tenant.id.uuid(),
        account_number: tenant.account_number,
        site_id: tenant.site_id.clone(),
        disabled: tenant.disabled,
    }
}

fn agent_row(agent: &Agent) -> AgentRow {
    let role = match agent.role {
        Role::Administrator => AgentRole::Administrator,
        Role::Agent => AgentRole::Agent,
        Role::Bot => AgentRole::Bot,
    };
    AgentRow {
        id: agent.id.uuid(),
        number: agent.number,
        name: agent.name.clone(),
        email: agent.email.clone(),
        role,
    }
}

pub(crate) fn find_tenant(engine: &Engine, text: &str) -> Result<Arc<Tenant>, String> {
    let directory = engine.directory();
    let by_id = TenantId::parse(text).and_then(|id| directory.tenant(id));
    let by_number = || text.parse().ok().and_then(|number| directory.tenant_by_account(number));
    if let Some(tenant) = by_id.or_else(by_number).or_else(|| directory.tenant_by_site(text)) {
        return Ok(tenant.clone());
    }
    only("tenant", text, directory.tenants().filter(|tenant| tenant.name == text).cloned().collect())
}

pub(crate) fn find_app(engine: &Engine, tenant: TenantId, text: &str) -> Result<Arc<App>, String> {
    let directory = engine.directory();
    let by_id = AppId::parse(text).and_then(|id| directory.app(tenant, id));
    let by_number = || text.parse().ok().and_then(|number| directory.app_by_number(tenant, number));
    if let Some(app) = by_id.or_else(by_number) {
        return Ok(app.clone());
    }
    only("app", text, directory.apps_of(tenant).filter(|app| app.name == text).cloned().collect())
}

fn find_agent(engine: &Engine, tenant: TenantId, text: &str) -> Result<Arc<Agent>, String> {
    let directory = engine.directory();
    let id = Id::parse(text);
    let number = text.parse::<u64>().ok();
    let exactly = |agent: &&Arc<Agent>| {
        Some(agent.id.0) == id || Some(agent.number) == number || agent.email.eq_ignore_ascii_case(text)
    };
    if let Some(agent) = directory.agents_of(tenant).find(exactly) {
        return Ok(agent.clone());
    }
    only("agent", text, directory.agents_of(tenant).filter(|agent| agent.name == text).cloned().collect())
}

fn only<T>(what: &str, text: &str, mut found: Vec<Arc<T>>) -> Result<Arc<T>, String> {
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (Some(_), more) => Err(format!("{} {what}s are called {text:?}: use the id instead.", more + 1)),
        (None, _) => Err(format!("There is no {what} {text:?}.")),
    }
}

pub(crate) fn named(what: &str, name: String) -> Result<String, String> {
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(format!("The {what}'s name is empty."));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("The {what}'s name has more than {NAME_CHARS_MAX} characters."));
    }
    Ok(name)
}

pub(crate) fn refusal(failure: Failure<domain::command::admin::Taken>) -> String {
    match failure {
        Failure::Refused(domain::command::admin::Taken) => {
            "Something of that name exists already.".to_owned()
        }
        Failure::Unavailable(why) => format!("It could not be kept: {why}."),
    }
}

fn unkept(failure: Failure<std::convert::Infallible>) -> String {
    match failure {
        Failure::Refused(never) => match never {},
        Failure::Unavailable(why) => format!("It could not be kept: {why}."),
    }
}
