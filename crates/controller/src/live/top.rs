//! What calls took of late: sums that sidecars report every few seconds, kept for a quarter of an hour.
//!
//! Bounded in time, in workloads, and in rows of each workload: what is beyond is summed as `other`, so that no
//! application can push another one's sums out. What was on its way when a stream broke is missing here, as
//! is what was spent long before one came back; the audit trail is what counts.

mod table;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidegate_policy::{Caller, Class};
use sidegate_wire::v1;
use tokio::time::Instant;

pub(crate) use table::By;

/// Sums of so much time stand together.
const STEP: Duration = Duration::from_secs(30);
/// And are kept for so many steps: a quarter of an hour, and the step that runs.
const STEPS: u32 = 31;
/// Workloads of one step with a name of their own.
const MOST_WORKLOADS: usize = 2_048;
/// Namespaces whose other workloads are summed.
const MOST_OTHERS: usize = 2_048;
/// Rows of one workload in one step, before they are summed as `other`.
const MOST_ROWS: usize = 64;
/// Names kept, before those that nobody uses any more are forgotten.
const MOST_NAMES: usize = 16_384;
/// Bytes of a name; no sidecar sends a longer one.
const LONGEST_NAME: usize = 96;
/// More than a sidecar ends in the time that one message is about: what it says is not proven, and a number without a
/// bound would hide everybody else's.
pub(super) const MOST_CALLS: u64 = 10_000_000;
/// Tokens of one sum at most: a million for each call.
const MOST_TOKENS: u64 = MOST_CALLS * 1_000_000;
/// Nanodollars of one sum at most: a million dollars.
const MOST_COST: i64 = 1_000_000_000_000_000;
/// The name of what has none of its own.
const OTHER: &str = "other";

/// How calls may end, as records have it.
const OUTCOMES: [&str; 4] = ["answered", "refused", "failed", "client_cancelled"];

/// The sums of late.
pub(crate) struct Top {
    began: Instant,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The newest is last. Whoever reads shares them, so that sidecars are not kept waiting.
    steps: VecDeque<Arc<Step>>,
    names: HashSet<Arc<str>>,
}

/// The sums of one step.
#[derive(Clone)]
struct Step {
    began: Instant,
    workloads: HashMap<Workload, Vec<Row>>,
    /// How many of them have no name of their own.
    others: usize,
}

/// Namespace, and what its pods are part of.
type Workload = (Arc<str>, Arc<str>);

/// Calls of one workload that ended alike.
#[derive(Clone)]
struct Row {
    key: Key,
    took: Took,
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    model: Arc<str>,
    served: Arc<str>,
    outcome: &'static str,
    class: Option<Class>,
}

/// What calls took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Took {
    calls: u64,
    attempts: u64,
    fallbacks: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost: i64,
    unpriced: u64,
}

impl Took {
    fn add(&mut self, more: &Self) {
        self.calls = self.calls.saturating_add(more.calls);
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.fallbacks = self.fallbacks.saturating_add(more.fallbacks);
        self.input_tokens = self.input_tokens.saturating_add(more.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(more.output_tokens);
        self.cost = self.cost.saturating_add(more.cost);
        self.unpriced = self.unpriced.saturating_add(more.unpriced);
    }
}

impl Default for Top {
    fn default() -> Self {
        Self { began: Instant::now(), kept: Mutex::default() }
    }
}

impl Top {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a sidecar of `caller` has told.
    pub(crate) fn hear(&self, caller: &Caller, told: &v1::Sums) {
        let mut kept = self.kept();
        let rows: Vec<Row> = told.sums.iter().filter_map(|sum| kept.read(sum)).collect();
        kept.step(Instant::now()).add(caller, rows);
    }
}

impl Kept {
    /// The step that runs now.
    fn step(&mut self, now: Instant) -> &mut Step {
        let runs = self.steps.back().is_some_and(|step| now.duration_since(step.began) < STEP);
        if !runs {
            // Steps begin where the one before ended, unless nothing was told for a while.
            let next = self.steps.back().map(|step| step.began + STEP).filter(|next| now.duration_since(*next) < STEP);
            let step = Step { began: next.unwrap_or(now), workloads: HashMap::new(), others: 0 };
            self.steps.push_back(Arc::new(step));
        }
        while self.steps.front().is_some_and(|step| now.duration_since(step.began) >= STEP * STEPS) {
            self.steps.pop_front();
        }
        let last = self.steps.len() - 1;
        Arc::make_mut(&mut self.steps[last])
    }

    /// A sum, if it is of an outcome that is known.
    fn read(&mut self, sum: &v1::Sum) -> Option<Row> {
        let outcome = OUTCOMES.into_iter().find(|outcome| *outcome == sum.outcome)?;
        let key = Key {
            model: self.name(&sum.model),
            served: self.name(&sum.served_model),
            outcome,
            class: Class::ALL.into_iter().find(|class| class.as_str() == sum.class),
        };
        let took = Took {
            calls: sum.calls.min(MOST_CALLS),
            attempts: sum.attempts.min(MOST_CALLS),
            fallbacks: sum.fallbacks.min(MOST_CALLS),
            input_tokens: sum.input_tokens.min(MOST_TOKENS),
            output_tokens: sum.output_tokens.min(MOST_TOKENS),
            cost: sum.cost_nanodollars.clamp(0, MOST_COST),
            unpriced: sum.unpriced.min(MOST_CALLS),
        };
        Some(Row { key, took })
    }

    /// The name, kept once for all that have it.
    fn name(&mut self, name: &str) -> Arc<str> {
        let name = if name.len() <= LONGEST_NAME { name } else { OTHER };
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        if self.names.len() >= MOST_NAMES {
            self.names.retain(|name| Arc::strong_count(name) > 1);
        }
        let name: Arc<str> = name.into();
        if self.names.len() < MOST_NAMES {
            self.names.insert(name.clone());
        }
        name
    }
}

impl Step {
    fn add(&mut self, caller: &Caller, rows: Vec<Row>) {
        let Some(workload) = self.workload(caller) else { return };
        let own = self.workloads.entry(workload).or_default();
        for row in rows {
            let at = own.iter().position(|known| known.key == row.key);
            match at {
                Some(at) => own[at].took.add(&row.took),
                None if own.len() < MOST_ROWS => own.push(row),
                None => {
                    let key = Key { model: OTHER.into(), served: OTHER.into(), ..row.key };
                    match own.iter().position(|known| known.key == key) {
                        Some(at) => own[at].took.add(&row.took),
                        None => own.push(Row { key, took: row.took }),
                    }
                }
            }
        }
    }

    /// Under which name a caller's calls are summed; none where there is no room for its namespace.
    fn workload(&mut self, caller: &Caller) -> Option<Workload> {
        let name = if caller.workload.is_empty() { caller.pod.clone() } else { caller.workload.clone() };
        let own = (caller.namespace.clone(), name);
        if self.workloads.contains_key(&own) || self.workloads.len() - self.others < MOST_WORKLOADS {
            return Some(own);
        }
        let other = (caller.namespace.clone(), OTHER.into());
        if !self.workloads.contains_key(&other) {
            if self.others >= MOST_OTHERS {
                return None;
            }
            self.others += 1;
        }
        Some(other)
    }
}
