//! One suite for every channel: the production connector against the sandbox, over real sockets.
//!
//! A channel joins by its row in `rows.rs` and its name below; its abilities decide what a trial expects. What only
//! one provider has is tried beside that connector.

mod bench;
mod hearing;
mod rows;
mod sending;

/// A test of each trial for each channel.
macro_rules! conformance {
    ($($name:ident: $row:ident),+ $(,)?) => {
        $(mod $name { use super::{hearing, rows, sending}; conformance!(@trials $row); })+

        #[test]
        fn every_channel_is_here() {
            let mut tried = vec![$(rows::$row.channel),+];
            let mut known: Vec<_> = connectors::all().iter().map(|one| one.connector.channel()).collect();
            tried.sort_unstable();
            known.sort_unstable();
            assert_eq!(tried, known);
        }
    };
    (@trials $row:ident) => { conformance! { @each $row
        sending accepted_reaches_the_phone_and_is_reported,
        sending a_refusal_is_for_good,
        sending a_later_failure_is_a_receipt,
        sending temporary_failures_pass,
        sending throttling_says_when_to_come_back,
        sending silence_is_no_receipt,
        sending no_answer_is_unknown_until_our_token_comes_back,
        sending a_receipt_may_come_before_the_answer,
        sending receipts_may_come_twice_and_reversed,
        sending delivered_may_stay_the_last_word,
        sending a_slow_answer_is_awaited,
        sending a_dropped_connection_is_unknown,
        sending scripts_beat_the_address,
        sending without_a_provider_nothing_left,
        sending every_generic_message_is_one_the_provider_takes,
        sending answers_quote_and_time_limits_travel,
        sending an_oversized_text_goes_whole_or_not_at_all,
        sending known_parts_are_never_sent_again,
        sending secrets_do_not_show,
        sending private_addresses_are_out_of_reach,
        hearing a_text_is_heard,
        hearing a_choice_comes_back_as_picked_or_as_its_words,
        hearing a_location_is_heard,
        hearing a_file_is_heard_and_can_be_fetched,
        hearing a_file_that_cannot_be_located_says_why,
        hearing messages_of_a_person_come_in_order,
        hearing what_was_not_kept_comes_again_with_the_same_id,
        hearing a_forged_callback_is_refused_before_it_is_read,
        hearing broken_callbacks_are_read_or_refused_and_never_panic,
        hearing a_session_ends_politely_and_then_takes_nothing,
    } };
    (@each $row:ident $($part:ident $trial:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $trial() { $part::$trial(rows::$row).await; })+
    };
}

conformance!(whatsapp: WHATSAPP, telegram: TELEGRAM, sms: SMS);
