//! Limits of a pod: what they count, when they refuse, and what they tell.

mod concurrency;
mod dry_run;
mod refusals;
mod requests;
mod tokens;

use std::time::Duration;

use sidegate_policy::{Limit, Snapshot, Unit};
use sidegate_tests::Stage;
use sidegate_tests::policy::{ladder, limit};

const MINUTE: Duration = Duration::from_secs(60);

/// One provider under these limits.
fn under(limits: Vec<Limit>) -> Stage {
    Stage::with(policy(limits))
}

fn policy(limits: Vec<Limit>) -> Snapshot {
    Snapshot { limits, ..ladder(&[1]) }.sealed()
}

/// A limit of so many a minute.
fn a_minute(name: &str, unit: Unit, amount: u64) -> Limit {
    limit(name, unit, amount, MINUTE)
}
