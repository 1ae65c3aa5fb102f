//! A table of who spends most, from the sums of late.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sidegate_wire::v1;
use tokio::time::Instant;

use super::{Key, Row, STEP, STEPS, Took, Top};
use crate::live::Scope;

/// Reasons that are told of each row.
const MOST_FAILURES: usize = 5;

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Namespace,
    Workload,
    Model,
}

/// Namespace, workload and model, each empty where it makes no difference.
type Name = (Arc<str>, Arc<str>, Arc<str>);

#[derive(Default)]
struct Line {
    took: Took,
    errors: u64,
    failures: HashMap<&'static str, u64>,
}

impl Line {
    fn add(&mut self, row: &Row) {
        self.took.add(&row.took);
        if let Some(why) = why(&row.key) {
            self.errors = self.errors.saturating_add(row.took.calls);
            let failures = self.failures.entry(why).or_default();
            *failures = failures.saturating_add(row.took.calls);
        }
    }

    fn told(self, (namespace, workload, model): Name) -> v1::TopRow {
        let mut failures: Vec<(&str, u64)> = self.failures.into_iter().collect();
        failures.sort_by_key(|(why, calls)| (Reverse(*calls), *why));
        let failures = failures.into_iter().take(MOST_FAILURES);
        v1::TopRow {
            namespace: namespace.to_string(),
            workload: workload.to_string(),
            model: model.to_string(),
            calls: self.took.calls,
            errors: self.errors,
            attempts: self.took.attempts,
            fallbacks: self.took.fallbacks,
            input_tokens: self.took.input_tokens,
            output_tokens: self.took.output_tokens,
            cost_nanodollars: self.took.cost,
            unpriced: self.took.unpriced,
            failures: failures.map(|(why, calls)| v1::Failures { why: why.to_owned(), calls }).collect(),
        }
    }
}

/// Why calls did not succeed; none if they did.
fn why(key: &Key) -> Option<&'static str> {
    match (key.class, key.outcome) {
        (Some(class), _) => Some(class.as_str()),
        (None, "answered") => None,
        (None, outcome) => Some(outcome),
    }
}

impl Top {
    /// The `rows` that spent most in the `last` of the time that is known, and the sum of all.
    pub(crate) fn table(&self, scope: &Scope, by: By, last: Duration, rows: usize) -> v1::TopTable {
        let now = Instant::now();
        // What is kept may be older, until the next sums come.
        let last = if last.is_zero() { STEP * STEPS } else { last.min(STEP * STEPS) };
        let steps: Vec<_> = self.kept().steps.iter().cloned().collect();
        let (older, recent): (Vec<_>, Vec<_>) = steps.iter().partition(|step| now.duration_since(step.began) >= last);
        // Where something older is left out, sums reach back to the step after it; else nothing is missing from them.
        let since = recent.first().filter(|_| !older.is_empty()).map(|step| now.duration_since(step.began));
        let reach = since.unwrap_or(last.min(now.duration_since(self.began)));
        let (mut lines, mut total): (HashMap<Name, Line>, Line) = Default::default();
        for step in recent {
            for ((namespace, workload), sums) in &step.workloads {
                if !scope.covers(namespace) {
                    continue;
                }
                for row in sums {
                    lines.entry(name(by, namespace, workload, &row.key)).or_default().add(row);
                    total.add(row);
                }
            }
        }
        let mut told: Vec<v1::TopRow> = lines.into_iter().map(|(name, line)| line.told(name)).collect();
        told.sort_by_cached_key(|row| {
            let name = (row.namespace.clone(), row.workload.clone(), row.model.clone());
            (Reverse(row.cost_nanodollars), Reverse(row.calls), name)
        });
        let left_out = told.len().saturating_sub(rows);
        told.truncate(rows);
        v1::TopTable {
            coverage: None,
            seconds: u32::try_from(reach.as_secs()).unwrap_or(u32::MAX),
            rows: told,
            total: Some(total.told(Name::default())),
            rows_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        }
    }
}

fn name(by: By, namespace: &Arc<str>, workload: &Arc<str>, key: &Key) -> Name {
    match by {
        By::Namespace => (namespace.clone(), Arc::default(), Arc::default()),
        By::Workload => (namespace.clone(), workload.clone(), Arc::default()),
        By::Model => {
            let model = if key.served.is_empty() { &key.model } else { &key.served };
            (Arc::default(), Arc::default(), model.clone())
        }
    }
}
