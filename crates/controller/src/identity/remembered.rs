//! Answers of the last minute: a sidecar that comes back costs no question, also while nobody answers any.
//!
//! Only good answers are remembered, by the digest of the token, and no more of them than there are streams.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Bound;

/// How long an answer counts. A pod that was deleted may come back for so long.
const FRESH: Duration = Duration::from_secs(60);
/// Answers kept.
const MOST: usize = 20_000;

/// An answer, and when it was given.
type Answer = (Instant, Bound);

#[derive(Default)]
pub(super) struct Remembered {
    /// By the digest of the token.
    answers: Mutex<HashMap<Box<[u8]>, Answer>>,
}

impl Remembered {
    pub(super) fn get(&self, digest: &[u8]) -> Option<Bound> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(digest).filter(|(since, _)| since.elapsed() <= FRESH).map(|(_, bound)| bound.clone())
    }

    /// Remembers an answer; when there is no room even without the old ones, it is asked for again next time.
    pub(super) fn put(&self, digest: &[u8], bound: Bound) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (since, _)| since.elapsed() <= FRESH);
        }
        if answers.len() < MOST {
            answers.insert(digest.into(), (Instant::now(), bound));
        }
    }
}
