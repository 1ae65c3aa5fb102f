//! Where conversations began, so that their later turns go there too.
//!
//! A provider's prompt cache is warm only where the earlier turns went, and some state lives nowhere else.
//! The map is bounded: the oldest entry leaves first. It is asked only when a call already holds an answer
//! or names one; new conversations follow the weights.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use sidegate_policy::Pin;

/// Conversations remembered.
const CAPACITY: usize = 4096;

/// The conversations of one sidecar.
#[derive(Default)]
pub struct Pins(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_key: HashMap<u64, Pin>,
    oldest_first: VecDeque<u64>,
}

impl Pins {
    /// Where the conversation went before.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<Pin> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_key.get(&key).cloned()
    }

    /// Remembers where a turn went.
    pub fn put(&self, key: u64, pin: Pin) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.by_key.insert(key, pin).is_none() {
            entries.oldest_first.push_back(key);
        }
        if entries.oldest_first.len() > CAPACITY
            && let Some(oldest) = entries.oldest_first.pop_front()
        {
            entries.by_key.remove(&oldest);
        }
    }
}
