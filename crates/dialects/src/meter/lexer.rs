//! A JSON tokenizer that may be fed in any pieces: it keeps its place between them and buffers nothing.
//!
//! It exists because an answer may be of any size and come cut anywhere, and is never held back for being
//! read. It checks structure; strings and numbers are handed on as they stand, in as many parts as they came.

use super::pattern::is_scalar;
use crate::quote::{end_of_text, quote_or_backslash, quoted};

/// Objects and arrays inside one another, at most.
const MAX_DEPTH: usize = 256;

/// What was found next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An object or an array begins; the depth already counts it.
    Open {
        /// It is an object.
        object: bool,
    },
    /// The innermost object or array ended; the depth no longer counts it.
    Close,
    /// A part of a key.
    Key(Part<'a>),
    /// A part of a string that is a value.
    Text(Part<'a>),
    /// A number or a word begins with this byte. Elements of lists are not told.
    Scalar(u8),
}

/// A part of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    /// It is the first part.
    pub(super) first: bool,
    /// It is the last part.
    pub(super) last: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expect {
    #[default]
    Value,
    ElementOrEnd,
    KeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    String {
        key: bool,
        begun: bool,
    },
    Escaped {
        key: bool,
    },
    Scalar,
    /// The value is complete; only blanks may follow.
    End,
    Broken,
}

/// The place in a text.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    objects: [u64; MAX_DEPTH / 64],
    depth: u16,
    expect: Expect,
}

impl Lexer {
    /// Ready for another text.
    pub(super) fn reset(&mut self) {
        self.depth = 0;
        self.expect = Expect::Value;
    }

    /// Objects and arrays that are open.
    pub(super) fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// Whether one whole object or array has been read, and nothing else.
    pub(super) fn is_complete(&self) -> bool {
        self.expect == Expect::End
    }

