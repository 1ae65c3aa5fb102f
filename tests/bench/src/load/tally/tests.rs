//! What is counted when, and the quantiles.

use std::time::Duration;

use tokio::time::Instant;

use super::{Samples, Tally};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn only_what_happens_between_the_times_counts() {
    let start = Instant::now();
    let mut tally = Tally::between(start + SECOND, start + 2 * SECOND);
    tally.ended(start, start, None);
    tally.ended(start, start + SECOND, None);
    tally.ended(start, start + 2 * SECOND, None);
    tally.progress(start + SECOND, 3, 30);
    tally.progress(start + 2 * SECOND, 5, 50);
    let report = tally.report();
    assert_eq!(report["done"], 1);
    assert_eq!(report["events"], 3);
    assert_eq!(report["body_bytes"], 30);
}

#[test]
fn a_wrong_answer_counts_always_and_the_first_fault_is_kept() {
    let start = Instant::now();
    let mut tally = Tally::between(start + SECOND, start + 2 * SECOND);
    tally.ended(start, start, Some("status 500".to_owned()));
    tally.ended(start, start, Some("status 503".to_owned()));
    let report = tally.report();
    assert_eq!((&report["done"], &report["wrong"]), (&0.into(), &2.into()));
    assert_eq!(report["first_fault"], "status 500");
}

#[test]
fn quantiles_are_by_rank() {
    let mut samples = Samples::default();
    for micros in (1..=100).rev() {
        samples.add(Duration::from_micros(micros));
    }
    let report = samples.report();
    assert_eq!(report["p50"], 50.0);
    assert_eq!(report["p99"], 99.0);
    assert_eq!(report["max"], 100.0);
    assert_eq!(report["mean"], 50.5);
}

#[test]
fn no_samples_are_null_and_not_zero() {
    assert!(Samples::default().report().is_null());
}
