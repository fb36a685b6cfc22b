//! Commands over a small world: what they write, tell, schedule and refuse; and that none needs more than three loads.

mod fetching;
mod properties;
mod world;

use super::attempt::{Begin, Begun, Finish, Finished, LeaveToCourier};
use super::consumer::{Acknowledge, SetProfile};
use super::expire::{Erase, Expire};
use super::forget::Forget;
use super::open::{NewConversation, Open, Profile};
use super::receipt::{TakeReceipt, Taken};
use super::receive::Receive;
use super::reply::Reply;
use super::send::{Recipient, Refusal, Send};
use super::standing::{Assign, SetStanding};
use super::{Person, reply, standing};
use crate::app::{App, Patience, ProcessingMode, UnknownPolicy};
use crate::channel::{Address, Channel};
use crate::consent::Consent;
use crate::contact::Contact;
use crate::content::{Body, Content, Face};
use crate::conversation::{Conversation, Party, Standing};
use crate::delivery::{Outcome, Phase, Reason, ReasonKind, Status};
use crate::event::{ConsumerStatus, Fact};
use crate::id::{AgentId, ConversationId, Id, JobId, MessageId};
use crate::job::{Lane, Work};
use crate::message::Message;
use crate::once::Once;
use crate::record::{Counter, EarlyReceipts, Key, List, Pointer};
use crate::time::Time;
use world::*;

#[test]
fn a_send_to_a_new_person_makes_contact_conversation_message_and_job() {
    let mut world = World::new();
    let sent = world.run(&text("1", &["ALPHA"])).unwrap();
    assert_eq!(world.facts(), [Fact::ContactCreated, Fact::ConversationStarted, Fact::MessageSubmitted]);
    let message = world.message(sent.message);
    assert_eq!((message.number, message.sorting, message.sequence), (1, 1, Some(0)));
    assert_eq!(message.delivery.as_ref().unwrap().plan, [Address::new("ALPHA", "1")]);
    let lanes: Vec<&Lane> = world.jobs.values().map(|job| &job.lane).collect();
    assert_eq!(lanes, [&Lane::Conversation(message.conversation.unwrap())]);
    assert_eq!(world.queued(), 1);
}

#[test]
fn a_second_send_goes_into_the_active_conversation() {
    let mut world = World::new();
    let first = world.run(&text("1", &["ALPHA"])).unwrap().message;
    let second = world.run(&text("1", &["ALPHA"])).unwrap().message;
    let (first, second) = (world.message(first), world.message(second));
    assert_eq!(first.conversation, second.conversation);
    assert_eq!((second.sorting, second.sequence), (2, Some(1)));
}

#[test]
fn what_is_numbered_stands_in_lists_at_its_number() {
    let mut world = World::new();
    let other = world.run(&inbound("2", "elsewhere", "s0")).unwrap().conversation.unwrap();
    let conversation = world.run(&inbound("1", "hello", "s1")).unwrap().conversation.unwrap();
    let note = world.run(&Reply { private: true, ..answer(conversation) }).unwrap();
    let reply = world.run(&answer(conversation)).unwrap();
    let messages = world.list(List::MessagesOfConversation, conversation.0);
    let first = messages[0].1;
    assert_eq!(messages, [(2, first), (3, note.id.0), (4, reply.id.0)]);
    // A note is no part of what the consumer counts.
    assert_eq!(world.list(List::DialogOfConversation, conversation.0), [(0, first), (1, reply.id.0)]);
    assert_eq!(world.list(List::ConversationsOfTenant, TENANT.0), [(1, other.0), (2, conversation.0)]);
    let people: Vec<u64> =
        world.list(List::ContactsOfTenant, TENANT.0).iter().map(|(number, _)| *number).collect();
    assert_eq!(people, [1, 2]);
}

