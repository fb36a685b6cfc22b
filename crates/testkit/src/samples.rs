//! Ready-made nouns for tests that need some but do not care which.
//! Everything is fixed; only what the caller gives differs.

use domain::content::Face;
use domain::delivery::Priority;
use domain::event::{Event, Fact};
use domain::id::{AppId, EventId, FileId, Id, JobId, MessageId, TenantId};
use domain::job::{Job, Lane, Work};
use domain::subscription::Subscription;
use domain::tenant::{File, Presence};
use domain::time::Time;

/// An event about a message.
pub fn event(position: u64, tenant: TenantId, message: Id) -> Event {
    Event {
        position,
        id: EventId(Id(u128::from(position))),
        tenant,
        app: None,
        contact: None,
        conversation: None,
        message: Some(MessageId(message)),
        at: Time(1_000),
        fact: Fact::MessageSubmitted,
    }
}

/// A job without a lane.
pub fn job(id: u128, tenant: TenantId, due_at: Time) -> Job {
    Job {
        id: JobId(Id(id)),
        tenant,
        app: AppId(Id(1)),
        due_at,
        lane: Lane::None,
        priority: Priority::High,
        to: None,
        expires_at: None,
        work: Work::Send { message: MessageId(Id(2)) },
    }
}

/// A small file's row.
pub fn file(id: Id, tenant: TenantId, name: &str) -> File {
    File {
        id: FileId(id),
        tenant,
        number: 1,
        name: name.to_owned(),
        mime: "text/plain".to_owned(),
        size: 3,
        width: None,
        height: None,
        sha256: [7; 32],
        thumbnail: false,
        created_at: Time(1_000),
        presence: Presence::Stored,
    }
}

/// A subscription signed with a secret.
pub fn subscription(id: Id, tenant: TenantId, secret: &str) -> Subscription {
    Subscription {
        id: domain::id::SubscriptionId(id),
        tenant,
        app: None,
        number: 1,
        dialect: Face::Sinch,
        carries: None,
        target: "https://example.org/hook".to_owned(),
        secret: secret.to_owned(),
        triggers: vec!["MESSAGE_DELIVERY".to_owned()],
        settings: String::new(),
        enabled: true,
        parallel: false,
        previous: None,
        created_at: Time(1_000),
    }
}
