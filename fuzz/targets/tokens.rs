//! Credentials, tokens and signed links, changed at will.
//!
//! What opens a door is what was given out; changed in any place it is refused.
#![no_main]

use fuzz::keys::Key;
use fuzz::world;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;

/// Which key, and changes of it: a place, how many bytes go, and what comes there.
type Changes = (u8, Vec<(u8, u8, Vec<u8>)>);

fuzz_target!(|input: Changes| {
    let (which, changes) = input;
    world::with(|world| {
        let key = &world.keys[usize::from(which) % world.keys.len()];
        let mut text = key.text.clone().into_bytes();
        for (place, gone, come) in changes {
            let place = usize::from(place).min(text.len());
            let end = place.saturating_add(usize::from(gone)).min(text.len());
            text.splice(place..end, come);
        }
        let Some(request) = key.request(&text) else { return };
        let answer = world.ask(request);
        let opens = answer.status.is_success() || answer.status.is_redirection();
        let told = || format!("{} with {}: {answer:?}", key.target, String::from_utf8_lossy(&text));
        assert!(opens || text != key.text.as_bytes(), "genuine and refused: {}", told());
        assert!(!opens || plain(key, &text) == plain(key, key.text.as_bytes()), "opened: {}", told());
        assert!(!answer.status.is_server_error(), "{}", told());
    });
});

/// What a key says, apart from what need not be told apart: white space around a header; in a link escapes, the case of
/// the hex digits behind what is signed, and what stands behind the key.
fn plain(key: &Key, text: &[u8]) -> Vec<u8> {
    if key.header.is_some() {
        return text.trim_ascii().to_vec();
    }
    let own = text.split(|byte| b"#&?".contains(byte)).next().unwrap_or_default();
    let mut plain: Vec<u8> = percent_decode(own).collect();
    let digits = plain.windows(2).position(|pair| pair == b"--").unwrap_or(0);
    plain[digits..].make_ascii_lowercase();
    plain
}