    /// The next token at `at`, which moves on; none at the end of `bytes` or where they are no JSON.
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8], at: &mut usize) -> Option<Token<'a>> {
        loop {
            match self.expect {
                Expect::KeyOrEnd | Expect::Key | Expect::CommaOrEnd => {
                    if let Some(token) = self.whole_key(bytes, at) {
                        return Some(token);
                    }
                }
                Expect::Value => {
                    if let Some(token) = self.whole_text(bytes, at) {
                        return Some(token);
                    }
                }
                _ => {}
            }
            match self.expect {
                Expect::String { key, begun } => return self.string(bytes, at, key, begun),
                Expect::Escaped { key } => return self.escaped(bytes, at, key),
                Expect::Scalar => {
                    while bytes.get(*at).is_some_and(|b| is_scalar(*b)) {
                        *at += 1;
                    }
                    if *at >= bytes.len() {
                        return None;
                    }
                    self.after_value();
                }
                _ => {
                    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(*at) {
                        *at += 1;
                    }
                    let byte = *bytes.get(*at)?;
                    if self.expect == Expect::Broken {
                        *at = bytes.len();
                        return None;
                    }
                    *at += 1;
                    if let Some(token) = self.structure(byte) {
                        return Some(token);
                    }
                }
            }
        }
    }

    /// What nearly every member looks like, in one step: a key that lies here as a whole, without blanks around it
    /// and with its colon; the comma before it included.
    #[inline]
    fn whole_key<'a>(&mut self, bytes: &'a [u8], at: &mut usize) -> Option<Token<'a>> {
        let comma = usize::from(self.expect == Expect::CommaOrEnd);
        if comma == 1 && !(bytes.get(*at) == Some(&b',') && self.in_object()) {
            return None;
        }
        let text = quoted(bytes, *at + comma)?;
        let after = *at + comma + text.len() + 2;
        if bytes.get(after) != Some(&b':') {
            return None;
        }
        *at = after + 1;
        self.expect = Expect::Value;
        Some(Token::Key(Part { bytes: text, first: true, last: true }))
    }

    /// The same for a text that is a value.
    #[inline]
    fn whole_text<'a>(&mut self, bytes: &'a [u8], at: &mut usize) -> Option<Token<'a>> {
        let text = quoted(bytes, *at)?;
        *at += text.len() + 2;
        self.after_value();
        Some(Token::Text(Part { bytes: text, first: true, last: true }))
    }

    /// The object or array that was just opened was read by somebody else, to its end.
    pub(super) fn skip_opened(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.after_value();
    }

    /// A byte outside strings and scalars.
    fn structure<'a>(&mut self, byte: u8) -> Option<Token<'a>> {
        match (self.expect, byte) {
            (Expect::ElementOrEnd, b']') | (Expect::KeyOrEnd, b'}') => return Some(self.close()),
            (Expect::Value | Expect::ElementOrEnd, _) => return self.value(byte),
            (Expect::KeyOrEnd | Expect::Key, b'"') => self.expect = Expect::String { key: true, begun: false },
            (Expect::Colon, b':') => self.expect = Expect::Value,
            (Expect::CommaOrEnd, b',') => {
                self.expect = if self.in_object() { Expect::Key } else { Expect::Value };
            }
            (Expect::CommaOrEnd, b'}') if self.in_object() => return Some(self.close()),
            (Expect::CommaOrEnd, b']') if !self.in_object() => return Some(self.close()),
            _ => self.expect = Expect::Broken,
        }
        None
    }

    fn value<'a>(&mut self, byte: u8) -> Option<Token<'a>> {
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            b'"' => {
                self.expect = Expect::String { key: false, begun: false };
                None
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                self.expect = Expect::Scalar;
                // Lists of numbers are long, and nobody looks at them.
                self.in_object().then_some(Token::Scalar(byte))
            }
            _ => {
                self.expect = Expect::Broken;
                None
            }
        }
    }

    fn open<'a>(&mut self, object: bool) -> Option<Token<'a>> {
        let Some(word) = self.objects.get_mut(usize::from(self.depth / 64)) else {
            self.expect = Expect::Broken;
            return None;
        };
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        self.expect = if object { Expect::KeyOrEnd } else { Expect::ElementOrEnd };
        Some(Token::Open { object })
    }

    fn close<'a>(&mut self) -> Token<'a> {
        self.skip_opened();
        Token::Close
    }

    fn after_value(&mut self) {
        self.expect = if self.depth == 0 { Expect::End } else { Expect::CommaOrEnd };
    }

    fn in_object(&self) -> bool {
        let last = self.depth.saturating_sub(1);
        self.objects.get(usize::from(last / 64)).is_some_and(|word| word & (1 << (last % 64)) != 0)
    }

    fn string<'a>(&mut self, bytes: &'a [u8], at: &mut usize, key: bool, begun: bool) -> Option<Token<'a>> {
        let start = *at;
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return None;
        }
        let (mut end, mut cut) = (0, false);
        let last = loop {
            let Some(found) = rest.get(end..).and_then(quote_or_backslash) else {
                end = rest.len();
                break false;
            };
            end += found;
            if rest.get(end) == Some(&b'"') {
                break true;
            }
            // Asked once: where the text goes on in the next piece, it is read escape by escape.
            if !std::mem::replace(&mut cut, true)
                && let Some(found) = rest.get(end..).and_then(end_of_text)
            {
                end += found;
                break true;
            }
            end += 2;
            if end > rest.len() {
                self.expect = Expect::Escaped { key };
                *at = bytes.len();
                return Some(part(key, Part { bytes: rest, first: !begun, last: false }));
            }
        };
        *at = start + end + usize::from(last);
        if last {
            self.end_string(key);
        } else {
            self.expect = Expect::String { key, begun: true };
        }
        Some(part(key, Part { bytes: rest.get(..end).unwrap_or_default(), first: !begun, last }))
    }

    /// The byte after a backslash that was the last of its piece.
    fn escaped<'a>(&mut self, bytes: &'a [u8], at: &mut usize, key: bool) -> Option<Token<'a>> {
        let byte = bytes.get(*at..*at + 1)?;
        *at += 1;
        self.expect = Expect::String { key, begun: true };
        Some(part(key, Part { bytes: byte, first: false, last: false }))
    }

    fn end_string(&mut self, key: bool) {
        if key {
            self.expect = Expect::Colon;
        } else {
            self.after_value();
        }
    }
}

fn part(key: bool, part: Part<'_>) -> Token<'_> {
    if key { Token::Key(part) } else { Token::Text(part) }
}

#[cfg(test)]
mod tests;
