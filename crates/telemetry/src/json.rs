//! JSON written by hand into a buffer that is used again: one pass, no tree, no allocation of its own.
//!
//! Strings that come from outside are bounded and escaped here, so that no caller of this module can forget
//! it: nobody can end a line, inject a field or fill the log.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

/// Bytes of a text at most; a longer one is cut and ends in `…`.
pub(crate) const MAX_TEXT: usize = 256;

/// A JSON object or array in the making.
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    /// Something stands before, so that the next entry needs a comma.
    follows: bool,
}

impl<'a> Json<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, follows: false }
    }

    /// Writes `{`, whatever `fill` writes, and `}`.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Json<'_>)) {
        self.nested(b'{', b'}', fill);
    }

    /// Writes `[`, whatever `fill` writes, and `]`.
    pub(crate) fn array(&mut self, fill: impl FnOnce(&mut Json<'_>)) {
        self.nested(b'[', b']', fill);
    }

    fn nested(&mut self, open: u8, close: u8, fill: impl FnOnce(&mut Json<'_>)) {
        self.comma();
        self.out.push(open);
        fill(&mut Json { out: self.out, follows: false });
        self.out.push(close);
        self.follows = true;
    }

    /// Writes the name of the entry that follows. In place, because a name whose length is known is written without a
    /// call.
    #[expect(clippy::inline_always, reason = "measured: a third of the line's cost")]
    #[inline(always)]
    pub(crate) fn name(&mut self, name: &'static str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.follows = false;
        self
    }

    /// The same for a name that comes from outside.
    pub(crate) fn named(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.out.push(b':');
        self.follows = false;
        self
    }

    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
        self.comma();
        self.out.push(b'"');
        escape(text, self.out);
        self.out.push(b'"');
    }

    /// A text of our own making that needs no escape.
    #[inline]
    pub(crate) fn word(&mut self, word: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    /// Texts as one string, each with what is put before it.
    pub(crate) fn joined<const N: usize>(&mut self, parts: [(&'static str, &str); N]) {
        self.comma();
        self.out.push(b'"');
        for (before, part) in parts {
            self.out.extend_from_slice(before.as_bytes());
            escape(part, self.out);
        }
        self.out.push(b'"');
    }

    #[inline]
    pub(crate) fn number(&mut self, number: u64) {
        self.comma();
        digits(number, self.out);
    }

    pub(crate) fn signed(&mut self, number: i128) {
        self.comma();
        if number < 0 {
            self.out.push(b'-');
        }
        let magnitude = number.unsigned_abs();
        match u64::try_from(magnitude) {
            Ok(small) => digits(small, self.out),
            Err(_) => self.out.extend_from_slice(magnitude.to_string().as_bytes()),
        }
    }

    /// Seconds with six decimals.
    pub(crate) fn seconds(&mut self, time: Duration) {
        self.comma();
        digits(time.as_secs(), self.out);
        self.out.push(b'.');
        fraction(time.subsec_micros(), self.out);
    }

    #[inline]
    pub(crate) fn micros(&mut self, time: Duration) {
        self.number(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    #[inline]
    pub(crate) fn flag(&mut self, flag: bool) {
        self.comma();
        self.out.extend_from_slice(if flag { b"true" } else { b"false" });
    }

    /// RFC 3339 in UTC with microseconds.
    pub(crate) fn time(&mut self, time: Timestamp) {
        self.comma();
        self.out.push(b'"');
        timestamp(time, self.out);
        self.out.push(b'"');
    }

    /// Bytes written so far, by whomever.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Writes entries once more that were written before: not the first ones of an object, here or there.
    pub(crate) fn again(&mut self, entries: &Range<usize>) {
        if entries.end <= self.out.len() {
            self.out.extend_from_within(entries.clone());
        }
    }

    #[inline]
    fn comma(&mut self) {
        if self.follows {
            self.out.push(b',');
        }
        self.follows = true;
    }
}

/// Appends `text`, bounded to [`MAX_TEXT`] bytes, as the inside of a JSON string.
fn escape(text: &str, out: &mut Vec<u8>) {
    let (kept, cut) = bounded(text);
    let bytes = kept.as_bytes();
    if is_clean(bytes) {
        out.extend_from_slice(bytes);
    } else {
        escape_each(bytes, out);
    }
    if cut {
        out.extend_from_slice("…".as_bytes());
    }
}

/// Whether nothing in a text needs an escape, as in nearly every one: eight bytes at a time, the last eight perhaps
/// twice.
fn is_clean(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let Some(last) = bytes.last_chunk::<8>() else { return !rest.iter().any(|byte| needs_escape(*byte)) };
    let found = words.iter().fold(0, |found, word| found | escapes_in(*word));
    (found | escapes_in(*last)) == 0
}

/// Not zero if one of eight bytes needs an escape. Sean Anderson's tests for a byte below and for a byte that is zero
/// (<https://graphics.stanford.edu/~seander/bithacks.html>).
fn escapes_in(word: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let below = |word: u64, byte: u64| word.wrapping_sub(ONES * byte) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\') | is(0x7f)) & HIGH
}

fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

fn escape_each(bytes: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !needs_escape(*byte) {
            continue;
        }
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let mut code = *b"\\u0000";
                crate::record::hex(&[*byte], &mut code[4..]);
                out.extend_from_slice(&code);
            }
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

/// The beginning of a text that fits [`MAX_TEXT`] bytes, and whether something was cut off.
pub(crate) fn bounded(text: &str) -> (&str, bool) {
    if text.len() <= MAX_TEXT {
        return (text, false);
    }
    let end = (0..=MAX_TEXT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    (text.get(..end).unwrap_or_default(), true)
}

/// Appends a number in decimal.
#[inline]
pub(crate) fn digits(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends millionths with all six digits.
fn fraction(micros: u32, out: &mut Vec<u8>) {
    let mut rest = micros;
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text);
}

/// Appends `2026-11-20T10:00:00.000000Z`. The civil date is computed from days since 1970 as in Howard
/// Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>), because a record is
/// written for every call and the general formatter costs as much as the rest of the line.
fn timestamp(time: Timestamp, out: &mut Vec<u8>) {
    let micros = time.as_microsecond();
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00";
    let mut two = |at: usize, number: i64| {
        text[at] = b'0' + (number / 10 % 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    };
    two(0, year / 100);
    two(2, year);
    two(5, month);
    two(8, day);
    two(11, second / 3_600);
    two(14, second / 60 % 60);
    two(17, second % 60);
    out.extend_from_slice(&text);
    out.push(b'.');
    fraction(u32::try_from(micros).unwrap_or(0), out);
    out.push(b'Z');
}
