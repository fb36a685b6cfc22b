//! Jobs: work to do later, written in the same commit as its cause.

use crate::channel::Address;
use crate::delivery::Priority;
use crate::id::{AppId, ConversationId, FileId, JobId, MessageId, TenantId};
use crate::time::Time;

/// One thing to do later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub tenant: TenantId,
    pub app: AppId,
    pub due_at: Time,
    pub lane: Lane,
    pub priority: Priority,
    /// Where the message goes next, known to the process that wrote the job. It is not kept with the row: a failover
    /// changes it, and the message's own row is right at any time.
    pub to: Option<Address>,
    /// When the time-to-live of its message is over: then it comes up, whatever it waits for.
    pub expires_at: Option<Time>,
    pub work: Work,
}

/// Jobs of one lane run one at a time, in order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    Conversation(ConversationId),
    /// Dispatch mode: app plus first recipient identity.
    Recipient(AppId, Address),
    /// No order wanted.
    None,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Hand the message to its current channel.
    Send { message: MessageId },
    /// Look whether the patience with its held attempt, or with its channel's report, is over.
    Expire { message: MessageId },
    /// Dispatch-mode retention: erase content and addresses.
    Erase { message: MessageId },
    /// Get a file that came in with the message from its provider.
    Fetch { message: MessageId, file: FileId },
}
