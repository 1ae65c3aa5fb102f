//! Protobuf's wire format (<https://protobuf.dev/programming-guides/encoding/>), written straight into bytes.
//!
//! For what is told too often to make messages of it first. It knows no schema: whoever writes names the fields, in
//! their order, and leaves out what has its default. Reading is not here.

#[cfg(test)]
mod tests;

/// How a value of a field is written: as groups of seven bits,
const VARINT: u32 = 0;
/// as eight bytes,
const FIXED64: u32 = 1;
/// behind its length,
const LENGTH: u32 = 2;
/// as four bytes.
const FIXED32: u32 = 5;

/// A message in the making.
pub(super) struct Message<'a>(pub(super) &'a mut Vec<u8>);

impl Message<'_> {
    fn key(&mut self, field: u32, form: u32) {
        varint(u64::from(field << 3 | form), |digit| self.0.push(digit));
    }

    /// A number of any kind but the fixed ones, an enum or a bool.
    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        varint(value, |digit| self.0.push(digit));
    }

    /// A `fixed64`, or the bits of a `double`.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.key(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A `fixed32`.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.key(field, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A text or bytes.
    #[expect(clippy::inline_always, reason = "a key whose length is known is written without a call")]
    #[inline(always)]
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.head(field, value.len());
        self.0.extend_from_slice(value);
    }

    /// What stands before a text, bytes or a message of that length.
    #[inline]
    pub(super) fn head(&mut self, field: u32, length: usize) {
        self.key(field, LENGTH);
        varint(length as u64, |digit| self.0.push(digit));
    }

    /// A text that is still to be made, and of which so many bytes are kept, never with half a character at their end.
    pub(super) fn text(&mut self, field: u32, most: usize, make: impl FnOnce(&mut Vec<u8>)) {
        self.message(field, |text| {
            let start = text.0.len();
            make(text.0);
            if text.0.len() - start > most {
                let made = text.0.get(start..).unwrap_or_default();
                let is_within = |at: &usize| made.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
                let kept = (0..=most).rev().find(|at| !is_within(at)).unwrap_or(0);
                text.0.truncate(start + kept);
            }
        });
    }

    /// A message within. Most are short: its length has one byte, unless it turns out to need more.
    #[expect(clippy::inline_always, reason = "what is known of the fields within is known here too")]
    #[inline(always)]
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.key(field, LENGTH);
        let start = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len() - start - 1;
        match (u8::try_from(length), self.0.get_mut(start)) {
            (Ok(length @ ..0x80), Some(place)) => *place = length,
            _ => lengthen(self.0, start, length),
        }
    }
}

/// Bytes of a field below 16 that is a text, bytes or a message of that length.
#[inline]
pub(super) fn sized(length: usize) -> usize {
    let bits = usize::BITS - (length | 1).leading_zeros();
    1 + bits.div_ceil(7) as usize + length
}

/// Makes room for a length of several bytes where there was room for one.
fn lengthen(into: &mut Vec<u8>, start: usize, length: usize) {
    let (mut digits, mut written) = ([0; 10], 0);
    varint(length as u64, |digit| {
        if let Some(place) = digits.get_mut(written) {
            *place = digit;
            written += 1;
        }
    });
    into.splice(start..=start, digits.into_iter().take(written));
}

/// Seven bits in each byte, the lowest first; the top bit says that there are more.
#[inline]
fn varint(mut value: u64, mut put: impl FnMut(u8)) {
    while value >= 0x80 {
        put(value as u8 | 0x80);
        value >>= 7;
    }
    put(value as u8);
}
