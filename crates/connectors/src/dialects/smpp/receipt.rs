//! Delivery receipts: from TLVs where they are, else from the text that SMPP 3.4 appendix B describes, by key and in
//! any order. Message ids are brought to one form, because some centers answer in hex and report in decimal.

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Still under way: nothing is settled.
    Pending,
    Delivered,
    Expired,
    Failed,
    Rejected,
}

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: String,
    pub fate: Fate,
    /// The network's error code; may be empty.
    pub error: String,
    /// Milliseconds since the epoch, the center's clock taken as UTC; 0 when it does not say.
    pub done_ms: i64,
}

/// How the center writes message ids in answers and in receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdForm {
    /// The same in both.
    #[default]
    Same,
    /// Hex in answers, decimal in receipts.
    HexThenDecimal,
    /// Decimal in answers, hex in receipts.
    DecimalThenHex,
}

impl IdForm {
    /// The one form of an id out of `submit_sm_resp`.
    pub fn of_answer(self, id: &str) -> String {
        match self {
            IdForm::Same => id.to_owned(),
            IdForm::HexThenDecimal => from_hex(id),
            IdForm::DecimalThenHex => from_decimal(id),
        }
    }

    /// The one form of an id out of a receipt.
    pub fn of_receipt(self, id: &str) -> String {
        match self {
            IdForm::Same => id.to_owned(),
            IdForm::HexThenDecimal => from_decimal(id),
            IdForm::DecimalThenHex => from_hex(id),
        }
    }
}

fn from_hex(id: &str) -> String {
    u128::from_str_radix(id, 16).map_or_else(|_| id.to_ascii_lowercase(), |number| number.to_string())
}

fn from_decimal(id: &str) -> String {
    id.parse::<u128>().map_or_else(|_| id.to_ascii_lowercase(), |number| number.to_string())
}

/// A receipt out of the TLVs and the text; `None` when neither names a message.
pub fn parse(text: &str, tlv_id: Option<&str>, tlv_state: Option<u8>) -> Option<Receipt> {
    let id = tlv_id.map(str::to_owned).or_else(|| field(text, "id:"))?;
    let stat = field(text, "stat:").unwrap_or_default().to_ascii_uppercase();
    let fate = match tlv_state {
        Some(state) => fate_of_state(state),
        None => fate_of_text(&stat),
    };
    let error = field(text, "err:").filter(|code| code.bytes().any(|digit| digit != b'0'));
    let done_ms = field(text, "done date:").and_then(|date| date_ms(&date)).unwrap_or(0);
    Some(Receipt { id, fate, error: error.unwrap_or_default(), done_ms })
}

/// The word after a key. Keys are met at word starts only, so `submit date:` is not `date:`.
fn field(text: &str, key: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let words_end = lower.find("text:").filter(|_| key != "text:").unwrap_or(lower.len());
    let head = &lower[..words_end];
    let mut from = 0;
    while let Some(at) = head[from..].find(key).map(|at| at + from) {
        let starts = at == 0 || head.as_bytes()[at - 1] == b' ';
        if starts {
            let value = text[at + key.len()..].split_whitespace().next().unwrap_or_default();
            return (!value.is_empty()).then(|| value.to_owned());
        }
        from = at + key.len();
    }
    None
}

fn fate_of_state(state: u8) -> Fate {
    match state {
        2 => Fate::Delivered,
        3 => Fate::Expired,
        4 | 5 | 9 => Fate::Failed,
        8 => Fate::Rejected,
        _ => Fate::Pending,
    }
}

fn fate_of_text(stat: &str) -> Fate {
    match stat {
        "DELIVRD" => Fate::Delivered,
        "EXPIRED" => Fate::Expired,
        "DELETED" | "UNDELIV" | "SKIPPED" => Fate::Failed,
        "REJECTD" => Fate::Rejected,
        _ => Fate::Pending,
    }
}

/// `YYMMDDhhmm` with or without seconds.
fn date_ms(digits: &str) -> Option<i64> {
    if !matches!(digits.len(), 10 | 12) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    let (year, month, day) = (2000 + pair(0)?, pair(2)?, pair(4)?);
    let (hour, minute, second) = (pair(6)?, pair(8)?, pair(10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since the epoch by the civil calendar, the year starting in March.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * shifted_year + shifted_year / 4 - shifted_year / 100
        + shifted_year / 400
        + (153 * shifted_month + 2) / 5
        + day
        - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}
