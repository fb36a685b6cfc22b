//! What follows when a journey moved: the log is told, jobs are made, the app's queue is counted, the message written.

use crate::app::App;
use crate::channel::Nature;
use crate::delivery::{Delivery, Moved, Rules, Status};
use crate::event::{DeliveryChange, Fact};
use crate::id::{AppId, TenantId};
use crate::job::{Lane, Work};
use crate::message::Message;
use crate::record::{Counter, Key};
use crate::time::Time;
use crate::view::{About, Halt, View};

use super::thread;

/// How long content outlives the final status where nothing is retained, in seconds: callbacks about it are
/// rendered by then.
const ERASE_DELAY_S: i64 = 60;
/// How long a message that no channel reports on keeps its content in dispatch mode, in seconds.
const REPORT_AWAITED_S: i64 = 7 * 86_400;

/// How the next attempt of a message is worked.
pub fn rules(app: Option<&App>, nature: Nature, message: &Message, attempt: u32) -> Rules {
    let patience = app.map(|app| app.patience).unwrap_or_default();
    let report_s = patience.report_s.filter(|_| nature.reports_delivered);
    Rules {
        unknown: app.and_then(|app| app.unknown_policy).unwrap_or(nature.unknown),
        retry_ms: if nature.patience_over { 0 } else { i64::from(patience.retry_s) * 1000 },
        report_ms: report_s.map(|wait_s| i64::from(wait_s) * 1000),
        spread: (message.id.0.0 as u64).wrapping_mul(u64::from(attempt) | 1) >> 7,
    }
}

/// Writes the message and everything that follows from what moved.
pub fn settle<R>(view: &mut View<'_>, message: &mut Message, moved: &[Moved]) -> Result<(), Halt<R>> {
    let Some(delivery) = &message.delivery else {
        return Ok(());
    };
    tell(view, message, delivery, moved);
    message.address = Some(delivery.address().clone());
    count(view, message)?;
    for step in moved {
        match step {
            Moved::Held(until) => look_again(view, message, *until),
            Moved::HandedOver => {
                delivery_report(view, message);
                if message.conversation.is_none() {
                    erase_at(view, message, view.now().plus_s(REPORT_AWAITED_S));
                }
            }
            Moved::Failed(_) | Moved::Advanced { .. } => erase_when_due(view, message)?,
            Moved::RetryAt(_) | Moved::Switched(_) => {}
        }
    }
    thread::put_message(view, message.clone());
    Ok(())
}

/// Makes the send job of a message that moved to another leg although no send job stood for it.
pub fn send_again(view: &mut View<'_>, message: &Message) {
    let Some(delivery) = &message.delivery else { return };
    let lane = match message.conversation {
        Some(conversation) => Lane::Conversation(conversation),
        None => Lane::Recipient(message.app, delivery.plan[0].clone()),
    };
    view.schedule_send(message, view.now(), lane);
}

/// Looks whether some patience is over.
fn look_again(view: &mut View<'_>, message: &Message, at: Time) {
    view.schedule(message, at, Work::Expire { message: message.id });
}

fn delivery_report(view: &mut View<'_>, message: &Message) {
    if let Some(due) = message.delivery.as_ref().and_then(|delivery| delivery.report_due) {
        look_again(view, message, due);
    }
}

/// Dispatch mode keeps content as long as the app retains it, and until callbacks about it are rendered.
fn erase_when_due<R>(view: &mut View<'_>, message: &Message) -> Result<(), Halt<R>> {
    if message.conversation.is_some() {
        return Ok(());
    }
    let app = thread::app::<R>(view, message.tenant, message.app)?;
    let days = app.map_or(0, |app| i64::from(app.dispatch_retention_days));
    let soonest = view.now().plus_s(ERASE_DELAY_S);
    erase_at(view, message, soonest.max(message.accepted_at.plus_s(days * 86_400)));
    Ok(())
}

/// Erases a message's content at a moment.
pub fn erase_at(view: &mut View<'_>, message: &Message, at: Time) {
    view.schedule(message, at, Work::Erase { message: message.id });
}

/// How many of the app's messages wait.
pub fn queued<R>(view: &mut View<'_>, tenant: TenantId, app: AppId) -> Result<u64, Halt<R>> {
    view.count(&Key::queue(tenant, app))
}

/// Keeps the app's count of waiting messages true to what is about to be written.
fn count<R>(view: &mut View<'_>, message: &Message) -> Result<(), Halt<R>> {
    let key = Key::id::<Message>(message.tenant, message.id.0);
    let before = view.get::<Message, R>(&key)?.is_some_and(|before| waits(&before));
    match (before, waits(message)) {
        (true, false) => recount(view, message, |queued| queued.saturating_sub(1))?,
        (false, true) => enqueue(view, message)?,
        _ => {}
    }
    Ok(())
}

/// Counts a message that waits from now on.
pub fn enqueue<R>(view: &mut View<'_>, message: &Message) -> Result<(), Halt<R>> {
    if waits(message) { recount(view, message, |queued| queued + 1) } else { Ok(()) }
}

fn recount<R>(
    view: &mut View<'_>,
    message: &Message,
    change: impl FnOnce(u64) -> u64,
) -> Result<(), Halt<R>> {
    let key = Key::queue(message.tenant, message.app);
    let queued = view.count(&key)?;
    view.put(key, Counter(change(queued)));
    Ok(())
}

fn waits(message: &Message) -> bool {
    message.delivery.as_ref().is_some_and(Delivery::is_queued)
}

/// The facts that outsiders notice, each about the leg that was current at its turn.
fn tell(view: &mut View<'_>, message: &Message, delivery: &Delivery, moved: &[Moved]) {
    let mut leg = delivery.leg - moved.iter().filter(|step| matches!(step, Moved::Switched(_))).count();
    for step in moved {
        let (status, about, reason) = match step {
            Moved::RetryAt(_) | Moved::Held(_) => continue,
            Moved::HandedOver => (Status::HandedOver, leg, None),
            Moved::Switched(reason) => {
                leg += 1;
                (Status::SwitchingChannel, leg - 1, Some(reason.clone()))
            }
            Moved::Failed(reason) => (Status::Failed, leg, Some(reason.clone())),
            Moved::Advanced { status, leg } => (*status, *leg, None),
        };
        let fact = Fact::DeliveryChanged(DeliveryChange {
            status,
            address: delivery.plan[about].clone(),
            reason,
            callback_url: delivery.callback_url.as_deref().map(std::sync::Arc::from),
        });
        let (app, contact) = (Some(message.app), message.contact);
        let about = About { app, contact, conversation: message.conversation, message: Some(message.id) };
        view.emit(message.tenant, about, fact);
    }
}
