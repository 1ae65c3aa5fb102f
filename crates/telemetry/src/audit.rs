//! The audit trail: one line a call, and in the control plane one a change of an object, on their way to whoever
//! writes them.
//!
//! The queue is bounded in bytes and wakes nobody: settling a call appends its line, the [`Writer`] takes
//! everything at its own pace. A line that finds no room, there or on the disk, is dropped and counted. What a line
//! says is in [`line`] and [`change`] for machines and in [`human`] for people; `docs/audit.md` describes it, and
//! `docs/audit.schema.json` is its JSON Schema, both written from one description among the tests.

mod change;
mod file;
mod human;
mod line;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sidegate_policy::DryRun;

use crate::record::{CallRecord, ChangeRecord};

pub use file::Rotation;
pub use writer::{Output, Writer};

/// Entries of a list at most.
const MAX_ENTRIES: usize = 16;

/// Bytes that wait to be written, by default.
pub const DEFAULT_CAPACITY: usize = 1024 * 1024;

/// How a call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One readable line a call, in columns.
    Human {
        /// With colours, as a terminal understands them.
        colour: bool,
    },
}

/// Lines on their way to the writer.
#[derive(Debug)]
pub struct AuditQueue {
    format: Format,
    capacity: usize,
    waiting: Mutex<Vec<u8>>,
    dropped: AtomicU64,
}

impl AuditQueue {
    /// A queue for lines of that format, of at most `capacity` bytes together.
    #[must_use]
    pub fn new(format: Format, capacity: usize) -> Self {
        Self { format, capacity, waiting: Mutex::new(Vec::new()), dropped: AtomicU64::new(0) }
    }

    /// Appends the call's line, or counts it as dropped.
    pub fn push(&self, record: &CallRecord) {
        self.append(|lines| write(self.format, record, lines));
    }

    /// Appends the line of a change, or counts it as dropped. It is for machines whatever the queue's format.
    pub fn push_change(&self, record: &ChangeRecord) {
        self.append(|lines| {
            change::write(record, lines);
            lines.push(b'\n');
        });
    }

    #[inline]
    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.len();
        if before < self.capacity {
            write(&mut waiting);
        }
        if waiting.len() > self.capacity || waiting.len() == before {
            waiting.truncate(before);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Moves everything that waits to the end of `into`. With an empty `into` the two buffers change places,
    /// so that a writer that keeps its buffer allocates nothing.
    pub fn drain(&self, into: &mut Vec<u8>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if into.is_empty() {
            std::mem::swap(&mut *waiting, into);
        } else {
            into.append(&mut waiting);
        }
    }

    /// Counts lines that were taken from here and could not be written.
    pub fn lost(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines that found no room since the start, here or where they were to be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Default for AuditQueue {
    fn default() -> Self {
        Self::new(Format::default(), DEFAULT_CAPACITY)
    }
}

/// Appends the line of a call, its line break included.
pub fn write(format: Format, record: &CallRecord, out: &mut Vec<u8>) {
    match format {
        Format::Json => line::write(record, out),
        Format::Human { colour } => human::write(record, colour, out),
    }
    out.push(b'\n');
}

/// What a dry run would have done, in one word.
pub(crate) fn result_of(told: &DryRun) -> &'static str {
    match told {
        DryRun::Same => "same",
        DryRun::Refused { .. } => "refused",
        DryRun::Routed { .. } => "routed",
    }
}
