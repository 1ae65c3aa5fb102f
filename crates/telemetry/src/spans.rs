//! Spans that wait to be sent: a queue that is bounded in bytes and wakes nobody.
//!
//! Settling a traced call appends its spans here, encoded; whoever sends them takes them by tick, a batch at a time, and
//! gives its buffer back. A call that finds no room is dropped and counted, and so are those after it until a batch is
//! taken: what is here when a back-end stops taking stays, because it tells how the trouble began, and nobody encodes for
//! nothing.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::otlp::spans::write;
use crate::record::CallRecord;

/// Bytes that wait to be sent, by default: the spans of some 700 calls.
pub const DEFAULT_CAPACITY: usize = 2 * 1024 * 1024;
/// Bytes that make a batch full.
const FULL: usize = 256 * 1024;
/// Bytes of a batch's buffer. Most calls that make a batch full need less than is left beyond it.
const BUFFER: usize = FULL + 8 * 1024;

/// Encoded spans.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many.
    pub spans: u64,
    /// They themselves, one after the other, as a list in a message of OTLP.
    pub bytes: Vec<u8>,
}

/// Spans on their way to the tracing back-end.
#[derive(Debug)]
pub struct SpanQueue {
    capacity: usize,
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    full: VecDeque<Batch>,
    filling: Batch,
    /// Of all of them.
    bytes: usize,
    /// A call found no room; nobody tries until some is made.
    overflows: bool,
    /// A buffer that was used before.
    spare: Vec<u8>,
}

impl SpanQueue {
    /// A queue of at most `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, waiting: Mutex::default(), dropped: AtomicU64::new(0) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends the spans of a call, or counts them as dropped.
    pub fn push(&self, record: &CallRecord) {
        if !self.waiting().append(record, self.capacity) {
            self.dropped.fetch_add(spans(record), Ordering::Relaxed);
        }
    }

    /// The oldest batch, if it is full.
    #[must_use]
    pub fn take_full(&self) -> Option<Batch> {
        let mut waiting = self.waiting();
        let batch = waiting.full.pop_front()?;
        Some(waiting.taken(batch))
    }

    /// The oldest batch, full or not.
    #[must_use]
    pub fn take(&self) -> Option<Batch> {
        let mut waiting = self.waiting();
        let batch = waiting.full.pop_front().unwrap_or_else(|| std::mem::take(&mut waiting.filling));
        (batch.spans > 0).then(|| waiting.taken(batch))
    }

    /// Takes back the buffer of a batch.
    pub fn give_back(&self, mut bytes: Vec<u8>) {
        // One that has grown more than once, for what somebody said to a model, is not kept.
        if bytes.capacity() <= 2 * BUFFER {
            bytes.clear();
            self.waiting().spare = bytes;
        }
    }

    /// Spans that found no room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.waiting().bytes
    }
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

impl Waiting {
    /// Whether there was room.
    fn append(&mut self, record: &CallRecord, capacity: usize) -> bool {
        if self.overflows {
            return false;
        }
        let batch = &mut self.filling;
        if batch.bytes.capacity() == 0 {
            batch.bytes = std::mem::take(&mut self.spare);
            batch.bytes.reserve(BUFFER);
        }
        let before = batch.bytes.len();
        write(record, &mut batch.bytes);
        let grown = batch.bytes.len() - before;
        if self.bytes + grown > capacity {
            batch.bytes.truncate(before);
            self.overflows = self.bytes > 0;
            return false;
        }
        batch.spans += spans(record);
        self.bytes += grown;
        if batch.bytes.len() >= FULL {
            self.full.push_back(std::mem::take(batch));
        }
        true
    }

    fn taken(&mut self, batch: Batch) -> Batch {
        self.bytes = self.bytes.saturating_sub(batch.bytes.len());
        self.overflows = false;
        batch
    }
}

/// Spans that tell of a call: its own, and one for each attempt.
fn spans(record: &CallRecord) -> u64 {
    record.attempts.len() as u64 + 1
}
