//! What a sidecar is at the moment: versions, streams, circuits, drops.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sidegate_policy::{Snapshot, Suspensions};

use super::Lost;
use super::capped::Label;
use crate::names::{label, metric};

/// Providers with circuits that are out, at most.
const MAX_PROVIDERS: usize = 32;

#[derive(Debug)]
pub(super) struct State {
    pub(super) open_calls: Gauge,
    pub(super) audit_dropped: Counter,
    pub(super) spans_exported: Counter,
    spans_dropped: Family<[Label; 1], Counter>,
    pub(super) policy_refused: Counter,
    pub(super) panics: Counter,
    pub(super) slow_heads: Counter,
    policy_info: Family<[Label; 2], Gauge>,
    policy_applied: Gauge,
    stream_up: Gauge,
    stream_connects: Counter,
    circuits: Family<[Label; 1], Gauge>,
}

impl State {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let state = Self {
            open_calls: Gauge::default(),
            audit_dropped: Counter::default(),
            spans_exported: Counter::default(),
            spans_dropped: Family::default(),
            policy_refused: Counter::default(),
            panics: Counter::default(),
            slow_heads: Counter::default(),
            policy_info: Family::default(),
            policy_applied: Gauge::default(),
            stream_up: Gauge::default(),
            stream_connects: Counter::default(),
            circuits: Family::default(),
        };
        let build: Family<[Label; 1], Gauge> = Family::default();
        build.get_or_create_owned(&[(label::VERSION, Cow::Borrowed(env!("CARGO_PKG_VERSION")))]).set(1);
        registry.register(metric::BUILD_INFO, "The version of the program", build);
        registry.register(metric::OPEN_CALLS, "Calls that are not settled", state.open_calls.clone());
        registry.register(metric::AUDIT_DROPPED, "Audit lines that found no room", state.audit_dropped.clone());
        state.register_spans(registry);
        registry.register(
            metric::SLOW_HEADS,
            "Connections given up because a request's head came too slowly",
            state.slow_heads.clone(),
        );
        registry.register(metric::PANICS, "Panics that were caught", state.panics.clone());
        state.register_policy(registry);
        registry.register(metric::CIRCUITS_OUT, "Circuits that are out, by provider", state.circuits.clone());
        state
    }

    fn register_spans(&self, registry: &mut Registry) {
        let exported = "Spans that the tracing back-end took";
        registry.register(metric::SPANS_EXPORTED, exported, self.spans_exported.clone());
        registry.register(metric::SPANS_DROPPED, "Spans that are lost, by reason", self.spans_dropped.clone());
        for lost in Lost::ALL {
            self.spans_dropped(lost);
        }
    }

    /// The counter of what is lost for that reason.
    pub(super) fn spans_dropped(&self, lost: Lost) -> Counter {
        self.spans_dropped.get_or_create_owned(&[(label::REASON, Cow::Borrowed(lost.as_str()))])
    }

    fn register_policy(&self, registry: &mut Registry) {
        registry.register(metric::POLICY_INFO, "The versions in force", self.policy_info.clone());
        let applied = "When the policy in force was taken over, in seconds since 1970";
        registry.register(metric::POLICY_APPLIED, applied, self.policy_applied.clone());
        let refused = "Policies and credentials that were refused";
        registry.register(metric::POLICY_REFUSED, refused, self.policy_refused.clone());
        registry.register(metric::CONTROL_STREAM_UP, "1 while the control stream is up", self.stream_up.clone());
        let connects = "How often the control stream came up";
        registry.register(metric::CONTROL_STREAM_CONNECTS, connects, self.stream_connects.clone());
    }

    pub(super) fn policy(&self, snapshot: &Snapshot, at: Timestamp) {
        let labels = [
            (label::VERSION, Cow::Owned(snapshot.version.to_string())),
            (label::PRICE_VERSION, Cow::Owned(snapshot.price_version.to_string())),
        ];
        self.policy_info.clear();
        self.policy_info.get_or_create_owned(&labels).set(1);
        self.policy_applied.set(at.as_second());
    }

    pub(super) fn control_stream(&self, up: bool) {
        if self.stream_up.set(i64::from(up)) == 0 && up {
            self.stream_connects.inc();
        }
    }

    pub(super) fn circuits(&self, suspensions: &Suspensions) {
        let mut out: BTreeMap<&str, i64> = BTreeMap::new();
        for key in suspensions.0.keys() {
            let provider = if out.len() < MAX_PROVIDERS || out.contains_key(&*key.provider) {
                &*key.provider
            } else {
                label::OTHER
            };
            *out.entry(provider).or_default() += 1;
        }
        self.circuits.clear();
        for (provider, count) in out {
            self.circuits.get_or_create_owned(&[(label::PROVIDER, Cow::Owned(provider.to_owned()))]).set(count);
        }
    }
}