/// The order rule of the seed: the explicit order, else the identities' order, else what the contact says.
#[test]
fn the_plan_follows_the_order_rule() {
    let mut world = World::new();
    let plan = |world: &mut World, send: &Send| -> Vec<String> {
        let sent = world.run(send).unwrap().message;
        let plan = &world.message(sent).delivery.as_ref().unwrap().plan.clone();
        plan.iter().map(|address| address.channel.as_str().to_owned()).collect()
    };
    let order = |names: &[&str]| names.iter().map(|name| Channel::new(name)).collect::<Vec<_>>();
    let listed = text("1", &["ALPHA", "BETA"]);
    assert_eq!(plan(&mut world, &listed), ["ALPHA", "BETA"]);
    let ordered = Send { order: order(&["BETA", "ALPHA", "BETA"]), ..listed.clone() };
    assert_eq!(plan(&mut world, &ordered), ["BETA", "ALPHA"]);
    let contact = world.only::<Contact>();
    let by_contact = Send { recipient: Recipient::Contact(contact.id), ..listed };
    // Nobody was reached yet and nothing is preferred: the app's own order.
    assert_eq!(plan(&mut world, &by_contact), ["ALPHA", "BETA"]);
    let preferred = Contact { channel_priority: order(&["BETA"]), ..Contact::clone(&contact) };
    world.put(Key::id::<Contact>(TENANT, contact.id.0), preferred);
    assert_eq!(plan(&mut world, &by_contact), ["BETA", "ALPHA"]);
}

#[test]
fn sends_are_refused_for_what_the_app_does_not_have() {
    let mut world = World::new();
    let unknown = Send { app: crate::id::AppId(Id(77)), ..text("1", &["ALPHA"]) };
    let strange =
        Send { recipient: Recipient::Contact(crate::id::ContactId(Id(77))), ..text("1", &["ALPHA"]) };
    let in_dispatch = Send { dispatch_only: true, ..strange.clone() };
    let cases = [
        (unknown, Refusal::UnknownApp),
        (text("1", &["GAMMA"]), Refusal::ChannelNotConfigured(Channel::new("GAMMA"))),
        (strange, Refusal::UnknownContact),
        (in_dispatch, Refusal::ContactInDispatch),
    ];
    for (send, refusal) in cases {
        assert_eq!(world.run(&send).err(), Some(refusal));
    }
    assert!(world.facts().is_empty() && world.jobs.is_empty());
}

#[test]
fn a_full_queue_refuses_until_a_message_leaves_it() {
    let mut world = World::with(App { queue_limit: 2, ..app() });
    let first = world.run(&text("1", &["ALPHA"])).unwrap().message;
    world.run(&Send { dispatch_only: true, ..text("2", &["ALPHA"]) }).unwrap();
    assert_eq!(world.run(&text("3", &["ALPHA"])).err(), Some(Refusal::QueueFull));
    let conversation = world.message(first).conversation.unwrap();
    assert_eq!(world.run(&answer(conversation)).err(), Some(reply::Refusal::QueueFull));
    // A note goes nowhere and is no part of the queue.
    world.run(&Reply { private: true, ..answer(conversation) }).unwrap();
    world.hand_over(first, accepted("p1"));
    assert_eq!(world.queued(), 1);
    world.run(&text("3", &["ALPHA"])).unwrap();
    assert_eq!(world.queued(), 2);
}

#[test]
fn the_queue_counts_a_message_once_over_failover_and_retry() {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA", "BETA"])).unwrap().message;
    world.hand_over(message, temporary());
    assert_eq!(world.queued(), 1);
    world.now = world.now.plus_s(60);
    world.hand_over(message, refused());
    assert_eq!(world.queued(), 1);
    world.hand_over(message, accepted("p1"));
    assert_eq!(world.queued(), 0);
    // A failed report of the last channel ends it; it does not leave the queue twice.
    world.run(&receipt("BETA", "p1", Status::Failed)).unwrap();
    assert_eq!((world.queued(), world.status(message)), (0, Status::Failed));
}

#[test]
fn a_failed_report_puts_the_message_back_into_the_queue_with_one_send_job() {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA", "BETA"])).unwrap().message;
    world.hand_over(message, accepted("p1"));
    assert!(world.jobs.is_empty());
    for _ in 0..2 {
        world.run(&receipt("ALPHA", "p1", Status::Failed)).unwrap();
    }
    assert_eq!((world.queued(), world.send_jobs()), (1, 1));
    assert_eq!(world.status(message), Status::SwitchingChannel);
}

#[test]
fn a_job_that_comes_up_twice_never_touches_what_is_under_way() {
    for outcome in [accepted("p1"), unknown(), refused()] {
        let mut world = World::new();
        let message = world.run(&Send { ttl_s: Some(60), ..text("1", &["ALPHA"]) }).unwrap().message;
        world.hand_over(message, outcome);
        let before = world.message(message);
        // Meanwhile the person opted out, and the time-to-live is over.
        let out = Consent { opted_out_all: true, ..Consent::default() };
        world.put(Key::consent(TENANT, APP, &Address::new("ALPHA", "1")), out);
        world.now = world.now.plus_s(3_600);
        let begun = world.run(&begin(message, Some(JobId(Id(99))))).unwrap();
        assert!(matches!(begun, Begun::Nothing));
        assert_eq!(world.message(message), before);
    }
}

