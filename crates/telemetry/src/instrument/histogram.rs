//! A histogram of atomics: classic buckets as the conventions have them, and native ones, which are finer.
//!
//! The native buckets are of schema 3: eight for each doubling, 9 % apart, as Prometheus numbers them
//! (<https://prometheus.io/docs/specs/native_histograms/>). Their range is fixed, so that they are an array:
//! what lies below counts as zero, what lies above counts for the last one. The sum of the classic buckets is
//! the count, so that a reader never sees more of one than of the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::Instrument;
use crate::exposition::{Bucket, Exemplar, Kind, Labels, Native, Sample, Spread, Value};

/// Native buckets for each doubling, as a power of two.
const SCHEMA: i32 = 3;
const EACH: usize = 1 << SCHEMA;
/// Where in a doubling they end: `2^(i/8)`, for values from 1 up to 2.
const ENDS: [f64; EACH] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];

/// Which values a histogram tells apart.
#[derive(Debug)]
pub struct Bounds {
    /// Upper bounds of the classic buckets, ascending; one without bound follows them.
    pub classic: &'static [f64],
    /// Powers of two between which there are native buckets.
    pub native: (i16, i16),
}

/// The trace of a sampled call.
#[derive(Debug, Clone, Copy)]
pub struct Traced {
    /// The trace.
    pub trace_id: u128,
    /// The span in it.
    pub span_id: u64,
    /// When it ended.
    pub at: Timestamp,
}

/// A distribution.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: &'static Bounds,
    classic: Box<[AtomicU64]>,
    native: Box<[AtomicU64]>,
    zero: AtomicU64,
    /// Bits of an `f64`.
    sum: AtomicU64,
    /// One a classic bucket, from the first sampled value on.
    exemplars: Mutex<Box<[Option<Exemplar>]>>,
}

impl Histogram {
    /// One without values.
    #[must_use]
    pub fn new(bounds: &'static Bounds) -> Self {
        let zeros = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        let doublings = usize::try_from(bounds.native.1 - bounds.native.0).unwrap_or(0);
        Self(Arc::new(Shared {
            bounds,
            classic: zeros(bounds.classic.len() + 1),
            native: zeros(doublings * EACH),
            zero: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            exemplars: Mutex::default(),
        }))
    }

    /// Counts a value; one of a sampled call may be shown with its trace.
    pub fn observe(&self, value: f64, traced: Option<&Traced>) {
        let shared = &*self.0;
        let place = shared.bounds.classic.iter().take_while(|upto| value > **upto).count();
        if let Some(bucket) = shared.classic.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        shared.native_bucket(value).fetch_add(1, Ordering::Relaxed);
        let add = |sum: u64| Some((f64::from_bits(sum) + value).to_bits());
        let _ = shared.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if let Some(Traced { trace_id, span_id, at }) = traced.copied() {
            shared.keep(place, Exemplar { value, trace_id, span_id, at });
        }
    }
}

impl Shared {
    fn native_bucket(&self, value: f64) -> &AtomicU64 {
        let place = number(value).map(|n| n - first(self.bounds));
        let last = self.native.len().saturating_sub(1);
        let place = place.and_then(|place| usize::try_from(place).ok()).map(|place| place.min(last));
        place.and_then(|place| self.native.get(place)).unwrap_or(&self.zero)
    }

    fn keep(&self, place: usize, exemplar: Exemplar) {
        let mut exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
        if exemplars.is_empty() {
            *exemplars = vec![None; self.classic.len()].into();
        }
        if let Some(kept) = exemplars.get_mut(place) {
            *kept = Some(exemplar);
        }
    }

    fn spread(&self) -> Spread {
        let exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bounds = self.bounds.classic.iter().copied().chain([f64::INFINITY]);
        let bucket = |(place, (upto, count)): (usize, (f64, &AtomicU64))| Bucket {
            upto,
            count: count.load(Ordering::Relaxed),
            exemplar: exemplars.get(place).copied().flatten(),
        };
        Spread {
            sum: f64::from_bits(self.sum.load(Ordering::Relaxed)),
            buckets: bounds.zip(&self.classic).enumerate().map(bucket).collect(),
            native: Native {
                schema: SCHEMA,
                zero_threshold: f64::from(self.bounds.native.0).exp2(),
                zero: self.zero.load(Ordering::Relaxed),
                first: first(self.bounds),
                counts: self.native.iter().map(|n| n.load(Ordering::Relaxed)).collect(),
            },
        }
    }
}

/// Number of the first native bucket: the one that begins at the lower power of two.
fn first(bounds: &Bounds) -> i32 {
    i32::from(bounds.native.0) * EACH as i32 + 1
}

/// Number of the native bucket of a value; none of what is not above zero.
fn number(value: f64) -> Option<i32> {
    // A sign of 0, 11 bits of exponent, 52 of what stands behind the leading 1.
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> 52).ok()? - 1023;
    let leading = f64::from_bits(bits & (u64::MAX >> 12) | 1023 << 52);
    let within = ENDS.iter().take_while(|end| leading > **end).count();
    (value > 0.0).then(|| exponent * EACH as i32 + i32::try_from(within).unwrap_or(0))
}

impl Instrument for Histogram {
    fn kind(&self) -> Kind {
        Kind::Histogram
    }

    fn read(&self, labels: &Labels, into: &mut Vec<Sample>) {
        into.push(Sample { labels: labels.clone(), value: Value::Spread(Box::new(self.0.spread())) });
    }
}
