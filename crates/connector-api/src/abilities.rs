//! What a channel can do, as data. Nobody asks for a channel's name to find out.
//! The core and the outer layers read these; a connector declares them once and never changes them.

/// Flat booleans and limits of one channel.
#[derive(Clone, Debug, Default)]
pub struct Abilities {
    /// The provider reports when a message reached the person.
    pub reports_delivered: bool,
    /// The provider reports when the person read it.
    pub reports_read: bool,
    /// The person's typing can be received.
    pub receives_typing: bool,
    /// Our typing can be shown.
    pub shows_typing: bool,
    /// Addresses mean something only within one app.
    pub addresses_are_app_scoped: bool,
    /// Repeating a hand-over with the same token cannot reach the person twice.
    pub repeating_is_safe: bool,
    /// The provider takes a time-to-live with the message.
    pub takes_ttl: bool,
    pub text_chars_max: usize,
    pub media_bytes_max: u64,
    pub choices_max: usize,
    /// The rate that the provider grants one account; 0 is no limit.
    pub messages_per_second_max: u32,
    /// The rate at which one account may write to one person; 0 is no limit.
    pub messages_per_minute_per_recipient_max: u32,
    /// Messages that a person who was left alone for long may be sent at once.
    pub recipient_burst_max: u32,
    /// Hand-overs that may be open at once on one account; 0 is no limit.
    pub open_attempts_max: usize,
    /// How long to wait for the provider's answer.
    pub answer_timeout_ms: u64,
    /// Names of the settings that an account must have; secrets are marked.
    pub settings: &'static [Setting],
}

/// One credential or setting of an account.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub secret: bool,
    pub required: bool,
    /// What it is and where the operator finds it.
    pub about: &'static str,
}