#[test]
fn consent_and_life_are_looked_at_once_more_before_the_attempt() {
    let opt_out: fn(&mut World) = |world| {
        let out = Consent { opted_out_all: true, ..Consent::default() };
        world.put(Key::consent(TENANT, APP, &Address::new("ALPHA", "1")), out);
    };
    let expire: fn(&mut World) = |world| world.now = world.now.plus_s(60);
    let cases = [
        (opt_out, ReasonKind::RecipientNotOptedIn),
        (expire, ReasonKind::Expired),
        (World::delete_content, ReasonKind::Internal),
    ];
    for (happens, kind) in cases {
        let mut world = World::new();
        let message = world.run(&Send { ttl_s: Some(60), ..text("1", &["ALPHA"]) }).unwrap().message;
        happens(&mut world);
        world.hand_over(message, accepted("never"));
        let delivery = world.message(message).delivery.clone().unwrap();
        assert_eq!(delivery.reason.map(|reason| reason.kind), Some(kind));
        assert!(delivery.attempts.is_empty());
        assert_eq!((world.queued(), world.send_jobs()), (0, 0));
    }
}

#[test]
fn an_open_attempt_that_nobody_holds_is_unknown_by_the_apps_policy() {
    let cases = [
        (None, UnknownPolicy::Hold, Status::Queued),
        (Some(UnknownPolicy::Hold), UnknownPolicy::Retry, Status::Queued),
        (Some(UnknownPolicy::Retry), UnknownPolicy::Hold, Status::Queued),
        (Some(UnknownPolicy::FailOver), UnknownPolicy::Hold, Status::SwitchingChannel),
    ];
    for (policy, of_channel, status) in cases {
        let mut world = World::with(App { unknown_policy: policy, ..app() });
        let message = world.run(&text("1", &["ALPHA", "BETA"])).unwrap().message;
        let job = world.send_job();
        assert!(matches!(world.run(&begin(message, Some(job))), Ok(Begun::HandOver(_))));
        let again = Begin { nature: nature(of_channel), ..begin(message, Some(job)) };
        let begun = world.run(&again).unwrap();
        let phase = world.message(message).delivery.as_ref().unwrap().phase;
        let held = matches!(phase, Phase::Held { until } if until == world.now.plus_s(3_600));
        assert_eq!(held, policy.unwrap_or(of_channel) == UnknownPolicy::Hold, "{policy:?}");
        assert_eq!(matches!(begun, Begun::NotBefore(_)), !held);
        assert_eq!(world.status(message), status);
    }
}

#[test]
fn a_message_left_to_the_courier_is_looked_at_again() {
    let mut world = World::new();
    let message = world.run(&text("1", &[Channel::CONNECTOR])).unwrap().message;
    let look_at = world.now.plus_s(60);
    let leave = LeaveToCourier { tenant: TENANT, message, job: world.send_job(), look_at };
    world.run(&leave).unwrap();
    let job = world.jobs.values().next().unwrap();
    assert_eq!((job.due_at, &job.lane, world.jobs.len()), (look_at, &Lane::None, 1));
    // The callback came: nothing is left to look at.
    let Ok(Begun::HandOver(_)) = world.run(&begin(message, None)) else { panic!("not carried") };
    let finish = Finish { job: None, ..finish(message, 1, accepted("")) };
    assert_eq!(world.run(&finish).unwrap(), Finished::Done);
    let leave = LeaveToCourier { job: world.send_job(), ..leave };
    world.run(&leave).unwrap();
    assert!(world.jobs.is_empty());
}

#[test]
fn a_message_that_went_on_to_a_provider_is_looked_at_no_longer() {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    let leave = LeaveToCourier { tenant: TENANT, message, job: world.send_job(), look_at: world.now };
    world.run(&leave).unwrap();
    assert!(world.jobs.is_empty());
}

