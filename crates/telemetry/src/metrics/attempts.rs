//! Counters of attempts, by where they went. The handles of a place are looked up once and kept.

mod place;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sidegate_policy::{Cost, Operation, Snapshot};

use self::place::{Place, values};
use super::{SECONDS, known, owned};
use crate::exposition::Labels;
use crate::instrument::{Bounds, Capped, Counter, Histogram, Register, Traced};
use crate::names::{label, metric};
use crate::record::{AttemptRecord, CallRecord};

/// Label sets of each family at most. A histogram has 16 or 17 series for each, so that these are small: the
/// places of one pod's calls are few.
const TOKEN_USAGES: usize = 2 * 10;
const DURATIONS: usize = 24;
const STREAMS: usize = 10;
const ATTEMPTS: usize = 96;
const MOVES: usize = 32;
const COSTS: usize = 48;
const TOKENS: usize = 96;
/// Places whose handles are kept.
const PLACES: usize = 32;

/// 1 to 67,108,864 tokens, as the conventions have it.
static TOKEN_COUNTS: Bounds = Bounds {
    classic: &[
        1.0,
        4.0,
        16.0,
        64.0,
        256.0,
        1024.0,
        4096.0,
        16384.0,
        65536.0,
        262_144.0,
        1_048_576.0,
        4_194_304.0,
        16_777_216.0,
        67_108_864.0,
    ],
    native: (-1, 30),
};

/// Seconds for each token, as the conventions have it.
static SECONDS_A_TOKEN: Bounds =
    Bounds { classic: &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5], native: (-20, 8) };

/// The families.
#[derive(Debug)]
pub(super) struct Attempts {
    token_usage: Capped<5, Histogram>,
    duration: Capped<5, Histogram>,
    first_chunk: Capped<4, Histogram>,
    each_token: Capped<4, Histogram>,
    attempts: Capped<2, Counter>,
    retries: Capped<1, Counter>,
    fallbacks: Capped<1, Counter>,
    tokens: Capped<3, Counter>,
    cost: Capped<2, Counter>,
    /// In the order of [`cost_place`].
    cost_states: [Counter; 3],
    known: ArcSwap<HashSet<Arc<str>>>,
    places: ArcSwap<Vec<Arc<Place>>>,
}

impl Attempts {
    pub(super) fn register(register: &mut Register, who: &Labels) -> Self {
        use label::{ERROR_TYPE, OPERATION, PROVIDER, PROVIDER_NAME, REQUEST_MODEL, TOKEN_TYPE};
        let seconds = || Histogram::new(&SECONDS);
        let usage = [OPERATION, PROVIDER_NAME, REQUEST_MODEL, PROVIDER, TOKEN_TYPE];
        let usage = Capped::new(usage, TOKEN_USAGES, || Histogram::new(&TOKEN_COUNTS));
        let of_outcome = [OPERATION, PROVIDER_NAME, REQUEST_MODEL, PROVIDER, ERROR_TYPE];
        let of_stream = [OPERATION, PROVIDER_NAME, REQUEST_MODEL, PROVIDER];
        let first = "Seconds to the first meaningful event of each streamed attempt";
        let each = "Seconds for each token after the first, of each streamed attempt";
        let each_token = Capped::new(of_stream, STREAMS, || Histogram::new(&SECONDS_A_TOKEN));
        let counted = |labels, cap| Capped::new(labels, cap, Counter::default);
        let moves = || Capped::new([PROVIDER], MOVES, Counter::default);
        let tokens = Capped::new([PROVIDER, REQUEST_MODEL, label::TOKEN_CLASS], TOKENS, Counter::default);
        let states = Capped::new([label::COST], 3, Counter::default);
        let states = register.add(metric::COST_STATES, "Attempts by whether their cost is known", states);
        let elsewhere = "Attempts at another place than the one that just failed";
        Self {
            token_usage: register.add(metric::TOKEN_USAGE, "Tokens by type", usage),
            duration: register.add(
                metric::OPERATION_DURATION,
                "Seconds of each attempt",
                Capped::new(of_outcome, DURATIONS, seconds),
            ),
            first_chunk: register.add(metric::TIME_TO_FIRST_CHUNK, first, Capped::new(of_stream, STREAMS, seconds)),
            each_token: register.add(metric::TIME_PER_OUTPUT_TOKEN, each, each_token),
            attempts: register.add(
                metric::ATTEMPTS,
                "Attempts by provider and class",
                counted([PROVIDER, label::CLASS], ATTEMPTS),
            ),
            retries: register.add(metric::RETRIES, "Attempts at the place that just failed", moves()),
            fallbacks: register.add(metric::FALLBACKS, elsewhere, moves()),
            tokens: register.add_of(metric::TOKENS, "Tokens by what they are billed as", who.clone(), tokens),
            cost: register.add_of(
                metric::COST,
                "Nano-dollars by provider and model",
                who.clone(),
                counted([PROVIDER, REQUEST_MODEL], COSTS),
            ),
            cost_states: ["priced", "free", "unknown"].map(|state| states.get([Cow::Borrowed(state)])),
            known: ArcSwap::default(),
            places: ArcSwap::default(),
        }
    }

