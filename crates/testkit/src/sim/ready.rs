//! Answers kept ready, for when the simulator is a load target.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use super::script::Play;

/// Most answers that are kept ready.
const READY: usize = 256;

/// Answers kept ready, by the digest of their request.
#[derive(Default)]
pub(crate) struct Ready(Mutex<HashMap<u64, Play, FixedState>>);

impl Ready {
    pub(crate) fn get(&self, digest: u64) -> Option<Play> {
        self.lock().get(&digest).cloned()
    }

    pub(crate) fn put(&self, digest: u64, play: Play) {
        let mut ready = self.lock();
        if ready.len() >= READY {
            ready.clear();
        }
        ready.insert(digest, play);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Play, FixedState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
