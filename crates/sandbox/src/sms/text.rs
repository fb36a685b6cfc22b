//! What octets mean: GSM 03.38 (one septet per octet), UCS-2 and Latin-1, both ways.
//! 3GPP TS 23.038, section 6.2.1.

use bytes::Bytes;

/// Septets 0 to 127; the escape's place is never looked up.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ\
                     ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];
const ESCAPE: u8 = 0x1b;

pub(super) fn decode(data_coding: u8, octets: &[u8]) -> String {
    match data_coding {
        0x08 | 0x18..=0x1b | 0xe0..=0xef => decode_ucs2(octets),
        0x02..=0x04 | 0x14..=0x17 | 0xf4..=0xf7 => octets.iter().map(|byte| char::from(*byte)).collect(),
        _ => decode_gsm(octets),
    }
}

fn decode_ucs2(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn decode_gsm(octets: &[u8]) -> String {
    let basic: Vec<char> = BASIC.chars().collect();
    let mut text = String::with_capacity(octets.len());
    let mut escaped = false;
    for octet in octets {
        let octet = octet & 0x7f;
        if octet == ESCAPE && !escaped {
            escaped = true;
            continue;
        }
        let extended = EXTENSION.iter().find(|(code, _)| escaped && *code == octet).map(|(_, found)| *found);
        text.push(extended.unwrap_or(basic[usize::from(octet)]));
        escaped = false;
    }
    text
}

fn gsm_septets(character: char) -> Option<Vec<u8>> {
    if let Some((code, _)) = EXTENSION.iter().find(|(_, extended)| *extended == character) {
        return Some(vec![ESCAPE, *code]);
    }
    let at = BASIC.chars().position(|basic| basic == character && basic != '\u{1b}');
    at.map(|at| vec![at as u8])
}

/// One text as `data_coding` and the octets of each part, without headers. Characters are never cut in two.
pub(super) fn encode(text: &str) -> (u8, Vec<Bytes>) {
    let septets: Option<Vec<Vec<u8>>> = text.chars().map(gsm_septets).collect();
    match septets {
        Some(characters) => (0, parts(&characters, 160, 153)),
        None => {
            let wide = |character: char| {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()).collect()
            };
            let characters: Vec<Vec<u8>> = text.chars().map(wide).collect();
            (8, parts(&characters, 140, 134))
        }
    }
}

fn parts(characters: &[Vec<u8>], single_max: usize, part_max: usize) -> Vec<Bytes> {
    let whole: Vec<u8> = characters.concat();
    if whole.len() <= single_max {
        return vec![whole.into()];
    }
    let mut parts = vec![Vec::new()];
    for character in characters {
        if parts.last().is_some_and(|part: &Vec<u8>| part.len() + character.len() > part_max) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.extend_from_slice(character);
        }
    }
    parts.into_iter().map(Bytes::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_both_alphabets() {
        assert_eq!(BASIC.chars().count(), 128);
        let rows = [("Hi @ 5€", 0, 1), ("[x] {y} ~ ^ | \\ à", 0, 1), ("Zażółć 🙂", 8, 1), ("", 0, 1)];
        for (text, coding, count) in rows {
            let (data_coding, parts) = encode(text);
            assert_eq!((data_coding, parts.len()), (coding, count), "{text}");
            assert_eq!(decode(data_coding, &parts[0]), text);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let rows = [("a".repeat(160), 1), ("a".repeat(161), 2), ("€".repeat(81), 2), ("🙂".repeat(36), 2)];
        for (text, count) in rows {
            let (data_coding, parts) = encode(&text);
            assert_eq!(parts.len(), count);
            let joined: String = parts.iter().map(|part| decode(data_coding, part)).collect();
            assert_eq!(joined, text);
        }
    }
}
