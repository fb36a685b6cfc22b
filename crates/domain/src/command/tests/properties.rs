//! Properties of whole journeys: answer and receipts in any order, joined by token or by id, repeated at will.

use proptest::prelude::*;

use super::*;

/// One thing that the provider does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Answer,
    Report { status: Status, by_token: bool },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let status = prop::sample::select(vec![
        Status::Queued,
        Status::SwitchingChannel,
        Status::HandedOver,
        Status::Failed,
        Status::Delivered,
        Status::Read,
    ]);
    let report = (status, any::<bool>()).prop_map(|(status, by_token)| Act::Report { status, by_token });
    prop::collection::vec(report, 0..8).prop_map(|mut acts| {
        acts.push(Act::Answer);
        acts
    })
}

/// Plays the acts upon one message, and whatever follows until nothing stands open.
fn played(acts: &[Act]) -> (Status, usize, u64) {
    let mut world = World::new();
    let message = world.run(&text("1", &["ALPHA"])).unwrap().message;
    let job = world.send_job();
    world.run(&begin(message, Some(job))).unwrap();
    for act in acts {
        match *act {
            Act::Answer => {
                world.run(&Finish { job: Some(job), ..finish(message, 1, accepted("p1")) }).unwrap();
            }
            Act::Report { status, by_token } => {
                let token = by_token.then_some((message, 1));
                world.run(&TakeReceipt { token, ..receipt("ALPHA", "p1", status) }).unwrap();
            }
        }
    }
    let told = world.statuses();
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{acts:?} told {told:?}");
    (world.status(message), world.jobs.len(), world.queued())
}

proptest! {
    #[test]
    fn any_order_of_answer_and_receipts_ends_the_same_and_leaves_nothing_behind(
        (first, second) in acts().prop_flat_map(|one| (Just(one.clone()), Just(one).prop_shuffle())),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut second = second;
        for index in again {
            let repeated = *index.get(&second);
            second.extend((repeated != Act::Answer).then_some(repeated));
        }
        let (one, other) = (played(&first), played(&second));
        prop_assert_eq!(one, other, "{:?} {:?}", first, second);
        prop_assert_eq!((one.1, one.2), (0, 0));
    }
}
