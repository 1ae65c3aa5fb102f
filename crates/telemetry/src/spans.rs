//! Calls whose spans wait to be sent: a queue that is bounded in bytes and wakes nobody.
//!
//! Settling a sampled call leaves a copy of its record here; whoever sends takes them by tick. Nothing is formatted or
//! encoded on the way in. A call that finds no room is dropped and counted: what is here when a back-end stops taking
//! stays, because it tells how the trouble began.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::record::CallRecord;

/// Bytes that wait to be sent, by default: some 1,700 calls.
pub const DEFAULT_CAPACITY: usize = 2 * 1024 * 1024;

/// Calls on their way to the tracing back-end.
#[derive(Debug)]
pub struct SpanQueue {
    capacity: usize,
    waiting: Mutex<VecDeque<CallRecord>>,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl SpanQueue {
    /// A queue of at most `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, waiting: Mutex::default(), bytes: AtomicUsize::new(0), dropped: AtomicU64::new(0) }
    }

    /// Keeps a copy of a call, or counts its spans as dropped.
    pub fn push(&self, record: &CallRecord) {
        let weight = record.weight();
        if self.bytes.fetch_add(weight, Ordering::Relaxed) + weight > self.capacity {
            self.bytes.fetch_sub(weight, Ordering::Relaxed);
            self.dropped.fetch_add(spans(record), Ordering::Relaxed);
            return;
        }
        let copy = record.clone();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(copy);
    }

    /// Moves the oldest calls to the end of `into`, `most` of them at most.
    pub fn take(&self, most: usize, into: &mut Vec<CallRecord>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = waiting.len().min(most);
        let before = into.len();
        into.extend(waiting.drain(..taken));
        if waiting.is_empty() {
            // What a burst took is given back.
            waiting.shrink_to(64);
        }
        drop(waiting);
        let weight: usize = into.iter().skip(before).map(CallRecord::weight).sum();
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Spans that found no room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

/// Spans that tell of a call: its own, and one for each attempt.
#[must_use]
pub fn spans(record: &CallRecord) -> u64 {
    record.attempts.len() as u64 + 1
}