#[test]
fn receipts_are_joined_by_token_by_id_and_before_the_answer() {
    for (early, token) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new();
        let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
        let token = token.then_some((message, 1));
        let take = TakeReceipt { token, ..receipt("ALPHA", "p1", Status::Delivered) };
        let job = world.send_job();
        assert!(matches!(world.run(&begin(message, Some(job))), Ok(Begun::HandOver(_))));
        if early {
            let taken = world.run(&take).unwrap();
            assert_eq!(taken, if token.is_some() { Taken::Joined } else { Taken::KeptForLater });
            assert_eq!(world.status(message), Status::Queued);
        }
        world.run(&Finish { job: Some(job), ..finish(message, 1, accepted("p1")) }).unwrap();
        if !early {
            assert_eq!(world.run(&take).unwrap(), Taken::Joined);
        }
        assert_eq!(world.status(message), Status::Delivered, "{early} {token:?}");
        assert_eq!(world.statuses(), [Status::HandedOver, Status::Delivered]);
        assert!(world.jobs.is_empty());
        assert!(world.all::<EarlyReceipts>().is_empty());
    }
}

#[test]
fn a_receipt_of_another_apps_message_is_not_joined() {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    world.hand_over(message, accepted("p1"));
    let foreign = TakeReceipt { app: crate::id::AppId(Id(77)), ..receipt("ALPHA", "p1", Status::Read) };
    assert_eq!(world.run(&foreign).unwrap(), Taken::KeptForLater);
    let forged = TakeReceipt { token: Some((message, 1)), ..foreign };
    assert_eq!(world.run(&forged).unwrap(), Taken::KeptForLater);
    assert_eq!(world.status(message), Status::HandedOver);
}

#[test]
fn a_missing_report_falls_back_where_the_app_and_the_channel_say_so() {
    for (report_s, reports, falls_back) in
        [(Some(30), true, true), (Some(30), false, false), (None, true, false)]
    {
        let patience = Patience { report_s, ..Patience::default() };
        let mut world = World::with(App { patience, ..app() });
        let message = world.run(&text("1", &["ALPHA", "BETA"])).unwrap().message;
        world.hand_over_on(
            message,
            accepted("p1"),
            crate::channel::Nature { reports_delivered: reports, ..nature(UnknownPolicy::Hold) },
        );
        assert_eq!(world.jobs.len(), usize::from(falls_back));
        world.now = world.now.plus_s(30);
        world.expire_all();
        let status = if falls_back { Status::SwitchingChannel } else { Status::HandedOver };
        assert_eq!(world.status(message), status);
        assert_eq!(world.send_jobs(), usize::from(falls_back));
    }
}

#[test]
fn a_message_that_waits_past_its_life_fails_and_what_a_channel_has_does_not() {
    for handed_over in [false, true] {
        let mut world = World::new();
        let message = world.run(&Send { ttl_s: Some(60), ..text("1", &["ALPHA"]) }).unwrap().message;
        if handed_over {
            world.hand_over(message, accepted("p1"));
        }
        world.now = world.now.plus_s(60);
        world.expire_all();
        let status = if handed_over { Status::HandedOver } else { Status::Failed };
        assert_eq!(world.status(message), status);
    }
}

#[test]
fn dispatch_erases_content_after_the_final_status_and_forgets_the_facts_a_week_later() {
    let mut world = World::with(App { mode: ProcessingMode::Dispatch, ..app() });
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    assert!(world.all::<Contact>().is_empty() && world.all::<Conversation>().is_empty());
    world.hand_over(message, accepted("p1"));
    world.run(&receipt("ALPHA", "p1", Status::Delivered)).unwrap();
    assert_eq!(world.all::<Content>().len(), 1);
    world.now = world.now.plus_s(60);
    world.erase_all();
    assert!(world.all::<Content>().is_empty());
    assert_eq!(world.status(message), Status::Delivered);
    world.now = world.now.plus_s(7 * 86_400 + 60);
    world.erase_all();
    assert!(world.all::<Message>().is_empty() && world.all::<Pointer>().is_empty());
}

#[test]
fn dispatch_with_retention_keeps_content_so_many_days() {
    let app = App { mode: ProcessingMode::Dispatch, dispatch_retention_days: 2, ..app() };
    let mut world = World::with(app);
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    world.hand_over(message, refused());
    let erase = world.jobs.values().find(|job| matches!(job.work, Work::Erase { .. })).unwrap();
    assert_eq!(erase.due_at, world.message(message).accepted_at.plus_s(2 * 86_400));
}

#[test]
fn erasing_a_message_of_a_conversation_leaves_its_place() {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    for _ in 0..2 {
        world.run(&Erase { tenant: TENANT, message, job: JobId(Id(9)) }).unwrap();
    }
    assert!(world.all::<Content>().is_empty());
    assert_eq!(world.message(message).sorting, 1);
    assert_eq!(world.jobs.len(), 1);
}

