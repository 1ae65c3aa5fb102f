//! Where a JSON string ends, or is interrupted by a backslash. Most strings are keys and words, for which a
//! vectorised search costs more than it finds: so eight bytes at a time first.

use memchr::{memchr, memchr2};

/// Bytes that are looked at before the vectorised search pays.
const NEAR: usize = 24;

/// The first quote or backslash in `text`.
#[inline]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    match near(text, NEAR, |word| places_of(word, b'"') | places_of(word, b'\\')) {
        Ok(found) => Some(found),
        Err(none) => memchr2(b'"', b'\\', text.get(none..)?).map(|found| none + found),
    }
}

/// The first quote in `text`, backslashes before it or not: text with one backslash has many quotes, close together.
#[inline]
pub(crate) fn quote(text: &[u8]) -> Option<usize> {
    match near(text, 4 * NEAR, |word| places_of(word, b'"')) {
        Ok(found) => Some(found),
        Err(none) => memchr(b'"', text.get(none..)?).map(|found| none + found),
    }
}

/// The first byte that `marks` marks, among the first `length` bytes; or how many bytes have none.
#[inline]
fn near(text: &[u8], length: usize, marks: impl Fn(u64) -> u64) -> Result<usize, usize> {
    let (words, _) = text.get(..length).unwrap_or(text).as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return Ok(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    Err(words.len() * 8)
}

/// The inside of a string that begins at `at` and lies there as a whole, if no backslash is in it.
#[inline]
pub(crate) fn quoted(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let [b'"', inside @ ..] = bytes.get(at..)? else { return None };
    let end = quote_or_backslash(inside)?;
    let (text, rest) = inside.split_at_checked(end)?;
    (rest.first() == Some(&b'"')).then_some(text)
}

/// Marks the bytes of `word` that are `byte`: the lowest mark is exact.
#[inline]
fn places_of(word: u64, byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = word ^ (ONES * u64::from(byte));
    zeros.wrapping_sub(ONES) & !zeros & (ONES << 7)
}
