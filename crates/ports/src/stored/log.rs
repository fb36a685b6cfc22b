//! Stored forms of the log and of work to do later: events with their facts, jobs with their lanes.
//! Events hold ids and small frozen facts; nothing here is ever rewritten.

use std::sync::Arc;

use domain::channel::{Address, Channel};
use domain::consent::{Keyword, Scope};
use domain::conversation::{Party, Standing};
use domain::delivery::{Priority, Reason, Status};
use domain::event::*;
use domain::id::*;
use domain::job::*;
use domain::time::Time;

use super::form::{form, form_enum};

// A store that keeps some of these beside the bytes lets them hold their defaults here.
form! { Event "Event" {
    id: EventId,
    fact: Fact;
    position: u64,
    tenant: TenantId,
    at: Time,
    app: Option<AppId>,
    contact: Option<ContactId>,
    conversation: Option<ConversationId>,
    message: Option<MessageId>,
} }

form_enum! { Fact "Fact" {
    ContactCreated,
    ContactUpdated,
    ConversationStarted,
    ConversationUpdated,
    StandingChanged { from: Standing, to: Standing, by: Party },
    MessageReceived,
    MessageSubmitted,
    DeliveryChanged(DeliveryChange),
    ConsumerReceipt { status: ConsumerStatus, sequences: Vec<i64>, sequence: i64, metadata: String },
    ConsentChanged { address: Address, keyword: Keyword },
    SignalSeen { address: Option<Address>, signal: SignalKind, by: Party },
    DeadLetter { subscription: SubscriptionId, position: u64, why: Arc<str> },
    SubscriptionDisabled { subscription: SubscriptionId },
    EndpointDisabled { subscription: SubscriptionId, failing_since: Time },
    ReplayOrdered { subscription: SubscriptionId, callbacks: u64 },
    ReceiptOrphaned { channel: Channel, provider_id: Arc<str>, status: Status },
    FileFetched { file: FileId },
    FileLost { file: FileId, reason: Reason },
} }

form! { DeliveryChange "DeliveryChange" {
    status: Status,
    address: Address;
    reason: Option<Reason>,
    callback_url: Option<Arc<str>>,
} }

form_enum! { ConsumerStatus "ConsumerStatus" { Accept, Read, Access, Nack, Action } }

form_enum! { SignalKind "SignalKind" { Active, Inactive, Gone, Composing, Paused } }

form! { Keyword "Keyword" { opts_out: bool, scope: Scope; } }

form_enum! { Scope "Scope" { All, Marketing, Notification } }

// Its id and its time stand beside the bytes.
form! { Job "Job" {
    tenant: TenantId,
    app: AppId,
    lane: Lane,
    work: Work;
    priority: Priority,
    expires_at: Option<Time>;
    id: JobId,
    due_at: Time,
    to: Option<Address>,
} }

form_enum! { Lane "Lane" { Conversation(ConversationId), Recipient(AppId, Address), None } }

form_enum! { Work "Work" {
    Send { message: MessageId },
    Expire { message: MessageId },
    Erase { message: MessageId },
    Fetch { message: MessageId, file: FileId },
} }
