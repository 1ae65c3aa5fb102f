//! What a string or number token means: only for values that somebody acts on.
//!
//! Strict where the scanner is lenient: a bad escape, a lone surrogate or invalid UTF-8 has no meaning here.

use std::borrow::Cow;

/// The text between the quotes of a JSON string, unescaped; none if it has no meaning.
pub(crate) fn unescape(inside: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(inside).ok()?;
    if memchr::memchr(b'\\', inside).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let (c, after) = escape(rest.get(at + 1..)?)?;
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The character of an escape whose backslash is gone, and what follows.
fn escape(rest: &str) -> Option<(char, &str)> {
    let mut chars = rest.chars();
    let plain = match chars.next()? {
        '"' => '"',
        '\\' => '\\',
        '/' => '/',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(chars.as_str()),
        _ => return None,
    };
    Some((plain, chars.as_str()))
}

fn unicode(rest: &str) -> Option<(char, &str)> {
    let (first, rest) = hex4(rest)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, rest));
    }
    let (second, rest) = hex4(rest.strip_prefix("\\u")?)?;
    let mut pair = char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?]);
    let c = pair.next()?.ok()?;
    pair.next().is_none().then_some((c, rest))
}

fn hex4(rest: &str) -> Option<(u32, &str)> {
    let digits = rest.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, rest.get(4..)?))
}

/// Appends `text` as a JSON string token.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].iter().filter_map(|n| HEX.get(usize::from(*n))));
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A whole number as JSON writes it (`256`, also `256.0` and `1e3`); none if it is none or does not fit.
pub(crate) fn integer(token: &[u8]) -> Option<i64> {
    // What nearly every one is: a few digits.
    if let [b'1'..=b'9', rest @ ..] | rest @ [b'0'] = token
        && rest.len() < 18
        && token.iter().all(u8::is_ascii_digit)
    {
        return Some(token.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    let text = std::str::from_utf8(token).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let first = digits.bytes().next()?;
    if !first.is_ascii_digit() || (first == b'0' && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    /// Beyond it a float no longer tells neighbouring integers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float: f64 = serde_json::from_str(text).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64)
}

#[cfg(test)]
mod tests;