#[test]
fn what_is_over_is_forgotten_and_an_unclaimed_receipt_is_told_first() {
    let mut world = World::new();
    let kept = |expires_at| Once { fingerprint: [0; 32], status: 200, body: Vec::new(), expires_at };
    let (old, young) = (Key::once(TENANT, Face::Sinch, "old"), Key::once(TENANT, Face::Sinch, "young"));
    world.put(old.clone(), kept(world.now));
    world.put(young.clone(), kept(world.now.plus_ms(1)));
    world.run(&receipt("ALPHA", "strange/id", Status::Delivered)).unwrap();
    let early = Key::early_receipts(TENANT, APP, "ALPHA", "strange/id");
    let keys = vec![old, young, early];
    assert_eq!(world.run(&Forget { keys: keys.clone() }).unwrap(), 1);
    assert!(world.facts().is_empty());
    world.now = world.now.plus_s(72 * 3600);
    assert_eq!(world.run(&Forget { keys }).unwrap(), 2);
    let provider_id = "strange/id".into();
    let fact =
        Fact::ReceiptOrphaned { channel: Channel::new("ALPHA"), provider_id, status: Status::Delivered };
    assert_eq!(world.facts(), [fact]);
    assert!(world.all::<Once>().is_empty() && world.all::<EarlyReceipts>().is_empty());
}

#[test]
fn an_inbound_message_starts_a_conversation_once_whatever_the_provider_repeats() {
    let mut world = World::new();
    let first = world.run(&inbound("1", "hello", "s1")).unwrap();
    let again = world.run(&inbound("1", "hello", "s1")).unwrap();
    assert_eq!((first.message, true), (again.message, again.repeated));
    assert_eq!(world.facts(), [Fact::ContactCreated, Fact::ConversationStarted, Fact::MessageReceived]);
    world.run(&inbound("1", "more", "s2")).unwrap();
    let conversation = world.only::<Conversation>();
    assert_eq!((conversation.unread, conversation.last_sorting), (2, 2));
}

#[test]
fn keywords_change_consent_for_the_address_that_wrote() {
    let mut world = World::new();
    world.run(&inbound("1", "STOP", "s1")).unwrap();
    assert!(world.only::<Consent>().opted_out_all);
    let sent = world.run(&text("1", &["ALPHA"])).unwrap().message;
    world.hand_over(sent, accepted("never"));
    assert_eq!(world.status(sent), Status::Failed);
    world.run(&inbound("1", "start", "s2")).unwrap();
    let sent = world.run(&text("1", &["ALPHA"])).unwrap().message;
    world.hand_over(sent, accepted("p1"));
    assert_eq!(world.status(sent), Status::HandedOver);
}

#[test]
fn a_reply_goes_where_the_contact_wrote_from_and_a_note_goes_nowhere() {
    let mut world = World::new();
    let conversation = world.run(&inbound("1", "hello", "s1")).unwrap().conversation.unwrap();
    let asked = world.list(List::MessagesOfConversation, conversation.0)[0].1;
    let answers = Reply { in_reply_to: Some(MessageId(asked)), ..answer(conversation) };
    let reply = world.run(&answers).unwrap();
    assert_eq!(reply.reply_to, Some(MessageId(asked)));
    assert_eq!(reply.delivery.as_ref().unwrap().plan, [Address::new("ALPHA", "1")]);
    assert_eq!(world.only::<Conversation>().unread, 0);
    let note = world.run(&Reply { private: true, ..answer(conversation) }).unwrap();
    assert_eq!((note.delivery.clone(), note.sequence), (None, None));
    assert_eq!((note.sorting, world.send_jobs()), (3, 1));
    let elsewhere = world.run(&inbound("2", "hello", "s2")).unwrap().conversation.unwrap();
    let astray = Reply { in_reply_to: Some(reply.id), ..answer(elsewhere) };
    assert_eq!(world.run(&astray).unwrap().reply_to, None);
    let nobody = Reply { agent: Some(AgentId(Id(77))), ..answer(conversation) };
    assert_eq!(world.run(&nobody).err(), Some(reply::Refusal::UnknownAgent));
}

