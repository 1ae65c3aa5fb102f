//! What has happened on the streams, and to statuses, since the start.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram as Told;
use sidegate_telemetry::instrument::{Bounds, Histogram};

use crate::live::Verb;

/// Seconds from sending something to its answer: from a local peer to one that is given up.
static ANSWERS: Bounds = Bounds {
    classic: &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
    native: (-12, 8),
};

/// What has been sent of one subject, and what became of it.
pub struct PerSubject {
    /// Messages sent.
    pub pushes: AtomicU64,
    /// What sidecars took.
    pub acks: AtomicU64,
    /// What sidecars refused.
    pub nacks: AtomicU64,
    /// Seconds until they took it.
    pub took: Histogram,
    /// What is told the same, as that of this subject, where metrics are sent by OTLP.
    beside: OnceLock<(Told<f64>, KeyValue)>,
}

/// What people asked.
#[derive(Default)]
pub struct PerVerb {
    /// Those who were answered.
    pub admitted: AtomicU64,
    /// Those who were not.
    pub refused: AtomicU64,
}

impl Default for PerSubject {
    fn default() -> Self {
        let zero = AtomicU64::default;
        Self { pushes: zero(), acks: zero(), nacks: zero(), took: Histogram::new(&ANSWERS), beside: OnceLock::new() }
    }
}

impl PerSubject {
    /// A sidecar took something after so many seconds.
    pub(crate) fn took_after(&self, seconds: f64) {
        self.took.observe(seconds, None);
        if let Some((told, subject)) = self.beside.get() {
            told.record(seconds, std::slice::from_ref(subject));
        }
    }

    /// From now on `told` is told the same; only the first one counts.
    pub(crate) fn tell_beside(&self, told: Told<f64>, subject: KeyValue) {
        let _ = self.beside.set((told, subject));
    }
}

/// Counts that only rise.
#[derive(Default)]
pub struct Counters {
    /// Policies.
    pub policies: PerSubject,
    /// Sets of keys.
    pub credentials: PerSubject,
    /// Times that keys were withheld from a peer that is not on loopback.
    pub withheld: AtomicU64,
    /// Streams that were told to come back later.
    pub turned_away: AtomicU64,
    /// People who wanted to watch calls.
    pub taps: PerVerb,
    /// People who wanted to know what calls took.
    pub tops: PerVerb,
    /// People who wanted the record of a call.
    pub traces: PerVerb,
    /// Statuses written.
    pub statuses: AtomicU64,
    /// Statuses that the API server did not take.
    pub statuses_failed: AtomicU64,
}

impl Counters {
    /// Those of one subject.
    pub(crate) fn of(&self, credentials: bool) -> &PerSubject {
        if credentials { &self.credentials } else { &self.policies }
    }

    /// Those of each subject, under its name.
    pub(crate) fn subjects(&self) -> [(&'static str, &PerSubject); 2] {
        [("policy", &self.policies), ("credentials", &self.credentials)]
    }

    /// Those of one kind of question.
    pub(crate) fn asked(&self, verb: Verb) -> &PerVerb {
        match verb {
            Verb::Tap => &self.taps,
            Verb::Top => &self.tops,
            Verb::Trace => &self.traces,
        }
    }

    pub(crate) fn raise(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
