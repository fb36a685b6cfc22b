//! Agents: the people and programs that answer.

use crate::id::{AgentId, TenantId};

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Administrator,
    Agent,
    Bot,
}

/// Somebody, or some program, that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: AgentId,
    pub tenant: TenantId,
    /// Small integer for the agent face.
    pub number: u64,
    pub name: String,
    pub email: String,
    pub avatar_url: String,
    pub role: Role,
}
