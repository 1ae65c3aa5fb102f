//! Values of fields that are acted on: strict, so that policy and provider cannot read two different things.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use sidegate_policy::{Class, Reason, Refusal};

use crate::scan::{Broken, Kind, Scan, Text};
use crate::text;

/// The longest name of a model, in bytes.
pub(crate) const MAX_MODEL: usize = 256;

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Self {
        let message = format!("the body is not valid JSON: {} at byte {}", broken.what, broken.at);
        Self::new(Class::RequestInvalid, Reason::BadJson, message)
    }
}

/// A field has an impossible value.
pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Class::RequestInvalid, Reason::BadField, message)
}

/// Which keys stood in an object already, one bit each.
#[derive(Debug, Default)]
pub(super) struct Once(u64);

/// The bit of the key at a place in a list of keys.
pub(super) fn bit(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl Once {
    /// Notes a key; `bit` is its own.
    pub(super) fn note(&mut self, bit: u32, name: &str) -> Result<(), Refusal> {
        let mask = 1_u64.checked_shl(bit).unwrap_or(0);
        if self.0 & mask != 0 {
            let message = format!("`{name}` stands twice in one object: which of the two is meant is not guessed");
            return Err(Refusal::new(Class::RequestInvalid, Reason::DuplicateKey, message));
        }
        self.0 |= mask;
        Ok(())
    }
}

/// The name of a key as a JSON reader understands it.
pub(super) fn name<'a>(scan: &Scan<'a>, key: &Text) -> Cow<'a, [u8]> {
    let raw = scan.slice(&key.inside);
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    match text::unescape(raw) {
        Some(Cow::Borrowed(s)) => Cow::Borrowed(s.as_bytes()),
        Some(Cow::Owned(s)) => Cow::Owned(s.into_bytes()),
        // Not a name that anybody acts on: no such name has a lone surrogate in it.
        None => Cow::Borrowed(raw),
    }
}

/// The place in `known` of a key. A key that a reader who ignores case would take for one of them is refused.
pub(super) fn lookup(name: &[u8], known: &[&str]) -> Result<Option<usize>, Refusal> {
    if let Some(at) = known.iter().position(|k| k.as_bytes() == name) {
        return Ok(Some(at));
    }
    if name.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'0'..=b'9')) {
        return Ok(None);
    }
    let folded: String = String::from_utf8_lossy(name).chars().map(fold).collect();
    match known.iter().find(|k| k.chars().map(fold).eq(folded.chars())) {
        Some(known) => {
            Err(bad(format!("a key reads like `{known}` to some providers and not to others: write `{known}`")))
        }
        None => Ok(None),
    }
}

/// Readers that ignore case also take the long s and the Kelvin sign for letters.
fn fold(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

/// A model's name and its token.
pub(super) fn model(scan: &mut Scan<'_>) -> Result<(Arc<str>, Range<usize>), Refusal> {
    match scan.kind()? {
        Kind::String => {}
        Kind::Null => return Err(model_missing()),
        _ => return Err(bad("`model` is not a string")),
    }
    let token = scan.string()?;
    Ok((name_of(scan, &token)?, token.token()))
}

/// The name of a model that a string is.
pub(super) fn name_of(scan: &Scan<'_>, token: &Text) -> Result<Arc<str>, Refusal> {
    let raw = scan.slice(&token.inside);
    if raw.len() > MAX_MODEL * 6 {
        return Err(bad(format!("`model` is longer than {MAX_MODEL} bytes")));
    }
    let name = text::unescape(raw).ok_or_else(|| bad("`model` is not a well-formed string"))?;
    if name.is_empty() {
        return Err(model_missing());
    }
    if name.len() > MAX_MODEL {
        return Err(bad(format!("`model` is longer than {MAX_MODEL} bytes")));
    }
    let is_control =
        if name.is_ascii() { name.bytes().any(|b| b.is_ascii_control()) } else { name.chars().any(char::is_control) };
    if is_control {
        return Err(bad("`model` has control characters in it"));
    }
    Ok(Arc::from(&*name))
}

/// No model was named.
pub(super) fn model_missing() -> Refusal {
    Refusal::new(Class::RequestInvalid, Reason::ModelMissing, "the body names no `model`")
}

/// A whole number, also as a string of digits, as some readers allow; none for `null`.
pub(super) fn integer(scan: &mut Scan<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    let value = match scan.kind()? {
        Kind::Null => {
            scan.skip()?;
            return Ok(None);
        }
        Kind::Number => {
            let span = scan.skip()?;
            text::integer(scan.slice(&span))
        }
        Kind::String => {
            let inside = scan.string()?.inside;
            text::integer(scan.slice(&inside))
        }
        _ => None,
    };
    value.map(Some).ok_or_else(|| bad(format!("`{name}` is not a whole number that fits")))
}

/// A truth value; none for `null`.
pub(super) fn boolean(scan: &mut Scan<'_>, name: &str) -> Result<Option<bool>, Refusal> {
    match scan.kind()? {
        Kind::Null => {
            scan.skip()?;
            Ok(None)
        }
        Kind::Bool => {
            let span = scan.skip()?;
            Ok(Some(scan.slice(&span).first() == Some(&b't')))
        }
        _ => Err(bad(format!("`{name}` is neither true nor false"))),
    }
}

/// A limit on generated tokens: nothing below 1 limits anything.
pub(super) fn limit(asked: Option<i64>) -> Option<u64> {
    asked.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0)
}

/// A number of choices: at least one.
pub(super) fn choices(asked: Option<i64>) -> u32 {
    match asked {
        Some(n) if n > 1 => u32::try_from(n).unwrap_or(u32::MAX),
        _ => 1,
    }
}
