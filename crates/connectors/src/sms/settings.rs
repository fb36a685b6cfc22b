//! The settings of an account, read from a line.
//! What is missing or unreadable takes its default; the bind itself tells what is wrong.

use connector_api::Line;
use connector_api::abilities::Setting;

use crate::dialects::smpp::alphabet::Alphabet;
use crate::dialects::smpp::receipt::IdForm;
use crate::dialects::smpp::session::Place;

const DEFAULT_PORT: u16 = 2775;
const DEFAULT_WINDOW: usize = 50;
const WINDOW_MAX: usize = 1_000;

pub const SETTINGS: &[Setting] = &[
    setting("host", false, true, "The message center's host name or address."),
    setting("port", false, false, "Its port; 2775 unless given."),
    setting("system_id", false, true, "Our name there, at most 15 letters."),
    setting("password", true, true, "At most 8 letters, as the protocol has it."),
    setting("source_addr", false, false, "The sender people see; the account's name unless given."),
    setting("source_ton", false, false, "Type of the sender's number; guessed unless given."),
    setting("source_npi", false, false, "Numbering plan of the sender; guessed unless given."),
    setting("system_type", false, false, "What the operator calls the kind of client."),
    setting("bind_ton", false, false, "Type of number given at the bind; 0 unless given."),
    setting("bind_npi", false, false, "Numbering plan given at the bind; 0 unless given."),
    setting("window", false, false, "Unanswered submits at a time; 50 unless given."),
    setting(
        "alphabet",
        false,
        false,
        "What the center takes for data coding 0: gsm, latin1; or ucs2 always.",
    ),
    setting(
        "segmentation",
        false,
        false,
        "How parts of a long text are told: udh8 (default), udh16 (16-bit references) or sar (parameters).",
    ),
    setting(
        "message_id_form",
        false,
        false,
        "same, hex_then_decimal or decimal_then_hex: answers, then receipts.",
    ),
];

const fn setting(name: &'static str, secret: bool, required: bool, about: &'static str) -> Setting {
    Setting { name, secret, required, about }
}

/// An account's settings, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    pub place: Place,
    pub window: usize,
    pub source: Source,
    pub alphabet: Alphabet,
    pub segmentation: Segmentation,
    pub id_form: IdForm,
}

/// How the place of a part in a long text is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segmentation {
    /// A user data header with an 8-bit reference.
    Udh8,
    /// The same with a 16-bit one.
    Udh16,
    /// `sar_*` parameters; the center makes the header and needs the same room for it.
    Sar,
}

impl Segmentation {
    /// Octets of a part that its header takes.
    pub fn header_octets(self) -> usize {
        match self {
            Segmentation::Udh8 | Segmentation::Sar => 6,
            Segmentation::Udh16 => 7,
        }
    }
}

/// Who a message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub address: String,
    pub ton: u8,
    pub npi: u8,
}

impl Settings {
    pub fn of(line: &Line) -> Settings {
        let number = |name: &str| line.setting(name).parse::<u8>().ok();
        let place = Place {
            host: line.setting("host").to_owned(),
            port: line.setting("port").parse().unwrap_or(DEFAULT_PORT),
            system_id: line.setting("system_id").to_owned(),
            password: line.setting("password").to_owned(),
            system_type: line.setting("system_type").to_owned(),
            bind_ton: number("bind_ton").unwrap_or(0),
            bind_npi: number("bind_npi").unwrap_or(0),
        };
        let given = line.setting("source_addr");
        let address = if given.is_empty() { &*line.account } else { given };
        let (address, ton, npi) = guess(address);
        Settings {
            place,
            window: line.setting("window").parse().unwrap_or(DEFAULT_WINDOW).clamp(1, WINDOW_MAX),
            source: Source {
                address,
                ton: number("source_ton").unwrap_or(ton),
                npi: number("source_npi").unwrap_or(npi),
            },
            alphabet: match line.setting("alphabet") {
                "latin1" => Alphabet::Latin1,
                "ucs2" => Alphabet::Ucs2,
                _ => Alphabet::Gsm,
            },
            segmentation: match line.setting("segmentation") {
                "udh16" => Segmentation::Udh16,
                "sar" => Segmentation::Sar,
                _ => Segmentation::Udh8,
            },
            id_form: match line.setting("message_id_form") {
                "hex_then_decimal" => IdForm::HexThenDecimal,
                "decimal_then_hex" => IdForm::DecimalThenHex,
                _ => IdForm::Same,
            },
        }
    }
}

/// International number, short code or name.
fn guess(address: &str) -> (String, u8, u8) {
    let digits = address.strip_prefix('+').unwrap_or(address);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return (address.to_owned(), 5, 0);
    }
    let (ton, npi) = if digits.len() > 6 { (1, 1) } else { (3, 0) };
    (digits.to_owned(), ton, npi)
}
