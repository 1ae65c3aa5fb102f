//! What calls took, summed by what ended alike, between two looks.
//!
//! Bounded: an application may ask for a new model with every call. What is beyond the bound is summed as `other`, by
//! its end alone, so that nothing is lost from a sum over all.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Class, Cost, Nanos};
use sidegate_telemetry::CallRecord;

/// Sums with names of their own. With those of `other`, one for each way to end, they fit one message.
const MOST: usize = 48;

/// Sums that were begun so long ago are not of now, and go: while nobody hears the sidecar, they would grow into the
/// spend of a whole outage, and be told as that of a moment.
const FRESH: Duration = Duration::from_secs(30);

/// The model, and the provider, of calls that are beyond the bound.
pub const OTHER: &str = "other";

/// What calls have in common that are summed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The model that was asked for.
    pub model: Arc<str>,
    /// `namespace/name` of the provider that was asked last; empty if none was.
    pub provider: Arc<str>,
    /// The model that it was asked for.
    pub served: Arc<str>,
    /// As records have it.
    pub outcome: &'static str,
    /// What kind of failure it was; none if there was none.
    pub class: Option<Class>,
}

/// Calls that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// How.
    pub key: Key,
    /// How many.
    pub calls: u64,
    /// Requests to providers.
    pub attempts: u64,
    /// Calls whose last attempt went elsewhere than their first.
    pub fallbacks: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Generated tokens.
    pub output_tokens: u64,
    /// What is known to have been spent.
    pub cost: Nanos,
    /// Calls with a part that nobody knows the price of.
    pub unpriced: u64,
}

/// The sums since the last look. A handful of calls are told apart, so that going through them is the fastest way.
#[derive(Default)]
pub(super) struct Sums {
    /// When the first call of them ended, since the start of the process.
    since: Duration,
    named: Vec<Sum>,
    others: Vec<Sum>,
}

impl Sums {
    /// Adds a call that ended `now`.
    pub(super) fn add(&mut self, record: &CallRecord, now: Duration) {
        if self.named.is_empty() || self.is_old(now) {
            *self = Self { since: now, ..Self::default() };
        }
        let sum = self.sum_of(record);
        sum.calls += 1;
        sum.attempts += record.attempts.len() as u64;
        if let [first, .., last] = &record.attempts[..] {
            sum.fallbacks += u64::from(first.provider != last.provider || first.model != last.model);
        }
        let mut unpriced = false;
        for attempt in &record.attempts {
            if let Some(usage) = &attempt.usage {
                sum.input_tokens = sum.input_tokens.saturating_add(usage.input_total);
                sum.output_tokens = sum.output_tokens.saturating_add(usage.output_total);
            }
            match attempt.cost {
                Cost::Priced(nanos) if attempt.sent => sum.cost = sum.cost.saturating_add(nanos),
                Cost::Unknown if attempt.sent => unpriced = true,
                Cost::Priced(_) | Cost::Unknown | Cost::Free => {}
            }
        }
        sum.unpriced += u64::from(unpriced);
    }

    /// All of them, if they are of now.
    pub(super) fn into_vec(self, now: Duration) -> Vec<Sum> {
        if self.is_old(now) {
            return Vec::new();
        }
        let mut all = self.named;
        all.extend(self.others);
        all
    }

    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= FRESH
    }

    fn sum_of(&mut self, record: &CallRecord) -> &mut Sum {
        let (outcome, class) = (record.outcome.as_str(), record.outcome.class());
        let (provider, served) = record.last_attempt().map_or(("", ""), |last| (&*last.provider, &*last.model));
        let alike = |key: &Key| {
            key.outcome == outcome
                && key.class == class
                && *key.model == *record.model
                && *key.provider == *provider
                && *key.served == *served
        };
        match self.named.iter().position(|sum| alike(&sum.key)) {
            Some(at) => return &mut self.named[at],
            None if self.named.len() < MOST => {
                let last = record.last_attempt();
                let key = Key {
                    model: record.model.clone(),
                    provider: last.map(|last| last.provider.clone()).unwrap_or_default(),
                    served: last.map(|last| last.model.clone()).unwrap_or_default(),
                    outcome,
                    class,
                };
                return begin(&mut self.named, key);
            }
            None => {}
        }
        match self.others.iter().position(|sum| sum.key.outcome == outcome && sum.key.class == class) {
            Some(at) => &mut self.others[at],
            None => {
                let other: Arc<str> = OTHER.into();
                let key = Key { model: other.clone(), provider: other.clone(), served: other, outcome, class };
                begin(&mut self.others, key)
            }
        }
    }
}

fn begin(sums: &mut Vec<Sum>, key: Key) -> &mut Sum {
    let at = sums.len();
    sums.push(Sum {
        key,
        calls: 0,
        attempts: 0,
        fallbacks: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost: Nanos(0),
        unpriced: 0,
    });
    &mut sums[at]
}
