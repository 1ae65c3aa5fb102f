//! One HTTP/1.1 answer, read as its bytes arrive: where the body ends, how many bytes it has and
//! how many server-sent events. Nothing is kept but counts.
//!
//! Not here: HTTP at large. It reads what a proxy or the simulator may answer to a POST, and
//! calls everything else malformed.

use memchr::{memchr, memmem};
use thiserror::Error;

/// Bytes that are no HTTP/1.1 answer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("malformed answer: {0}")]
pub struct Malformed(&'static str);

/// The longest head or framing line that is read.
const LONGEST_HEAD: usize = 64 << 10;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Head,
    /// So many bytes of body are left.
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    /// The line end that closes a chunk.
    ChunkEnd,
    Trailer,
    /// The body ends with the connection.
    UntilClose,
    Done,
}

/// The reading of one answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The status, 0 until the head has been read.
    pub status: u16,
    /// Bytes of body so far, without framing.
    pub bytes: u64,
    /// Lines that begin with `data:` so far.
    pub events: u64,
    /// The peer closes the connection after this answer.
    pub closes: bool,
    stage: Stage,
    /// A head or framing line of which only the beginning has arrived.
    partial: Vec<u8>,
    line: LineStart,
}

/// How much of `data:` the current line has matched so far.
#[derive(Debug, Clone, Copy)]
enum LineStart {
    Matching(usize),
    Passed,
}

impl Default for LineStart {
    fn default() -> Self {
        Self::Matching(0)
    }
}

impl Answer {
    /// Ready for the next answer on the same connection; buffers stay.
    pub fn reset(&mut self) {
        let mut partial = std::mem::take(&mut self.partial);
        partial.clear();
        *self = Self { partial, ..Self::default() };
    }

    /// The body has ended.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Reads what has arrived.
    ///
    /// # Errors
    /// When the bytes are no answer, or go on after its end.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            bytes = match self.stage {
                Stage::Head => self.head(bytes)?,
                Stage::ChunkSize | Stage::ChunkEnd | Stage::Trailer => self.framing(bytes)?,
                Stage::Sized(left) => {
                    let (body, rest) = split(bytes, left);
                    self.body(body);
                    let left = left - body.len() as u64;
                    self.stage = if left == 0 { Stage::Done } else { Stage::Sized(left) };
                    rest
                }
                Stage::Chunk(left) => {
                    let (body, rest) = split(bytes, left);
                    self.body(body);
                    let left = left - body.len() as u64;
                    self.stage = if left == 0 { Stage::ChunkEnd } else { Stage::Chunk(left) };
                    rest
                }
                Stage::UntilClose => {
                    self.body(bytes);
                    &[]
                }
                Stage::Done => return Err(Malformed("bytes after the end of the body")),
            };
        }
        Ok(())
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// When the answer had not.
    pub fn close(&mut self) -> Result<(), Malformed> {
        match self.stage {
            Stage::Done => Ok(()),
            Stage::UntilClose => {
                self.stage = Stage::Done;
                Ok(())
            }
            Stage::Head => Err(Malformed("connection closed before the end of the head")),
            _ => Err(Malformed("connection closed before the end of the body")),
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        // The end may straddle two reads: look again from three bytes before the new ones.
        let from = self.partial.len().saturating_sub(3);
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let Some(at) = memmem::find(&self.partial[from..], b"\r\n\r\n") else {
            return match self.partial.len() {
                0..LONGEST_HEAD => Ok(&[]),
                _ => Err(Malformed("head without end")),
            };
        };
        let end = from + at + 4;
        let head = std::mem::take(&mut self.partial);
        self.read_head(&head[..end])?;
        self.partial = head;
        self.partial.clear();
        Ok(&bytes[end - before..])
    }

    fn read_head(&mut self, head: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(head).map_err(|_| Malformed("head is not text"))?;
        let mut lines = text.split("\r\n");
        self.status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.get(..3))
            .and_then(|code| code.parse().ok())
            .ok_or(Malformed("status line"))?;
        let mut stage = Stage::UntilClose;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                stage = match value.parse().map_err(|_| Malformed("content-length"))? {
                    0 => Stage::Done,
                    length => Stage::Sized(length),
                };
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                stage = Stage::ChunkSize;
            } else if name.eq_ignore_ascii_case("connection") {
                self.closes = value.eq_ignore_ascii_case("close");
            }
        }
        self.closes |= stage == Stage::UntilClose;
        self.stage = stage;
        Ok(())
    }

    /// One line of chunked framing: a size, the empty line after a chunk, or the trailer.
    fn framing<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let Some(at) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            return match self.partial.len() {
                0..LONGEST_HEAD => Ok(&[]),
                _ => Err(Malformed("framing line without end")),
            };
        };
        if self.partial.is_empty() {
            self.stage = self.stage_after(&bytes[..at])?;
        } else {
            self.partial.extend_from_slice(&bytes[..at]);
            self.stage = self.stage_after(&self.partial)?;
            self.partial.clear();
        }
        Ok(&bytes[at + 1..])
    }

    fn stage_after(&self, line: &[u8]) -> Result<Stage, Malformed> {
        let line = line.trim_ascii();
        match self.stage {
            Stage::ChunkEnd if line.is_empty() => Ok(Stage::ChunkSize),
            Stage::ChunkEnd => Err(Malformed("chunk longer than its size")),
            Stage::Trailer if line.is_empty() => Ok(Stage::Done),
            Stage::Trailer => Ok(Stage::Trailer),
            _ => match chunk_size(line)? {
                0 => Ok(Stage::Trailer),
                size => Ok(Stage::Chunk(size)),
            },
        }
    }

    fn body(&mut self, mut body: &[u8]) {
        const MARK: &[u8] = b"data:";
        self.bytes += body.len() as u64;
        while let Some(&byte) = body.first() {
            match self.line {
                LineStart::Passed => match memchr(b'\n', body) {
                    None => return,
                    Some(at) => {
                        body = &body[at + 1..];
                        self.line = LineStart::Matching(0);
                    }
                },
                LineStart::Matching(n) => {
                    self.line = if byte == MARK[n] && n + 1 == MARK.len() {
                        self.events += 1;
                        LineStart::Passed
                    } else if byte == MARK[n] {
                        LineStart::Matching(n + 1)
                    } else if byte == b'\n' {
                        LineStart::Matching(0)
                    } else {
                        LineStart::Passed
                    };
                    body = &body[1..];
                }
            }
        }
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len())))
}

fn chunk_size(line: &[u8]) -> Result<u64, Malformed> {
    let size = line.split(|&b| b == b';').next().unwrap_or_default();
    std::str::from_utf8(size.trim_ascii())
        .ok()
        .and_then(|size| u64::from_str_radix(size, 16).ok())
        .ok_or(Malformed("chunk size"))
}

#[cfg(test)]
mod tests;
