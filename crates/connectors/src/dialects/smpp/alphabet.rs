//! Text to short-message octets and back: GSM 03.38 unpacked with its extension table, Latin-1, UCS-2; and the cut
//! into concatenated parts, which never splits an escape or a surrogate pair.
//! 3GPP TS 23.038 and 23.040.

/// What one short message holds.
const MESSAGE_OCTETS: usize = 140;

/// How octets stand for letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    Gsm,
    Latin1,
    Ucs2,
}

impl Alphabet {
    /// The `data_coding` octet.
    pub fn data_coding(self) -> u8 {
        match self {
            Alphabet::Gsm => 0,
            Alphabet::Latin1 => 3,
            Alphabet::Ucs2 => 8,
        }
    }

    /// Octets that fit a message alone, and a part of several beside its header. Septets travel unpacked, one an
    /// octet, but are counted as packed.
    fn octets_max(self, header_octets: usize) -> (usize, usize) {
        let beside_header = MESSAGE_OCTETS - header_octets;
        match self {
            Alphabet::Gsm => (MESSAGE_OCTETS * 8 / 7, beside_header * 8 / 7),
            Alphabet::Latin1 | Alphabet::Ucs2 => (MESSAGE_OCTETS, beside_header),
        }
    }
}

/// Place in the string = septet. ESC (0x1B) stands as a control character that no text holds.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const ESCAPE: u8 = 0x1b;
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

fn gsm_unit(letter: char) -> Option<Vec<u8>> {
    if let Some((_, code)) = EXTENSION.iter().find(|(own, _)| *own == letter) {
        return Some(vec![ESCAPE, *code]);
    }
    let at = BASIC.chars().position(|own| own == letter && own != '\u{1b}')?;
    Some(vec![at as u8])
}

fn unit(letter: char, alphabet: Alphabet) -> Option<Vec<u8>> {
    match alphabet {
        Alphabet::Gsm => gsm_unit(letter),
        Alphabet::Latin1 => u8::try_from(u32::from(letter)).ok().map(|octet| vec![octet]),
        Alphabet::Ucs2 => {
            let mut units = [0; 2];
            Some(letter.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()).collect())
        }
    }
}

/// A text ready to go: its alphabet and the octets of each part, without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub alphabet: Alphabet,
    pub parts: Vec<Vec<u8>>,
}

/// Encodes in the wanted alphabet, or in UCS-2 where a letter is missing from it.
pub fn encode(text: &str, wanted: Alphabet, header_octets: usize) -> Encoded {
    let units: Option<Vec<Vec<u8>>> = text.chars().map(|letter| unit(letter, wanted)).collect();
    let (alphabet, units) = match units {
        Some(units) => (wanted, units),
        None => {
            let all = text.chars().filter_map(|letter| unit(letter, Alphabet::Ucs2)).collect();
            (Alphabet::Ucs2, all)
        }
    };
    let (alone, each) = alphabet.octets_max(header_octets);
    let total: usize = units.iter().map(Vec::len).sum();
    if total <= alone {
        return Encoded { alphabet, parts: vec![units.concat()] };
    }
    let mut parts = vec![Vec::new()];
    for unit in units {
        if parts.last().is_some_and(|part: &Vec<u8>| part.len() + unit.len() > each) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.extend(unit);
        }
    }
    Encoded { alphabet, parts }
}

/// Text of octets under a `data_coding`; `None` for binary. Coding 0 means what the account says.
pub fn decode(octets: &[u8], data_coding: u8, default: Alphabet) -> Option<String> {
    let alphabet = match data_coding {
        0 | 0x10..=0x13 | 0xc0..=0xdf | 0xf0..=0xf3 => default,
        1 | 3 => Alphabet::Latin1,
        8 | 0x18..=0x1b | 0xe0..=0xef => Alphabet::Ucs2,
        _ => return None,
    };
    Some(match alphabet {
        Alphabet::Gsm => decode_gsm(octets),
        Alphabet::Latin1 => octets.iter().map(|octet| char::from(*octet)).collect(),
        Alphabet::Ucs2 => {
            let units: Vec<u16> =
                octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
    })
}

fn decode_gsm(octets: &[u8]) -> String {
    let basic: Vec<char> = BASIC.chars().collect();
    let mut text = String::new();
    let mut octets = octets.iter();
    while let Some(octet) = octets.next() {
        if *octet != ESCAPE {
            text.push(basic.get(usize::from(*octet)).copied().unwrap_or('\u{fffd}'));
            continue;
        }
        let Some(next) = octets.next() else { break };
        let extended = EXTENSION.iter().find(|(_, code)| code == next).map(|(letter, _)| *letter);
        // An unknown extension shows as its basic letter, as TS 23.038 asks.
        text.push(extended.or_else(|| basic.get(usize::from(*next)).copied()).unwrap_or(' '));
    }
    text
}
