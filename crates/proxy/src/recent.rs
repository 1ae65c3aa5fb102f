//! The last calls of a sidecar, as JSON, for whoever asks it what happened.
//!
//! A bounded ring in memory, read over the admin socket. No prompts and no keys are in a record.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use sidegate_telemetry::CallRecord;

/// Calls kept.
const CAPACITY: usize = 64;

/// The ring.
#[derive(Default)]
pub struct Recent(Mutex<VecDeque<CallRecord>>);

impl Recent {
    /// Keeps a call, and forgets the oldest if there are too many.
    pub fn push(&self, record: CallRecord) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == CAPACITY {
            ring.pop_front();
        }
        ring.push_back(record);
    }

    /// The call with that request id, as JSON.
    #[must_use]
    pub fn find(&self, request_id: &str) -> Option<Vec<u8>> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().find(|r| r.request_id.as_str() == request_id).map(sidegate_telemetry::span::to_json)
    }

    /// All of them, newest first, as a JSON array.
    #[must_use]
    pub fn all(&self) -> Vec<u8> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut json = vec![b'['];
        for (i, record) in ring.iter().rev().enumerate() {
            if i > 0 {
                json.push(b',');
            }
            json.extend_from_slice(&sidegate_telemetry::span::to_json(record));
        }
        json.push(b']');
        json
    }
}
