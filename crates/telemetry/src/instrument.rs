//! What counts: counters, gauges, histograms, bounded families of them, and the register that reads them all.
//!
//! Counting takes no lock and allocates nothing: handles are shared, and what is behind them are atomics. A lock
//! is taken for the value of a sampled call, which is kept as an exemplar, and a copy is made where a family
//! gets a new label set. Written here instead of taken from `prometheus-client`, whose histograms lock for each
//! value, whose exemplars and native buckets exclude each other, and which has no form for older scrapers.

mod capped;
mod histogram;
mod register;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;

pub use capped::Capped;
pub use histogram::{Bounds, Histogram, Traced};
pub use register::Register;

use crate::exposition::{Kind, Labels, Sample, Value};

/// Something that can be read at any time.
pub trait Instrument: Send + Sync {
    /// What its samples are.
    fn kind(&self) -> Kind;
    /// Adds its samples, each with `labels` before its own.
    fn read(&self, labels: &Labels, into: &mut Vec<Sample>);
}

/// A number that only rises.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// So many more.
    pub fn inc_by(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Brings it up to a total that is counted elsewhere.
    pub fn raise(&self, total: u64) {
        self.0.fetch_max(total, Ordering::Relaxed);
    }
}

impl Instrument for Counter {
    fn kind(&self) -> Kind {
        Kind::Counter
    }

    fn read(&self, labels: &Labels, into: &mut Vec<Sample>) {
        into.push(Sample { labels: labels.clone(), value: Value::Count(self.0.load(Ordering::Relaxed)) });
    }
}

/// A number that rises and falls.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets it; the number before.
    pub fn set(&self, level: i64) -> i64 {
        self.0.swap(level, Ordering::Relaxed)
    }
}

impl Instrument for Gauge {
    fn kind(&self) -> Kind {
        Kind::Gauge
    }

    fn read(&self, labels: &Labels, into: &mut Vec<Sample>) {
        into.push(Sample { labels: labels.clone(), value: Value::Level(self.0.load(Ordering::Relaxed)) });
    }
}

/// Gauges that are told all at once, so that those that are gone are not told any more.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<ArcSwap<Vec<(Labels, i64)>>>);

impl Board {
    /// Tells these, and no others.
    pub fn tell(&self, levels: Vec<(Labels, i64)>) {
        self.0.store(Arc::new(levels));
    }
}

impl Instrument for Board {
    fn kind(&self) -> Kind {
        Kind::Gauge
    }

    fn read(&self, labels: &Labels, into: &mut Vec<Sample>) {
        let sample = |(own, level): &(Labels, i64)| Sample {
            labels: labels.iter().chain(own).cloned().collect(),
            value: Value::Level(*level),
        };
        into.extend(self.0.load().iter().map(sample));
    }
}
