//! Where a JSON string ends, or is interrupted by a backslash.
//!
//! Most strings are keys and words of a few bytes, for which a general search costs more than it finds: so sixteen
//! bytes at a time first. Text with one backslash has many (line breaks, quotes), so from there on whole blocks are
//! looked at, escapes and all. What is escaped, and whether that is well-formed, is not asked here.

use memchr::memchr2;
use wide::u8x16;

/// Blocks that are looked at before the general search pays.
const NEAR: usize = 3;

/// The first quote or backslash in `text`.
#[inline]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..NEAR {
        let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) else { break };
        let block = u8x16::new(*block);
        let found = (block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask();
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    memchr2(b'"', b'\\', text.get(at..)?).map(|found| at + found)
}

/// The inside of a string that begins at `at` and lies there as a whole, if no backslash is in it.
#[inline]
pub(crate) fn quoted(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let [b'"', inside @ ..] = bytes.get(at..)? else { return None };
    let end = quote_or_backslash(inside)?;
    let (text, rest) = inside.split_at_checked(end)?;
    (rest.first() == Some(&b'"')).then_some(text)
}

/// The first quote in `text` that no backslash escapes.
pub(crate) fn end_of_text(text: &[u8]) -> Option<usize> {
    let (blocks, rest) = text.as_chunks::<64>();
    let mut escapes = Escapes::default();
    for (at, block) in blocks.iter().enumerate() {
        let (quotes, backslashes) = marks(block);
        let ends = quotes & !escapes.escaped(backslashes);
        if ends != 0 {
            return Some(at * 64 + ends.trailing_zeros() as usize);
        }
    }
    let mut escaped = escapes.open != 0;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| blocks.len() * 64 + end)
}

/// One bit for each quote, and one for each backslash.
#[inline]
fn marks(block: &[u8; 64]) -> (u64, u64) {
    let (mut quotes, mut backslashes) = (0, 0);
    for (at, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
        let sixteen = u8x16::new(*sixteen);
        quotes |= u64::from(sixteen.simd_eq(u8x16::splat(b'"')).to_bitmask()) << (16 * at);
        backslashes |= u64::from(sixteen.simd_eq(u8x16::splat(b'\\')).to_bitmask()) << (16 * at);
    }
    (quotes, backslashes)
}

/// Which bytes are escaped, block after block.
#[derive(Default)]
struct Escapes {
    /// 1 if the last byte so far escapes the next.
    open: u64,
}

impl Escapes {
    /// One bit for each byte that a backslash escapes: in a run of backslashes every second one is itself escaped.
    /// Found by a carry that runs through each run, as in Langdale and Lemire, "Parsing gigabytes of JSON per second"
    /// (<https://arxiv.org/abs/1902.08318>), 3.1.1.
    #[inline]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let backslashes = backslashes & !self.open;
        let follows = (backslashes << 1) | self.open;
        let odd_starts = backslashes & !EVEN & !follows;
        let (even_runs, beyond) = odd_starts.overflowing_add(backslashes);
        self.open = u64::from(beyond);
        (EVEN ^ (even_runs << 1)) & follows
    }
}

#[cfg(test)]
mod tests;
