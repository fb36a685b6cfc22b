//! The end of a run: everything around the engine calms down, time goes on until nothing is left to do, and then
//! every promise is looked at once more, as a whole.

use engine::Engine;
use engine::domain::delivery::{Delivery, Phase, Status, StepKind};
use engine::domain::id::{MessageId, TenantId};
use engine::domain::job::Work;
use engine::domain::message::Message;
use engine::domain::record::{Key, Kind};
use engine::domain::subscription::Cursor;
use futures_util::FutureExt as _;
use ports::{Claims as _, Clock as _, Reads as _};

use crate::actions::{Actor, sleep_ms};
use crate::model::observe;
use crate::provider::{HandOver, Said};
use crate::shelf::files_are_settled;
use crate::world::World;

/// Timeline steps that the core keeps of one delivery.
const STEPS_KEPT: usize = 64;
/// Positions by which a cursor may lag when there was nothing to deliver.
const LAG: u64 = 2_100;

/// Lets everything come to its end: nothing fails any more, and every provider says what it has to say.
pub async fn come_to_rest(world: &World, engine: &Engine) {
    world.store.fall_ill(0);
    let actor = Actor { world, engine };
    for minute in 0..240 {
        world.provider.calm_down();
        world.hook.calm_down();
        world.shelf.calm_down();
        while let Some(notice) = world.provider.notice() {
            actor.deliver(notice);
            sleep_ms(1).await;
        }
        // Fine steps first, as long as things still happen quickly.
        sleep_ms(if minute < 30 { 2_000 } else { 60_000 }).await;
        observe(engine, &world.model).await;
    }
}

/// Looks at everything.
pub fn judge(world: &World) {
    no_queue_is_left(world);
    files_are_settled(world);
    callbacks_arrived(world);
    acknowledged_is_kept(world);
    let ledger = world.provider.ledger();
    let seen: Vec<(TenantId, MessageId)> = {
        let model = world.model.lock().unwrap();
        let head = world.store.events_after(0).len() as u64;
        world.fate.demand(model.saw_everything(head), "the tenants' logs do not add up to the whole log");
        let of = |one: &crate::model::Tenant| one.messages.iter().map(|id| (one.id, *id)).collect::<Vec<_>>();
        model.tenants.iter().flat_map(of).collect()
    };
    for (tenant, id) in seen {
        let Some(message) = world.store.row::<Message>(tenant, id.0) else {
            world.fate.wrong(format_args!("{id:?} is gone"));
            continue;
        };
        if let Some(delivery) = &message.delivery {
            let lines: Vec<&HandOver> = ledger.iter().filter(|line| line.message == id).collect();
            journey_is_over(world, &message, delivery, &lines);
            timeline_tells(world, &message, delivery, &lines);
        }
    }
}

/// Nobody starves: no job is due, no callback waits.
fn no_queue_is_left(world: &World) {
    let now = world.clock.now();
    let jobs = world.store.memory.jobs(now, None, usize::MAX).now_or_never();
    for job in jobs.and_then(Result::ok).unwrap_or_default() {
        world.fate.wrong(format_args!("a job is left: {job:?}"));
    }
    for job in world.store.memory.all_jobs() {
        let waits = matches!(job.work, Work::Send { .. });
        world.fate.demand(!waits, format_args!("a send job waits for a far time: {job:?}"));
    }
    let head = world.store.events_after(0).len() as u64;
    for endpoint in world.hook.endpoints().iter() {
        let key = Key::id::<Cursor>(endpoint.tenant, endpoint.subscription.0);
        let Some(cursor) = world.store.row_by_key::<Cursor>(&key) else {
            world.fate.wrong("a cursor is gone");
            continue;
        };
        let parked = world.store.memory.rows_after(Kind::Parked, None, usize::MAX).now_or_never();
        let parked = parked.and_then(Result::ok).unwrap_or_default();
        world.fate.demand(parked.is_empty(), format_args!("callbacks are parked: {parked:?}"));
        let near = cursor.position + LAG >= head;
        world.fate.demand(near, format_args!("a cursor stands at {} of {head}", cursor.position));
    }
}

