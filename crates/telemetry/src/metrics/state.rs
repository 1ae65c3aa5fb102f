//! What a sidecar is at the moment: versions, streams, circuits, drops.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sidegate_policy::{Caller, Snapshot, Suspensions};

use super::{Lost, owned, who};
use crate::instrument::{Board, Capped, Counter, Gauge, Register};
use crate::names::{label, metric};

/// Providers with circuits that are out, at most.
const MAX_PROVIDERS: usize = 32;

#[derive(Debug)]
pub(super) struct State {
    pub(super) open_calls: Gauge,
    pub(super) open_streams: Gauge,
    pub(super) audit_dropped: Counter,
    pub(super) spans_exported: Counter,
    /// In the order of [`Lost::ALL`].
    spans_dropped: [Counter; Lost::ALL.len()],
    pub(super) policy_refused: Counter,
    pub(super) panics: Counter,
    pub(super) slow_heads: Counter,
    policy_info: Board,
    policy_applied: Gauge,
    stream_up: Gauge,
    stream_connects: Counter,
    circuits: Board,
}

impl State {
    pub(super) fn register(register: &mut Register, caller: &Caller) -> Self {
        let build = register.add(metric::BUILD_INFO, "The version of the program", Board::default());
        build.tell(vec![(vec![(label::VERSION, Cow::Borrowed(env!("CARGO_PKG_VERSION")))], 1)]);
        let of = register.add(metric::CALLER_INFO, "Who the sidecar speaks for", Board::default());
        let mut labels = who(caller);
        labels.push((label::CALLER_SERVICE_ACCOUNT, owned(&caller.service_account)));
        labels.push((label::CALLER_POD, owned(&caller.pod)));
        of.tell(vec![(labels, 1)]);
        let mut gauge = |name, help| register.add(name, help, Gauge::default());
        let (open_calls, open_streams) = (
            gauge(metric::OPEN_CALLS, "Calls that are not settled"),
            gauge(metric::OPEN_STREAMS, "Streams that have begun and not ended"),
        );
        let applied = "When the policy in force was taken over, in seconds since 1970";
        let policy_applied = gauge(metric::POLICY_APPLIED, applied);
        let stream_up = gauge(metric::CONTROL_STREAM_UP, "1 while the control stream is up");
        let lost = Capped::new([label::REASON], Lost::ALL.len(), Counter::default);
        let lost = register.add(metric::SPANS_DROPPED, "Spans that are lost, by reason", lost);
        let mut counter = |name, help| register.add(name, help, Counter::default());
        Self {
            open_calls,
            open_streams,
            audit_dropped: counter(metric::AUDIT_DROPPED, "Audit lines that found no room"),
            spans_exported: counter(metric::SPANS_EXPORTED, "Spans that the tracing back-end took"),
            spans_dropped: Lost::ALL.map(|why| lost.get([Cow::Borrowed(why.as_str())])),
            policy_refused: counter(metric::POLICY_REFUSED, "Policies and credentials that were refused"),
            panics: counter(metric::PANICS, "Panics that were caught"),
            slow_heads: counter(metric::SLOW_HEADS, "Connections given up because a request's head came too slowly"),
            stream_connects: counter(metric::CONTROL_STREAM_CONNECTS, "How often the control stream came up"),
            policy_info: register.add(metric::POLICY_INFO, "The versions in force", Board::default()),
            policy_applied,
            stream_up,
            circuits: register.add(metric::CIRCUITS_OUT, "Circuits that are out, by provider", Board::default()),
        }
    }

    /// The counter of what is lost for that reason.
    pub(super) fn spans_dropped(&self, lost: Lost) -> &Counter {
        let [queue_full, rejected, failed] = &self.spans_dropped;
        match lost {
            Lost::QueueFull => queue_full,
            Lost::Rejected => rejected,
            Lost::Failed => failed,
        }
    }

    pub(super) fn policy(&self, snapshot: &Snapshot, at: Timestamp) {
        let labels =
            vec![(label::VERSION, owned(&snapshot.version)), (label::PRICE_VERSION, owned(&snapshot.price_version))];
        self.policy_info.tell(vec![(labels, 1)]);
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
        let level = |(provider, count): (&str, i64)| (vec![(label::PROVIDER, owned(provider))], count);
        self.circuits.tell(out.into_iter().map(level).collect());
    }
}
