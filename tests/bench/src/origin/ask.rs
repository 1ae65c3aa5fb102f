//! What a request wants, read as its bytes arrive and without keeping them.
//!
//! Not here: JSON. A body asks for a stream when it holds `"stream"` and then `true` anywhere,
//! and for usage likewise; the bodies of a benchmark do not quote those words elsewhere.

use std::io;
use std::time::Duration;

use memchr::memmem;

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One JSON object.
    Answer,
    /// Server-sent events, the last of them with usage if it is asked for.
    Stream { usage: bool },
    /// Spans are taken; what they say is nobody's business here.
    Spans,
    /// Streams shall go like this from now on.
    Pace { events: usize, pause: Duration },
}

/// The longest head that is read.
const LONGEST_HEAD: usize = 64 << 10;

/// The longest of the words that are looked for, with a space and `true`.
const LONGEST_WORD: usize = r#""include_usage": true"#.len();

/// One request on its way in.
#[derive(Debug, Default)]
pub(super) struct Ask {
    /// The head until it is whole, then the last bytes of the body: a word may be cut in two.
    kept: Vec<u8>,
    /// Bytes of body to come, once the head has been read.
    left: Option<usize>,
    pace: Option<(usize, Duration)>,
    spans: bool,
    stream: bool,
    usage: bool,
}

impl Ask {
    /// Reads what has arrived; false when the peer has closed between two requests.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if bytes.is_empty() {
            return match (self.left, self.kept.is_empty()) {
                (None, true) => Ok(false),
                _ => Err(invalid("request cut short")),
            };
        }
        match self.left {
            Some(left) => self.body(bytes, left)?,
            None => {
                self.kept.extend_from_slice(bytes);
                match memmem::find(&self.kept, b"\r\n\r\n") {
                    Some(at) => self.head_and_rest(at + 4)?,
                    None if self.kept.len() > LONGEST_HEAD => {
                        return Err(invalid("head without end"));
                    }
                    None => {}
                }
            }
        }
        Ok(true)
    }

    /// The request, if it is whole; ready for the next one then.
    pub(super) fn take(&mut self) -> Option<Wanted> {
        if self.left != Some(0) {
            return None;
        }
        let wanted = match (self.pace, self.stream) {
            (Some((events, pause)), _) => Wanted::Pace { events, pause },
            (None, _) if self.spans => Wanted::Spans,
            (None, true) => Wanted::Stream { usage: self.usage },
            (None, false) => Wanted::Answer,
        };
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        *self = Self { kept, ..Self::default() };
        Some(wanted)
    }

    fn head_and_rest(&mut self, end: usize) -> io::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let (head, rest) = kept.split_at(end);
        let head = std::str::from_utf8(head).map_err(|_| invalid("head is not text"))?;
        let length = head
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .ok_or_else(|| invalid("no content-length"))?;
        let target = head.split(' ').nth(1).unwrap_or_default();
        self.pace = pace(target);
        self.spans = target == "/v1/traces";
        self.left = Some(length);
        self.body(rest, length)
    }

    fn body(&mut self, bytes: &[u8], left: usize) -> io::Result<()> {
        let left = left.checked_sub(bytes.len()).ok_or_else(|| invalid("bytes after the end of the body"))?;
        self.left = Some(left);
        self.look(bytes);
        // A word may straddle two reads: look at the seam, and keep the end for the next one.
        let seam = &bytes[..bytes.len().min(LONGEST_WORD)];
        self.kept.extend_from_slice(seam);
        let mut kept = std::mem::take(&mut self.kept);
        self.look(&kept);
        if seam.len() == LONGEST_WORD {
            kept.clear();
            kept.extend_from_slice(&bytes[bytes.len() - LONGEST_WORD..]);
        } else {
            kept.drain(..kept.len().saturating_sub(LONGEST_WORD));
        }
        self.kept = kept;
        Ok(())
    }

    fn look(&mut self, bytes: &[u8]) {
        self.stream |= asks(bytes, br#""stream":"#);
        self.usage |= asks(bytes, br#""include_usage":"#);
    }
}

fn asks(bytes: &[u8], key: &[u8]) -> bool {
    memmem::find_iter(bytes, key).any(|at| bytes[at + key.len()..].trim_ascii_start().starts_with(b"true"))
}

fn pace(target: &str) -> Option<(usize, Duration)> {
    let query = target.strip_prefix("/bench/stream?")?;
    let value = |name| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(n, _)| *n == name)
            .and_then(|(_, value)| value.parse::<u64>().ok())
    };
    let events = usize::try_from(value("events")?).ok()?;
    Some((events, Duration::from_millis(value("pause-ms")?)))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
