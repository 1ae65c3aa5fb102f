//! A pull scanner over a JSON text that lies in memory as a whole.
//!
//! It exists because a request body is read once and forwarded as it came: what is wanted of it is where a
//! handful of values stand, and that the rest has the structure of JSON. Structure is checked everywhere;
//! what is inside a string or a number that nobody asks for is not (a lone surrogate, a number beyond every
//! type): the provider reads the same bytes and may judge them. It does not recurse, and it does not allocate.

use std::ops::Range;

use crate::quote::{end_of_text, quote_or_backslash, quoted};

/// Objects and arrays inside one another, at most, within a value that is skipped.
const MAX_DEPTH: usize = 512;

/// Digits of a number that fits every type.
const DIGITS: usize = 15;

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Where, in bytes.
    pub(crate) at: usize,
    /// What was expected or found.
    pub(crate) what: &'static str,
}

/// What kind of value begins at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A string token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The bytes between the quotes.
    pub(crate) inside: Range<usize>,
}

impl Text {
    /// The token with its quotes.
    pub(crate) fn token(&self) -> Range<usize> {
        self.inside.start.saturating_sub(1)..self.inside.end.saturating_add(1)
    }
}

/// A place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte to be read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes of a span.
    pub(crate) fn slice(&self, span: &Range<usize>) -> &'a [u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    /// The kind of the next value, which is not consumed.
    #[inline]
    pub(crate) fn kind(&mut self) -> Result<Kind, Broken> {
        match self.token() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.broken("a value was expected")),
        }
    }

    /// Consumes the beginning of an object.
    pub(crate) fn open_object(&mut self) -> Result<(), Broken> {
        self.expect(b'{', "an object was expected")
    }

    /// Consumes the beginning of an array.
    pub(crate) fn open_array(&mut self) -> Result<(), Broken> {
        self.expect(b'[', "an array was expected")
    }

    /// The next key of an object and its colon, or none at the object's end. `first` tells whether the
    /// object was just opened.
    #[inline]
    pub(crate) fn key(&mut self, first: &mut bool) -> Result<Option<Text>, Broken> {
        let opened = std::mem::replace(first, false);
        match self.token() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !opened => self.at += 1,
            Some(b'"') if opened => {}
            _ => return Err(self.broken("a key or the end of the object was expected")),
        }
        self.member().map(Some)
    }

    /// The next member of an object, where it is what most are in a report of numbers: a key without escapes, no blanks,
    /// and digits. Nothing is consumed where it is anything else; digits that are no JSON number are something else.
    #[inline]
    pub(crate) fn number_member(&mut self, first: &mut bool) -> Option<(&'a [u8], u64)> {
        let comma = usize::from(!*first);
        if comma == 1 && self.bytes.get(self.at) != Some(&b',') {
            return None;
        }
        let key = quoted(self.bytes, self.at + comma)?;
        let colon = self.at + comma + key.len() + 2;
        let [b':', digits @ ..] = self.bytes.get(colon..)? else { return None };
        let (mut number, mut length) = (0_u64, 0);
        while let Some(digit @ b'0'..=b'9') = digits.get(length) {
            number = number * 10 + u64::from(digit - b'0');
            length += 1;
            if length > DIGITS || (number == 0 && length > 1) {
                return None;
            }
        }
        if length == 0 || !matches!(digits.get(length), Some(b',' | b'}')) {
            return None;
        }
        *first = false;
        self.at = colon + 1 + length;
        Some((key, number))
    }

    /// Whether another element of an array follows; consumes what is before it, or the array's end.
    #[inline]
    pub(crate) fn element(&mut self, first: &mut bool) -> Result<bool, Broken> {
        let opened = std::mem::replace(first, false);
        match self.token() {
            Some(b']') => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !opened => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if opened => Ok(true),
            _ => Err(self.broken("an element or the end of the array was expected")),
        }
    }

    /// Consumes a string.
    pub(crate) fn string(&mut self) -> Result<Text, Broken> {
        match self.token() {
            Some(b'"') => self.string_here(),
            _ => Err(self.broken("a string was expected")),
        }
    }

    /// Consumes any value and tells where it stands.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Broken> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            Kind::Object | Kind::Array => self.skip_nested()?,
            Kind::String => {
                self.string_here()?;
            }
            Kind::Number => self.number_here(),
            Kind::Bool | Kind::Null => self.word_here()?,
        }
        Ok(start..self.at)
    }

    fn skip_nested(&mut self) -> Result<(), Broken> {
        let mut stack = Stack::default();
        loop {
            match self.kind()? {
                Kind::Object => {
                    self.at += 1;
                    if self.token() == Some(b'}') {
                        self.at += 1;
                    } else {
                        stack.push(true).ok_or_else(|| self.broken("too deeply nested"))?;
                        self.member()?;
                        continue;
                    }
                }
                Kind::Array => {
                    self.at += 1;
                    if self.token() == Some(b']') {
                        self.at += 1;
                    } else {
                        stack.push(false).ok_or_else(|| self.broken("too deeply nested"))?;
                        continue;
                    }
                }
                Kind::String => {
                    self.string_here()?;
                }
                Kind::Number => self.number_here(),
                Kind::Bool | Kind::Null => self.word_here()?,
            }
            if self.close(&mut stack)? {
                return Ok(());
            }
        }
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.broken("something follows the value")),
        }
    }

    /// Closes what ends here; true if nothing is open any more, false if another value follows.
    #[inline]
    fn close(&mut self, stack: &mut Stack) -> Result<bool, Broken> {
        loop {
            let Some(in_object) = stack.top() else { return Ok(true) };
            match self.token() {
                Some(b',') => {
                    self.at += 1;
                    if in_object {
                        self.member()?;
                    }
                    return Ok(false);
                }
                Some(b'}') if in_object => {
                    self.at += 1;
                    stack.pop();
                }
                Some(b']') if !in_object => {
                    self.at += 1;
                    stack.pop();
                }
                _ => return Err(self.broken("a comma or a closing bracket was expected")),
            }
        }
    }

    /// A key and its colon.
    #[inline]
    fn member(&mut self) -> Result<Text, Broken> {
        let key = match self.token() {
            Some(b'"') => self.string_here()?,
            _ => return Err(self.broken("a key was expected")),
        };
        self.expect(b':', "a colon was expected")?;
        Ok(key)
    }

    /// The next byte that is not blank, not consumed.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        self.blank();
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Broken> {
        if self.token() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.broken(what))
        }
    }

    /// A string whose opening quote is the next byte. It ends at a quote that no backslash escapes; text that
    /// has one backslash has many (line breaks), so from there on it is read in blocks, escapes and all.
    #[inline]
    fn string_here(&mut self) -> Result<Text, Broken> {
        let start = self.at + 1;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let Some(found) = quote_or_backslash(rest) else { return Err(self.broken("a string does not end")) };
        if rest.get(found) == Some(&b'"') {
            self.at = start + found + 1;
            return Ok(Text { inside: start..start + found });
        }
        self.long_string(start, start + found)
    }

    /// The same from its first backslash on.
    fn long_string(&mut self, start: usize, backslash: usize) -> Result<Text, Broken> {
        let end = self.bytes.get(backslash..).and_then(end_of_text);
        let end = backslash + end.ok_or_else(|| self.broken("a string does not end"))?;
        self.at = end + 1;
        Ok(Text { inside: start..end })
    }

    /// Whatever looks like a number: which numbers are good is asked where one is acted on.
    #[inline]
    fn number_here(&mut self) {
        while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn word_here(&mut self) -> Result<(), Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let word = [&b"true"[..], b"false", b"null"].into_iter().find(|w| rest.starts_with(w));
        let word = word.ok_or_else(|| self.broken("a value was expected"))?;
        self.at += word.len();
        Ok(())
    }

    fn broken(&self, what: &'static str) -> Broken {
        Broken { at: self.at, what }
    }
}

/// Which brackets are open: one bit each, set for an object.
#[derive(Debug, Default)]
struct Stack {
    bits: [u64; MAX_DEPTH / 64],
    depth: usize,
}

impl Stack {
    #[inline]
    fn push(&mut self, object: bool) -> Option<()> {
        let word = self.bits.get_mut(self.depth / 64)?;
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Some(())
    }

    #[inline]
    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    #[inline]
    fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        self.bits.get(last / 64).map(|word| word & (1 << (last % 64)) != 0)
    }
}

#[cfg(test)]
mod tests;
