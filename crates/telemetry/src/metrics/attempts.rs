//! Counters of attempts, by where they went. The handles of a place are looked up once and kept.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use sidegate_policy::{Cost, Operation, Snapshot};

use super::capped::{Capped, Label};
use super::known;
use crate::names::{label, metric};
use crate::record::{AttemptRecord, CallRecord};
use crate::span::{operation_name, provider_name};

/// Label sets of each family at most. A histogram has 17 series for each, so that these are small: the
/// places of one pod's calls are few.
const TOKENS: usize = 2 * 12;
const DURATIONS: usize = 32;
const FIRST_CHUNKS: usize = 12;
const ATTEMPTS: usize = 128;
const MOVES: usize = 32;
const COSTS: usize = 64;
/// Places whose handles are kept.
const PLACES: usize = 32;

type Histograms<const N: usize> = Capped<N, Histogram>;

/// The families.
#[derive(Debug)]
pub(super) struct Attempts {
    tokens: Histograms<5>,
    duration: Histograms<5>,
    first_chunk: Histograms<4>,
    attempts: Capped<2, Counter>,
    retries: Capped<1, Counter>,
    fallbacks: Capped<1, Counter>,
    cost: Capped<2, Counter>,
    /// In the order of [`cost_place`].
    cost_states: [Counter; 3],
    known: RwLock<HashSet<Arc<str>>>,
    places: Mutex<Vec<Arc<Place>>>,
}

/// Where an attempt went, as far as labels tell, and the handles of a success there.
#[derive(Debug)]
struct Place {
    operation: Option<Operation>,
    provider: Arc<str>,
    model: Arc<str>,
    input: Histogram,
    output: Histogram,
    duration: Histogram,
    first_chunk: Histogram,
    good: Counter,
    cost: Counter,
}

impl Attempts {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let states: Family<[Label; 1], Counter> = Family::default();
        registry.register(metric::COST_STATES, "Attempts by whether their cost is known", states.clone());
        let state = |state: &'static str| states.get_or_create_owned(&[(label::COST, Cow::Borrowed(state))]);
        let (retried, moved) =
            ("Attempts at the place that just failed", "Attempts at another place than the one that just failed");
        Self {
            tokens: histograms(registry, metric::TOKEN_USAGE, "Tokens by type", TOKENS, tokens_histogram),
            duration: histograms(
                registry,
                metric::OPERATION_DURATION,
                "Seconds of each attempt",
                DURATIONS,
                seconds_histogram,
            ),
            first_chunk: histograms(
                registry,
                metric::TIME_TO_FIRST_CHUNK,
                "Seconds to the first meaningful event of each streamed attempt",
                FIRST_CHUNKS,
                seconds_histogram,
            ),
            attempts: Capped::counters(registry, metric::ATTEMPTS, "Attempts by provider and class", ATTEMPTS),
            retries: Capped::counters(registry, metric::RETRIES, retried, MOVES),
            fallbacks: Capped::counters(registry, metric::FALLBACKS, moved, MOVES),
            cost: Capped::counters(registry, metric::COST, "Nano-dollars by provider and model", COSTS),
            cost_states: ["priced", "free", "unknown"].map(state),
            known: RwLock::default(),
            places: Mutex::default(),
        }
    }

    /// The models of a policy become known names.
    pub(super) fn know(&self, snapshot: &Snapshot) {
        let names = known::names(snapshot);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    pub(super) fn observe(&self, record: &CallRecord) {
        let mut before: Option<&AttemptRecord> = None;
        for attempt in &record.attempts {
            self.observe_one(record, attempt);
            if let Some(before) = before {
                let same = before.provider == attempt.provider && before.model == attempt.model;
                let family = if same { &self.retries } else { &self.fallbacks };
                family.get([(label::PROVIDER, owned(&attempt.provider))]).inc();
            }
            before = Some(attempt);
        }
    }

    fn observe_one(&self, record: &CallRecord, attempt: &AttemptRecord) {
        let place = self.place(record.operation, attempt);
        let seconds = attempt.duration.as_secs_f64();
        match error_type(attempt) {
            "" => {
                place.duration.observe(seconds);
                place.good.inc();
            }
            error => {
                let labels =
                    with(place_labels(record.operation, attempt, &place.model), (label::ERROR_TYPE, error.into()));
                self.duration.get(labels).observe(seconds);
                self.attempts.get([(label::PROVIDER, owned(&place.provider)), (label::CLASS, error.into())]).inc();
            }
        }
        if let Some(first) = attempt.time_to_first_event {
            place.first_chunk.observe(first.as_secs_f64());
        }
        // Where nothing is known, nothing is reported: the conventions say so.
        if let Some(usage) = &attempt.usage {
            place.input.observe(usage.input_total as f64);
            place.output.observe(usage.output_total as f64);
        }
        if attempt.sent {
            self.cost_states[cost_place(attempt.cost)].inc();
            if let Cost::Priced(nanos) = attempt.cost {
                place.cost.inc_by(u64::try_from(nanos.0).unwrap_or(0));
            }
        }
    }

    /// The handles of a place: usually those of a place that was seen before.
    fn place(&self, operation: Option<Operation>, attempt: &AttemptRecord) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = find(&places, operation, &attempt.provider, &attempt.model) {
            return place;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&attempt.model);
        let model = if known { attempt.model.clone() } else { label::OTHER.into() };
        if let Some(place) = find(&places, operation, &attempt.provider, &model) {
            return place;
        }
        let place = Arc::new(self.new_place(operation, attempt, model));
        if places.len() < PLACES {
            places.push(place.clone());
        }
        place
    }

    fn new_place(&self, operation: Option<Operation>, attempt: &AttemptRecord, model: Arc<str>) -> Place {
        let labels = place_labels(operation, attempt, &model);
        let of_type = |kind: &'static str| self.tokens.get(with(labels.clone(), (label::TOKEN_TYPE, kind.into())));
        let provider = (label::PROVIDER, owned(&attempt.provider));
        Place {
            operation,
            provider: attempt.provider.clone(),
            input: of_type("input"),
            output: of_type("output"),
            duration: self.duration.get(with(labels.clone(), (label::ERROR_TYPE, "".into()))),
            first_chunk: self.first_chunk.get(labels.clone()),
            good: self.attempts.get([provider.clone(), (label::CLASS, "".into())]),
            cost: self.cost.get([provider, (label::REQUEST_MODEL, owned(&model))]),
            model,
        }
    }
}

