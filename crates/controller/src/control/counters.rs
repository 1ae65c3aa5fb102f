//! What has happened on the streams, and to statuses, since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only rise.
#[derive(Default)]
pub struct Counters {
    /// Policies sent.
    pub policies: AtomicU64,
    /// Sets of keys sent.
    pub credentials: AtomicU64,
    /// What sidecars took.
    pub acks: AtomicU64,
    /// What sidecars refused.
    pub nacks: AtomicU64,
    /// Times that keys were withheld from a peer that is not on loopback.
    pub withheld: AtomicU64,
    /// Streams that were told to come back later.
    pub turned_away: AtomicU64,
    /// Statuses written.
    pub statuses: AtomicU64,
    /// Statuses that the API server did not take.
    pub statuses_failed: AtomicU64,
}

impl Counters {
    pub(crate) fn raise(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