#[test]
fn a_reply_into_a_closed_conversation_of_a_connector_fails_at_once() {
    let mut world = World::new();
    let opened = world.run(&open("c1")).unwrap();
    let Some(Ok(conversation)) = opened.conversation else { panic!("not opened") };
    world.run(&standing(conversation, Standing::Resolved)).unwrap();
    let reply = world.run(&answer(conversation)).unwrap();
    let delivery = reply.delivery.as_ref().unwrap();
    assert_eq!(delivery.reason.as_ref().unwrap().kind, ReasonKind::ConversationClosed);
    assert_eq!((world.send_jobs(), world.queued()), (0, 0));
    assert_eq!(world.statuses(), [Status::Failed]);
}

#[test]
fn a_consumer_opens_one_conversation_at_a_time() {
    let mut world = World::new();
    let first = world.run(&open("c1")).unwrap();
    let Some(Ok(conversation)) = first.conversation else { panic!("not opened") };
    assert_eq!(first.sequences, [0]);
    let second = world.run(&open("c1")).unwrap();
    assert!(matches!(second.conversation, Some(Err(open)) if open.0 == conversation));
    world.run(&standing(conversation, Standing::Resolved)).unwrap();
    assert!(matches!(world.run(&open("c1")).unwrap().conversation, Some(Ok(other)) if other != conversation));
}

#[test]
fn what_a_consumer_says_of_messages_moves_their_status() {
    use ConsumerStatus::{Accept, Access, Action, Nack, Read};
    let cases = [
        (Accept, Status::Delivered),
        (Read, Status::Read),
        (Access, Status::Read),
        (Action, Status::Read),
        (Nack, Status::Failed),
    ];
    for (said, status) in cases {
        let mut world = World::new();
        let Some(Ok(conversation)) = world.run(&open("c1")).unwrap().conversation else {
            panic!("not opened")
        };
        let reply = world.run(&answer(conversation)).unwrap();
        world.hand_over(reply.id, Outcome::Accepted { parts: Vec::new() });
        let contact = world.only::<Contact>().id;
        let sequences = vec![reply.sequence.unwrap(), 99];
        let metadata = String::new();
        let messages = vec![reply.id];
        let said = Acknowledge {
            tenant: TENANT,
            conversation,
            contact,
            status: said,
            sequences,
            messages,
            metadata,
        };
        world.run(&said).unwrap();
        assert_eq!(world.status(reply.id), status, "{said:?}");
        let foreign = Acknowledge { contact: crate::id::ContactId(Id(77)), ..said };
        assert_eq!(world.run(&foreign).err(), Some(standing::Refusal::NotYours));
    }
}

#[test]
fn at_most_one_open_conversation_is_active() {
    let mut world = World::new();
    let first = world.run(&inbound("1", "a", "s1")).unwrap().conversation.unwrap();
    world.run(&standing(first, Standing::Resolved)).unwrap();
    let second = world.run(&inbound("1", "b", "s2")).unwrap().conversation.unwrap();
    assert_ne!(first, second);
    world.run(&standing(first, Standing::Open)).unwrap();
    let active = |world: &World, id: ConversationId| world.get::<Conversation>(id.0).active;
    assert_eq!((active(&world, first), active(&world, second)), (false, true));
    world.run(&standing(second, Standing::Resolved)).unwrap();
    world.run(&standing(first, Standing::Resolved)).unwrap();
    world.run(&standing(first, Standing::Pending)).unwrap();
    assert_eq!((active(&world, first), active(&world, second)), (true, false));
}

#[test]
fn of_two_who_take_a_conversation_the_loser_learns_who_won() {
    let mut world = World::new();
    let conversation = world.run(&inbound("1", "a", "s1")).unwrap().conversation.unwrap();
    let take =
        |agent| Assign { tenant: TENANT, conversation, to: Some(AgentId(Id(agent))), expected: Some(None) };
    assert_eq!(world.run(&take(5)).unwrap(), Some(AgentId(Id(5))));
    assert_eq!(world.run(&take(6)).unwrap(), Some(AgentId(Id(5))));
    let anyhow = Assign { expected: None, ..take(6) };
    assert_eq!(world.run(&anyhow).unwrap(), Some(AgentId(Id(6))));
}

#[test]
fn a_profile_makes_its_contact_once() {
    let mut world = World::new();
    let profile = Profile { display_name: Some("Ann".to_owned()), ..Profile::default() };
    let from = Address::new(Channel::CONNECTOR, "c1");
    let set = SetProfile { tenant: TENANT, app: APP, from, profile };
    world.run(&set).unwrap();
    world.run(&set).unwrap();
    assert_eq!(world.only::<Contact>().display_name, "Ann");
    assert_eq!(world.facts(), [Fact::ContactCreated, Fact::ContactUpdated]);
}
