//! Who may write: one replica at a time, by a `coordination.k8s.io/Lease`.
//!
//! Every replica serves streams; status and events come from one of them, or they would contradict each other. The
//! decision is the pure [`Election`]; [`Keeper`] asks and tells the API server. What is written, and for how long a
//! writer goes on that was told to stop, is not known here.
//!
//! A Lease alone fences nobody: a holder may be paused between looking at its lease and writing. Hence three rules.
//! The right to write is a [`Term`] that ends by the holder's own monotonic clock, counted from before its renewal was
//! sent and [`Pace::margin`] before anybody else may take the lease; whoever writes looks at it before each write.
//! A term's number is `leaseTransitions`, raised by every take, so that what belongs to an older one is known as such.
//! And what is written late all the same must carry the `resourceVersion` that it was worked out from: the API server
//! refuses it once the new holder has written to the same object.

mod election;
mod keeper;

use std::time::Duration;

use tokio::time::Instant;

pub use election::{Election, Seen, Step};
pub use keeper::{Candidate, Keeper};

/// The times of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Others wait this long after the last change that they saw.
    pub duration: Duration,
    /// Between the holder's renewals: a third of [`Self::duration`].
    pub renew: Duration,
    /// Between looks of those who wait, and after a failure.
    pub retry: Duration,
    /// The holder stops this long before others could take the lease: longer than one write may take.
    pub margin: Duration,
}

impl Pace {
    /// A lease of 30 s: a dead holder is replaced within 33 s, and one that cannot renew stops after 20 s.
    pub const DEFAULT: Self = Self::lasting(Duration::from_secs(30));

    /// The pace of a lease that lasts `duration`.
    #[must_use]
    pub const fn lasting(duration: Duration) -> Self {
        let millis = duration.as_millis();
        // A lease is seconds to minutes long.
        #[expect(clippy::cast_possible_truncation, reason = "a duration of a lease in milliseconds fits")]
        let millis = millis as u64;
        Self {
            duration,
            renew: Duration::from_millis(millis / 3),
            retry: Duration::from_millis(millis / 15),
            margin: Duration::from_millis(millis / 3),
        }
    }
}

/// The right to write, until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// `leaseTransitions` of the lease: higher than in every term before.
    pub number: i32,
    /// When it ends, unless it is renewed.
    pub until: Instant,
}

impl Term {
    /// Whether something may be written at `now`.
    #[must_use]
    pub fn allows(&self, now: Instant) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests;
