//! Ids: ours of a call, and the caller's of its trace.

use std::fmt;

/// Our id of a call: 128 bits, told in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// Digits of one.
    pub const LEN: usize = 32;

    /// The id of these bits; whoever makes one draws them.
    #[must_use]
    pub fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads what [`write`](Self::write) wrote; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == Self::LEN).then(|| unhex(text.as_bytes()).map(Self)).flatten()
    }

    /// The bits that it was made of.
    #[must_use]
    pub fn bits(&self) -> u128 {
        self.0
    }

    /// Writes its digits.
    #[must_use]
    pub fn write<'a>(&self, digits: &'a mut [u8; Self::LEN]) -> &'a str {
        hex(&self.0.to_be_bytes(), digits);
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; Self::LEN]))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The caller's place in a trace, from a W3C `traceparent` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// Never 0.
    pub trace_id: u128,
    /// The caller's span; never 0.
    pub span_id: u64,
    /// The caller records the trace.
    pub sampled: bool,
}

impl TraceContext {
    /// Bytes of a `traceparent`.
    pub const LEN: usize = 55;

    /// Writes a `traceparent` of version 00.
    #[must_use]
    pub fn to_header(&self) -> [u8; Self::LEN] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        hex(&self.trace_id.to_be_bytes(), &mut text[3..35]);
        hex(&self.span_id.to_be_bytes(), &mut text[36..52]);
        text[54] += u8::from(self.sampled);
        text
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>` (<https://www.w3.org/TR/trace-context/>, 3.2): a later version
    /// may carry more behind a dash, version `ff` and ids of zeros are invalid, and so are capitals.
    #[must_use]
    pub fn parse(traceparent: &[u8]) -> Option<Self> {
        let (head, rest) = traceparent.split_at_checked(55)?;
        let version = unhex(head.get(..2)?)?;
        let more = match version {
            0 => rest.is_empty(),
            0xff => return None,
            _ => rest.first().is_none_or(|b| *b == b'-'),
        };
        if !more || [2, 35, 52].iter().any(|i| head.get(*i) != Some(&b'-')) {
            return None;
        }
        let trace_id = unhex(head.get(3..35)?)?;
        let span_id = u64::try_from(unhex(head.get(36..52)?)?).ok()?;
        let flags = unhex(head.get(53..55)?)?;
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

fn unhex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

/// Writes two digits for each byte.
pub(crate) fn hex(bytes: &[u8], text: &mut [u8]) {
    /// The digits of each byte: an id is written several times for every call.
    const PAIRS: [[u8; 2]; 256] = {
        let (digits, mut pairs, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
        while byte < pairs.len() {
            pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
            byte += 1;
        }
        pairs
    };
    let (pairs, _) = text.as_chunks_mut();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = PAIRS[usize::from(*byte)];
    }
}
