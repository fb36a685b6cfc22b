//! Fresh secrets from the operating system.

/// Thirty-two random bytes.
#[expect(clippy::disallowed_methods, reason = "the server asks the system for the secrets it hands out")]
pub fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives entropy");
    bytes
}

/// A secret of 40 characters.
pub fn secret() -> String {
    hex::encode(&bytes()[..20])
}
