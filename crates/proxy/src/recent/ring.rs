//! The last calls, and longer than these the ones that are asked about: those that failed, were refused, needed more
//! than one attempt or would not have passed a dry run. Bounded by count and by bytes.

use std::collections::VecDeque;

use sidegate_telemetry::{CallRecord, Outcome, RequestId};

/// Calls of either kind.
const MOST: usize = 128;
/// Bytes of either kind.
const MOST_BYTES: usize = 256 * 1024;

/// The calls that are remembered.
#[derive(Default)]
pub(super) struct Ring {
    /// How many calls there were before the oldest of `last`.
    first: u64,
    last: Row,
    troubled: Row,
}

/// Calls in their order, each with its bytes.
#[derive(Default)]
struct Row {
    calls: VecDeque<(usize, Box<CallRecord>)>,
    bytes: usize,
}

impl Row {
    fn push(&mut self, bytes: usize, record: Box<CallRecord>) {
        self.bytes += bytes;
        self.calls.push_back((bytes, record));
    }

    /// The oldest one, if it has to go.
    fn overflow(&mut self) -> Option<(usize, Box<CallRecord>)> {
        if self.calls.len() <= MOST && self.bytes <= MOST_BYTES {
            return None;
        }
        let (bytes, record) = self.calls.pop_front()?;
        self.bytes -= bytes;
        Some((bytes, record))
    }

    fn find(&self, request_id: RequestId) -> Option<&CallRecord> {
        self.calls.iter().rev().map(|(_, record)| &**record).find(|record| record.request_id == request_id)
    }
}

impl Ring {
    /// Remembers a call, and forgets what there is no room for any more.
    pub(super) fn push(&mut self, record: Box<CallRecord>) {
        self.last.push(record.weight(), record);
        while let Some((bytes, record)) = self.last.overflow() {
            self.first += 1;
            if is_troubled(&record) {
                self.troubled.push(bytes, record);
            }
        }
        while self.troubled.overflow().is_some() {}
    }

    pub(super) fn find(&self, request_id: RequestId) -> Option<&CallRecord> {
        self.last.find(request_id).or_else(|| self.troubled.find(request_id))
    }

    /// The newest of the last calls with a number below `before`, and its number.
    pub(super) fn before(&self, before: Option<u64>) -> Option<(u64, &CallRecord)> {
        let end = self.first + self.last.calls.len() as u64;
        let number = before.unwrap_or(end).min(end).checked_sub(1)?;
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.last.calls.get(at).map(|(_, record)| (number, &**record))
    }
}

fn is_troubled(record: &CallRecord) -> bool {
    record.outcome != Outcome::Answered || record.attempts.len() > 1 || !record.limits_would_refuse.is_empty()
}
