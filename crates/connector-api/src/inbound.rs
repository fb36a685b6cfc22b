//! What a provider's callback turned out to say.
//! It carries no id of ours: the core joins it by the provider's ids and by the token that was echoed.

use std::sync::Arc;

use domain::content::Content;
use domain::delivery::Receipt;
use domain::event::SignalKind;

/// One thing a provider told us. Addresses are already normalized.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// The person wrote.
    Message {
        from: Arc<str>,
        /// What the provider knows of the person's name; may be empty.
        name: String,
        /// The provider's message id, unique per account: repeats of the callback are dropped by it.
        source_id: Arc<str>,
        content: Content,
        /// The provider's id of the message it answers.
        reply_to: Option<Arc<str>>,
        /// The language the provider knows of the person; may be empty.
        language: String,
    },
    /// A statement about a message of ours.
    Receipt {
        provider_id: Arc<str>,
        /// Our own token that the provider echoed (`message ULID/attempt`), where it does.
        token: Option<Arc<str>>,
        recipient: Option<Arc<str>>,
        receipt: Receipt,
    },
    /// The person is typing, or stopped.
    Signal { from: Arc<str>, signal: SignalKind },
}
