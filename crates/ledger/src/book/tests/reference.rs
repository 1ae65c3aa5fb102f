//! A book as one would write it without a care: fractions instead of scaled integers, every bucket in one
//! vector, every step spelt out. Only properties use it.

use std::collections::BTreeMap;
use std::time::Duration;

use sidegate_policy::{Limit, Unit};

use crate::hold::Tokens;

/// Tokens, in parts of `COMMON`: every window of the properties divides it, so that all is exact.
pub(super) const COMMON: i128 = 60 * 7 * 1_000_000_000;

/// A bucket: how many tokens × `COMMON` are in it, and what is held at the moment.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) unit: Unit,
    amount: i128,
    /// Parts that one nanosecond brings: `amount` × `COMMON` / window.
    rate: i128,
    level: i128,
    at: Duration,
    open: i128,
}

/// All buckets by name; they are never forgotten.
#[derive(Debug, Default)]
pub(super) struct Reference(pub(super) BTreeMap<String, Bucket>);

impl Reference {
    /// The bucket of a limit, brought up to `now` and to the limit's amount and window.
    pub(super) fn bucket(&mut self, limit: &Limit, now: Duration) -> &mut Bucket {
        let amount = i128::from(limit.amount);
        let window = i128::try_from(limit.window.as_nanos().max(1)).unwrap();
        assert!(COMMON % window == 0, "the properties use windows that divide");
        let rate = amount * (COMMON / window);
        let fresh = Bucket { unit: limit.unit, amount, rate, level: amount * COMMON, at: now, open: 0 };
        let bucket = self.0.entry(limit.id.name.to_string()).or_insert(fresh);
        bucket.refill(now);
        // What is used stays used: the level moves with the amount.
        bucket.level += (amount - bucket.amount) * COMMON;
        (bucket.amount, bucket.rate) = (amount, rate);
        bucket
    }
}

impl Bucket {
    pub(super) fn refill(&mut self, now: Duration) {
        let passed = i128::try_from(now.saturating_sub(self.at).as_nanos()).unwrap();
        self.level = (self.level + self.rate * passed).min(self.amount * COMMON);
        self.at = self.at.max(now);
    }

    pub(super) fn wanted(&self, bound: Tokens) -> i128 {
        match self.unit {
            Unit::Requests | Unit::ConcurrentRequests => 1,
            Unit::InputTokens => i128::from(bound.input).min(self.amount),
            Unit::OutputTokens => i128::from(bound.output).min(self.amount),
            Unit::TotalTokens => (i128::from(bound.input) + i128::from(bound.output)).min(self.amount),
        }
    }

    pub(super) fn fits(&self, wanted: i128) -> bool {
        match self.unit {
            Unit::ConcurrentRequests => self.open < self.amount,
            _ => wanted * COMMON <= self.level,
        }
    }

    pub(super) fn take(&mut self, wanted: i128) {
        self.open += 1;
        if self.unit != Unit::ConcurrentRequests {
            self.level -= wanted * COMMON;
        }
    }

    pub(super) fn give_back(&mut self, held: i128, used: i128) {
        self.open -= 1;
        if self.unit != Unit::ConcurrentRequests {
            self.level = (self.level + (held - used) * COMMON).min(self.amount * COMMON);
        }
    }

    pub(super) fn remaining(&self) -> i128 {
        match self.unit {
            Unit::ConcurrentRequests => (self.amount - self.open).max(0),
            _ => (self.level / COMMON).max(0),
        }
    }
}
