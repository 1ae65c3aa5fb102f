//! What a sidecar remembers of its calls for whoever asks: the last ones themselves, what all of them took, and
//! those that somebody watches as they end.
//!
//! One lock for all of it, taken once a call and never over an await; nobody is woken. Who wants to know comes and
//! looks: the control link by tick, the admin socket when it is asked. No prompts and no keys are kept.

mod ring;
mod sums;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidegate_telemetry::{CallRecord, RequestId};

use self::ring::Ring;
use self::sums::Sums;
use self::watch::Watches;

pub use sums::{Key, OTHER, Sum};
pub use watch::{Filter, Missed, Watch, Watched};

/// What is remembered.
#[derive(Default)]
pub struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    ring: Ring,
    sums: Sums,
    watches: Watches,
}

impl Recent {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a call that ended `now`, and forgets what there is no room for any more.
    pub fn push(&self, mut record: Box<CallRecord>, now: Duration) {
        // What policy lets a trace hold of prompts and answers is for the tracing back-end alone.
        record.detail = None;
        let mut kept = self.kept();
        kept.sums.add(&record, now);
        kept.watches.offer(&record, now);
        kept.ring.push(record);
    }

    /// The call with that request id.
    #[must_use]
    pub fn recall(&self, request_id: &str) -> Option<CallRecord> {
        self.kept().ring.find(RequestId::parse(request_id)?).cloned()
    }

    /// The call with that request id, as JSON.
    #[must_use]
    pub fn find(&self, request_id: &str) -> Option<Vec<u8>> {
        self.recall(request_id).as_ref().map(sidegate_telemetry::span::to_json)
    }

    /// The last of them, newest first, as a JSON array.
    #[must_use]
    pub fn all(&self) -> Vec<u8> {
        let mut json = vec![b'['];
        // One at a time: a call that settles meanwhile waits for a copy, and not for all of the text.
        let mut before = None;
        loop {
            let next = self.kept().ring.before(before).map(|(number, record)| (number, record.clone()));
            let Some((number, record)) = next else { break };
            if before.replace(number).is_some() {
                json.push(b',');
            }
            json.extend_from_slice(&sidegate_telemetry::span::to_json(&record));
        }
        json.push(b']');
        json
    }

    /// What ended since the last time that this was asked, by what ended alike, as far as it is of the last half a minute
    /// before `now`.
    #[must_use]
    pub fn take_sums(&self, now: Duration) -> Vec<Sum> {
        let taken = std::mem::take(&mut self.kept().sums);
        taken.into_vec(now)
    }

    /// Watches calls from now on, or goes on with it; one watch more than there may be is not begun.
    pub fn watch(&self, watch: Watch) {
        self.kept().watches.begin(watch);
    }

    /// Ends a watch.
    pub fn unwatch(&self, id: u64) {
        self.kept().watches.end(id);
    }

    /// Ends all of them.
    pub fn unwatch_all(&self) {
        self.kept().watches = Watches::default();
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !self.kept().watches.is_empty()
    }

    /// The oldest call that waits for those who watch.
    #[must_use]
    pub fn next_watched(&self) -> Option<Watched> {
        self.kept().watches.next()
    }

    /// What each watch missed since the last time that this was asked. Ends those whose lease is over `now`.
    #[must_use]
    pub fn take_missed(&self, now: Duration) -> Vec<Missed> {
        self.kept().watches.take_missed(now)
    }
}
