//! One token bucket, in integers that never drift.
//!
//! What is missing from a full bucket is kept in tokens times the nanoseconds of the window: in that unit
//! every nanosecond refills exactly `amount`, so nothing is ever rounded while time passes. A bucket may
//! miss more than its amount (usage above what was held), and pays that back before it admits again.

use std::time::Duration;

use sidegate_policy::{Limit, LimitId, Mode, Unit};

/// What makes two limits share a bucket: the limit's identity over its edits, what it counts, and whether it
/// acts. A limit that changes its unit counts something else and starts anew; a dry run never shares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) id: LimitId,
    pub(crate) unit: Unit,
    pub(crate) mode: Mode,
}

impl Key {
    pub(crate) fn of(limit: &Limit) -> Self {
        Self { id: limit.id.clone(), unit: limit.unit, mode: limit.mode }
    }

    pub(crate) fn is_of(&self, limit: &Limit) -> bool {
        self.unit == limit.unit && self.mode == limit.mode && self.id == limit.id
    }
}

/// The state of one limit.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) key: Key,
    amount: u64,
    /// Nanoseconds in which an empty bucket fills; at least 1.
    window: u64,
    /// Tokens × nanoseconds missing from a full bucket, as of `at`.
    missing: u128,
    /// Nanoseconds since the start of the process.
    at: u64,
    /// Holds that are not settled yet: the count of a concurrency limit, and a reason to stay for any other.
    open: u64,
}

impl Bucket {
    pub(crate) fn new(limit: &Limit, now: Duration) -> Self {
        Self {
            key: Key::of(limit),
            amount: limit.amount,
            window: window_of(limit),
            missing: 0,
            at: nanos(now),
            open: 0,
        }
    }

    fn is_concurrency(&self) -> bool {
        self.key.unit == Unit::ConcurrentRequests
    }

    /// Takes over an edited amount and window. What was used stays used.
    pub(crate) fn edit(&mut self, limit: &Limit, now: Duration) {
        let window = window_of(limit);
        if self.amount == limit.amount && self.window == window {
            return;
        }
        self.refill(now);
        if window != self.window {
            let (old, new) = (u128::from(self.window), u128::from(window));
            // Whole tokens and the rest apart, so that neither product can pass 128 bits for a real deficit;
            // the rest is rounded up, because an edit never refills.
            let whole = (self.missing / old).saturating_mul(new);
            self.missing = whole.saturating_add((self.missing % old * new).div_ceil(old));
        }
        (self.amount, self.window) = (limit.amount, window);
    }

    /// What a hold of `wanted` takes: never more than the bucket ever has.
    pub(crate) fn clamp(&self, wanted: u64) -> u64 {
        wanted.min(self.amount)
    }

    /// Whether `wanted` fits now. If not: how long until it does, where that is known.
    pub(crate) fn check(&self, wanted: u64, now: Duration) -> Result<(), Option<Duration>> {
        if self.is_concurrency() {
            return if self.open < self.amount { Ok(()) } else { Err(None) };
        }
        if wanted > self.amount || self.amount == 0 {
            return Err(None);
        }
        let needed = self.missing_at(now).saturating_add(self.scaled(wanted));
        match needed.checked_sub(self.scaled(self.amount)) {
            None | Some(0) => Ok(()),
            Some(over) => Err(Some(self.time_to_refill(over))),
        }
    }

    pub(crate) fn take(&mut self, amount: u64, now: Duration) {
        self.refill(now);
        self.missing = self.missing.saturating_add(self.scaled(amount));
        self.open = self.open.saturating_add(1);
    }

    /// Ends a hold: `used` instead of the `held` tokens.
    pub(crate) fn settle(&mut self, held: u64, used: u64, now: Duration) {
        self.open = self.open.saturating_sub(1);
        self.refill(now);
        if used >= held {
            self.missing = self.missing.saturating_add(self.scaled(used - held));
        } else {
            self.missing = self.missing.saturating_sub(self.scaled(held - used));
        }
    }

    /// Whole tokens, or places, that could be taken at `now`.
    pub(crate) fn remaining(&self, now: Duration) -> u64 {
        if self.is_concurrency() {
            return self.amount.saturating_sub(self.open);
        }
        let left = self.scaled(self.amount).saturating_sub(self.missing_at(now));
        u64::try_from(left / u128::from(self.window)).unwrap_or(u64::MAX)
    }

    /// Until the bucket is full, if nothing more is taken.
    pub(crate) fn until_full(&self, now: Duration) -> Duration {
        self.time_to_refill(self.missing_at(now))
    }

    /// Whether forgetting the bucket changes nothing: it is full and nobody holds anything of it.
    pub(crate) fn is_untouched(&self, now: Duration) -> bool {
        self.open == 0 && self.missing_at(now) == 0
    }

    fn refill(&mut self, now: Duration) {
        self.missing = self.missing_at(now);
        self.at = self.at.max(nanos(now));
    }

    fn missing_at(&self, now: Duration) -> u128 {
        let passed = nanos(now).saturating_sub(self.at);
        self.missing.saturating_sub(u128::from(self.amount) * u128::from(passed))
    }

    fn scaled(&self, tokens: u64) -> u128 {
        if self.is_concurrency() { 0 } else { u128::from(tokens) * u128::from(self.window) }
    }

    /// Time in which `scaled` is refilled, to the next nanosecond.
    fn time_to_refill(&self, scaled: u128) -> Duration {
        let nanos = scaled.div_ceil(u128::from(self.amount.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

fn window_of(limit: &Limit) -> u64 {
    nanos(limit.window).max(1)
}

/// Nanoseconds, which fit 64 bits for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
