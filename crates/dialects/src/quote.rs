//! Where a JSON string ends, or is interrupted by a backslash. Most strings are keys and words, for which a
//! vectorised search costs more than it finds: so eight bytes at a time first.

use memchr::memchr2;

/// Bytes that are looked at before the vectorised search pays.
const NEAR: usize = 24;

/// The first quote or backslash in `text`.
#[inline]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < NEAR
        && let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>())
    {
        let word = u64::from_le_bytes(*eight);
        let found = places_of(word, b'"') | places_of(word, b'\\');
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', text.get(at..)?).map(|found| at + found)
}

/// Marks the bytes of `word` that are `byte`: the lowest mark is exact.
#[inline]
fn places_of(word: u64, byte: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = word ^ (ONES * u64::from(byte));
    zeros.wrapping_sub(ONES) & !zeros & (ONES << 7)
}
