//! What is counted is what is read, by many at once and at every bound.

use std::borrow::Cow;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Bounds, Capped, Counter, Histogram, Instrument, Traced};
use crate::exposition::{Labels, Sample, Spread, Value};

static BOUNDS: Bounds = Bounds { classic: &[0.01, 1.0, 64.0], native: (-4, 8) };

fn samples(instrument: &dyn Instrument) -> Vec<Sample> {
    let mut into = Vec::new();
    instrument.read(&Labels::new(), &mut into);
    into
}

fn spread(histogram: &Histogram) -> Spread {
    match samples(histogram).remove(0).value {
        Value::Spread(spread) => *spread,
        other => panic!("{other:?}"),
    }
}

fn counts(spread: &Spread) -> Vec<u64> {
    spread.buckets.iter().map(|b| b.count).collect()
}

#[test]
fn a_value_at_a_bound_belongs_below_it() {
    let histogram = Histogram::new(&BOUNDS);
    for value in [0.0, 0.01, 0.5, 1.0, 1.5, 64.0, 65.0, 1e9] {
        histogram.observe(value, None);
    }
    let spread = spread(&histogram);
    assert_eq!(counts(&spread), [2, 2, 2, 2]);
    assert_eq!(spread.sum, 1_000_000_132.01);
    assert_eq!(spread.native.zero, 2, "up to 2^-4");
    assert_eq!(spread.native.counts.iter().sum::<u64>() + spread.native.zero, spread.count());
    assert_eq!(*spread.native.counts.last().unwrap(), 1, "beyond 2^8");
}

#[test]
fn only_a_sampled_value_is_an_exemplar_and_the_last_one_of_its_bucket() {
    let histogram = Histogram::new(&BOUNDS);
    histogram.observe(0.5, None);
    assert!(spread(&histogram).buckets.iter().all(|b| b.exemplar.is_none()));
    let traced = |trace_id| Traced { trace_id, span_id: 7, at: Timestamp::UNIX_EPOCH };
    histogram.observe(0.5, Some(&traced(1)));
    histogram.observe(0.75, Some(&traced(2)));
    histogram.observe(0.9, None);
    let exemplars: Vec<_> =
        spread(&histogram).buckets.iter().map(|b| b.exemplar.map(|e| (e.trace_id, e.value))).collect();
    assert_eq!(exemplars, [None, Some((2, 0.75)), None, None]);
}

#[test]
fn nothing_is_lost_when_many_count_at_once() {
    let (histogram, family) = (Histogram::new(&BOUNDS), Capped::new(["a"], 4, Counter::default));
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (histogram, family) = (&histogram, &family);
            scope.spawn(move || {
                for i in 0..5000_u32 {
                    histogram.observe(1.0, None);
                    family.get([Cow::Owned(format!("{}", (i + u32::from(thread)) % 7))]).inc();
                }
            });
        }
    });
    assert_eq!((spread(&histogram).count(), spread(&histogram).sum), (20_000, 20_000.0));
    let samples = samples(&family);
    assert_eq!(samples.len(), 5, "four, and the others");
    let count = |sample: &Sample| if let Value::Count(n) = sample.value { n } else { 0 };
    assert_eq!(samples.iter().map(count).sum::<u64>(), 20_000);
}

proptest! {
    /// Bucket `i` holds what is above `2^((i-1)/8)` and not above `2^(i/8)`.
    #[test]
    fn a_native_bucket_holds_what_prometheus_says_it_holds(value in 0.07_f64..255.0) {
        let histogram = Histogram::new(&BOUNDS);
        histogram.observe(value, None);
        let native = spread(&histogram).native;
        let place = native.counts.iter().position(|n| *n == 1).unwrap();
        let number = f64::from(native.first) + place as f64;
        let (above, upto) = (((number - 1.0) / 8.0).exp2(), (number / 8.0).exp2());
        prop_assert!(above * 0.999_999_999 < value && value <= upto * 1.000_000_001, "{above} {value} {upto}");
    }
}
