//! The likeness of one event to the last: most events of a stream differ in a few values only.
//!
//! An event that was read whole and told nothing but generated text leaves its bytes here as a pattern, with
//! holes where values stood that nobody keeps. An event that equals the pattern outside its holes has the same
//! structure and tells the same, so it need not be read again: a few comparisons instead of a tokenizer's walk.

use crate::quote::quote_or_backslash;

/// The largest event that becomes a pattern, in bytes.
const MAX_PATTERN: usize = 2048;
/// The most holes in a pattern.
const MAX_HOLES: usize = 24;

/// A value that may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// Where it stands: without quotes.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// It has been seen to differ; otherwise it is compared like the rest.
    open: bool,
}

/// What may fill a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string of generated text.
    Generated,
    /// A string that nobody keeps.
    Text,
    /// A number or a word that nobody keeps.
    Scalar,
}

impl Hole {
    pub(super) fn new(start: usize, end: usize, kind: Kind) -> Self {
        Self { start, end, kind, open: kind == Kind::Generated }
    }
}

/// An event to compare others with.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    bytes: Vec<u8>,
    holes: Vec<Hole>,
}

impl Pattern {
    /// Takes `event`, with `holes` in order, as the pattern. Holes that were the same in the last pattern stay
    /// closed: the fewer are open, the fewer comparisons.
    pub(super) fn learn(&mut self, event: &[u8], holes: &[Hole]) {
        if event.len() > MAX_PATTERN || holes.len() > MAX_HOLES {
            return self.bytes.clear();
        }
        let alike = holes.len() == self.holes.len() && !self.bytes.is_empty();
        let mut learnt = holes.to_vec();
        if alike {
            for (new, old) in learnt.iter_mut().zip(&self.holes) {
                let differs = event.get(new.start..new.end) != self.bytes.get(old.start..old.end);
                new.open |= old.open || differs;
            }
        }
        self.holes = learnt;
        self.bytes.clear();
        self.bytes.extend_from_slice(event);
    }

    /// The bytes of generated text in `event`, if it is like the pattern.
    pub(super) fn matches(&self, event: &[u8]) -> Option<u64> {
        if self.bytes.is_empty() {
            return None;
        }
        let (mut from, mut at, mut generated) = (0, 0, 0_u64);
        for hole in self.holes.iter().filter(|h| h.open) {
            let literal = self.bytes.get(from..hole.start)?;
            let end = at + literal.len();
            if event.get(at..end)? != literal {
                return None;
            }
            let value = event.get(end..)?;
            let len = if hole.kind == Kind::Scalar { scalar(value)? } else { string(value)? };
            if hole.kind == Kind::Generated {
                generated += len as u64;
            }
            (from, at) = (hole.end, end + len);
        }
        (self.bytes.get(from..)? == event.get(at..)?).then_some(generated)
    }
}

/// The length of a string's inside, up to the quote that ends it.
fn string(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += quote_or_backslash(value.get(at..)?)?;
        if value.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The length of a number or a word; at least one byte.
fn scalar(value: &[u8]) -> Option<usize> {
    if !matches!(value.first()?, b'-' | b'0'..=b'9' | b'a'..=b'z') {
        return None;
    }
    Some(value.iter().take_while(|b| is_scalar(**b)).count())
}

/// A byte of a number or a word.
pub(super) fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests;