fn find(
    places: &[Arc<Place>],
    operation: Option<Operation>,
    provider: &Arc<str>,
    model: &Arc<str>,
) -> Option<Arc<Place>> {
    let is = |p: &&Arc<Place>| p.operation == operation && p.model == *model && p.provider == *provider;
    places.iter().find(is).cloned()
}

fn place_labels(operation: Option<Operation>, attempt: &AttemptRecord, model: &str) -> [Label; 4] {
    [
        (label::OPERATION, operation.map_or("unknown", operation_name).into()),
        (label::PROVIDER_NAME, provider_name(attempt.dialect).into()),
        (label::REQUEST_MODEL, owned(model)),
        (label::PROVIDER, owned(&attempt.provider)),
    ]
}

fn with([a, b, c, d]: [Label; 4], last: Label) -> [Label; 5] {
    [a, b, c, d, last]
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

/// The class of a failed attempt, or `4xx` and `5xx` for an error that was passed on; empty for a success.
fn error_type(attempt: &AttemptRecord) -> &'static str {
    match (attempt.class, attempt.status) {
        (Some(class), _) => class.as_str(),
        (None, Some(500..)) => "5xx",
        (None, Some(400..)) => "4xx",
        (None, _) => "",
    }
}

fn cost_place(cost: Cost) -> usize {
    match cost {
        Cost::Priced(_) => 0,
        Cost::Free => 1,
        Cost::Unknown => 2,
    }
}

fn histograms<const N: usize>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    cap: usize,
    new: fn() -> Histogram,
) -> Histograms<N> {
    let family: Family<[Label; N], Histogram, fn() -> Histogram> = Family::new_with_constructor(new);
    registry.register(name, help, family.clone());
    Capped::of(family, cap)
}

/// 0.01 s to 81.92 s, as the conventions have it.
pub(super) fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

/// 1 to 67,108,864 tokens, as the conventions have it.
fn tokens_histogram() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 14))
}