    /// The models of a policy become known names. Money is counted from nothing on where a route leads, so that whoever
    /// looks at its rise sees the first call, too.
    pub(super) fn know(&self, snapshot: &Snapshot) {
        self.known.store(Arc::new(known::names(snapshot)));
        for (provider, model) in known::places(snapshot).take(COSTS / 2) {
            let _ = self.cost.get([owned(provider), owned(model)]);
        }
    }

    pub(super) fn observe(&self, record: &CallRecord, traced: Option<&Traced>) {
        let mut before: Option<&AttemptRecord> = None;
        for (index, attempt) in record.attempts.iter().enumerate() {
            let own = traced.filter(|_| record.sampled);
            let own = own.map(|call| Traced { span_id: record.attempt_span(index), ..*call });
            self.observe_one(record, attempt, own.as_ref().or(traced));
            if let Some(before) = before {
                let same = before.provider == attempt.provider && before.model == attempt.model;
                let family = if same { &self.retries } else { &self.fallbacks };
                family.get([owned(&attempt.provider)]).inc();
            }
            before = Some(attempt);
        }
    }

    fn observe_one(&self, record: &CallRecord, attempt: &AttemptRecord, traced: Option<&Traced>) {
        let place = self.place(record.operation, attempt);
        let seconds = attempt.duration.as_secs_f64();
        match attempt.trouble() {
            None => {
                place.duration.observe(seconds, traced);
                place.good.inc();
            }
            Some(error) => {
                let labels = values(record.operation, attempt, &place.model, error.into());
                self.duration.get(labels).observe(seconds, traced);
                self.attempts.get([owned(&place.provider), error.into()]).inc();
            }
        }
        place.streamed(self, attempt, traced);
        // Where nothing is known, nothing is reported: the conventions say so.
        if let Some(usage) = &attempt.usage {
            place.used(self, usage, traced);
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
        let places = self.places.load();
        if let Some(place) = find(&places, operation, &attempt.provider, &attempt.model) {
            return place;
        }
        let known = self.known.load().contains(&attempt.model);
        let model = if known { attempt.model.clone() } else { label::OTHER.into() };
        if let Some(place) = find(&places, operation, &attempt.provider, &model) {
            return place;
        }
        let place = Arc::new(Place::new(self, operation, attempt, model));
        // Beyond the bound nothing is kept any more, and nothing is copied.
        if places.len() < PLACES {
            self.places.rcu(|places| {
                let room = if places.len() < PLACES { Some(place.clone()) } else { None };
                places.iter().cloned().chain(room).collect::<Vec<_>>()
            });
        }
        place
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

fn cost_place(cost: Cost) -> usize {
    match cost {
        Cost::Priced(_) => 0,
        Cost::Free => 1,
        Cost::Unknown => 2,
    }
}
