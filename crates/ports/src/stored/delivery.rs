//! Stored forms of deliveries: plan, attempts, steps, receipts and reasons.
//! A delivery lives inside its message's row, so these are written often and kept lean.

use std::sync::Arc;

use domain::channel::Address;
use domain::delivery::*;
use domain::time::Time;

use super::form::{form, form_enum};

form_enum! { Priority "Priority" { Normal, High } }

form_enum! { Status "Status" { Queued, SwitchingChannel, HandedOver, Failed, Delivered, Read } }

form! { Reason "Reason" { kind: ReasonKind; description: String, channel_code: String } }

form_enum! { ReasonKind "ReasonKind" {
    RecipientNotReachable,
    RecipientInvalid,
    RecipientOptedOut,
    RecipientNotOptedIn,
    OutsideAllowedWindow,
    ChannelFailure,
    ChannelBadConfiguration,
    ChannelRejected,
    ContentUnsupported,
    MediaUnavailable,
    RateLimited,
    RecipientRateLimited,
    TemplateUnknown,
    Expired,
    ReportTimedOut,
    ConversationClosed,
    NoChannelLeft,
    Blocked,
    Internal,
} }

form_enum! { Outcome "Outcome" {
    Accepted { parts: Vec<Arc<str>> },
    Refused(Reason),
    Temporary { reason: Reason, retry_after_ms: Option<i64> },
    Unknown { parts: Vec<Arc<str>> },
} }

form! { Attempt "Attempt" {
    number: u32,
    started_at: Time;
    leg: usize,
    ended_at: Option<Time>,
    outcome: Option<Outcome>,
    delivered_parts: Vec<Arc<str>>,
    read_parts: Vec<Arc<str>>,
    failed_parts: Vec<Arc<str>>,
    failure: Option<Reason>,
    reached: bool,
} }

form_enum! { Phase "Phase" {
    Waiting { not_before: Time },
    Attempting,
    HandedOver,
    Held { until: Time },
    Done,
} }

form! { Step "Step" { at: Time, what: StepKind; } }

form_enum! { StepKind "StepKind" {
    Planned,
    AttemptStarted { attempt: u32 },
    Accepted { attempt: u32 },
    Refused { attempt: u32, reason: Reason },
    WillRetry { attempt: u32, at: Time, reason: Reason },
    OutcomeUnknown { attempt: u32 },
    Switched { to_leg: usize },
    Receipt { attempt: u32, status: Status, reason: Option<Reason> },
    Expired,
    GaveUp { reason: Reason },
    FoundOverdue,
} }

form! { Receipt "Receipt" { status: Status, at: Time; reason: Option<Reason> } }

form! { Delivery "Delivery" {
    generation: u32,
    plan: Vec<Address>,
    phase: Phase,
    status: Status,
    expires_at: Time;
    leg: usize,
    reason: Option<Reason>,
    priority: Priority,
    temporary_failures: u32,
    report_due: Option<Time>,
    attempts: Vec<Attempt>,
    steps: Vec<Step>,
    callback_url: Option<String>,
} }