/// Every event reached every subscription that hears it, or is a visible dead letter.
fn callbacks_arrived(world: &World) {
    let model = world.model.lock().unwrap();
    for endpoint in world.hook.endpoints().iter_mut().filter(|endpoint| !endpoint.carries) {
        let subscription = endpoint.subscription;
        for position in endpoint.undelivered(&world.store) {
            let dead = model.dead.contains(&(subscription, position));
            world.fate.demand(dead, format_args!("event {position} never reached {subscription:?}"));
        }
    }
}

/// Accepted means kept, refused means nothing was kept, and of two rivals one at most is.
fn acknowledged_is_kept(world: &World) {
    let model = world.model.lock().unwrap();
    for one in &model.acknowledged {
        let kept = model.texts.get(&one.text);
        let same = match (kept, one.id) {
            (Some((tenant, id)), named) => *tenant == one.tenant && named.is_none_or(|own| own == *id),
            // Erased before anybody could read its text; the log named it all the same.
            (None, Some(id)) => {
                model.tenants.iter().any(|own| own.id == one.tenant && own.messages.contains(&id))
            }
            (None, None) => false,
        };
        world
            .fate
            .demand(same, format_args!("{} was acknowledged as {:?} and is {kept:?}", one.text, one.id));
    }
    for text in &model.refused {
        let kept = model.texts.contains_key(text);
        world.fate.demand(!kept, format_args!("{text} was refused and kept all the same"));
    }
    for (one, other) in &model.rivals {
        let both = model.texts.contains_key(one) && model.texts.contains_key(other);
        world.fate.demand(!both, format_args!("{one} and {other} were both taken under one key"));
    }
}

/// The journey ended in a way that can be explained by what the provider said.
fn journey_is_over(world: &World, message: &Message, delivery: &Delivery, lines: &[&HandOver]) {
    let name = message.id.ulid();
    let lost = delivery.steps.iter().any(|step| step.what == StepKind::FoundOverdue);
    world.fate.demand(!lost, format_args!("{name} had no job that moved it in time"));
    let over = matches!(delivery.phase, Phase::Done | Phase::HandedOver);
    world.fate.demand(over, format_args!("{name} is still {:?}", delivery.phase));
    let told = world.model.lock().unwrap().statuses.get(&message.id).copied().unwrap_or(Status::Queued);
    let status = delivery.status;
    world.fate.demand(told == status, format_args!("{name} is {status:?} and the log says {told:?}"));
    let face = delivery.plan.iter().any(|to| to.channel.is_face());
    let vouched = message.conversation.is_some_and(|id| world.model.lock().unwrap().vouched.contains(&id));
    let reached = face
        || vouched
        || lines.iter().any(|line| {
            !matches!(line.said, Said::Refused | Said::Temporary) || line.reported >= Some(Status::Delivered)
        });
    match status {
        Status::Failed => {
            world.fate.demand(delivery.reason.is_some(), format_args!("{name} failed without a reason"));
        }
        Status::HandedOver | Status::Delivered | Status::Read => {
            world.fate.demand(reached, format_args!("{name} is {status:?} and no provider took it"));
        }
        Status::Queued | Status::SwitchingChannel => {
            world.fate.wrong(format_args!("{name} ended as {status:?}"));
        }
    }
}

/// The record names every attempt, and the timeline does as long as it is whole.
fn timeline_tells(world: &World, message: &Message, delivery: &Delivery, lines: &[&HandOver]) {
    let name = message.id.ulid();
    for line in lines {
        let known = delivery.attempts.iter().any(|attempt| attempt.number == line.attempt);
        world.fate.demand(known, format_args!("{name} has no attempt {}", line.attempt));
    }
    if delivery.steps.len() >= STEPS_KEPT {
        return;
    }
    for attempt in &delivery.attempts {
        let number = attempt.number;
        let started = |what: &StepKind| *what == StepKind::AttemptStarted { attempt: number };
        let told = delivery.steps.iter().any(|step| started(&step.what));
        world.fate.demand(told, format_args!("the timeline of {name} leaves out attempt {number}"));
    }
}
