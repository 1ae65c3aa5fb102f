//! The counters of a sidecar, and what a scraper is told of them.
//!
//! A settled call is observed once; what the sidecar is at the moment (open calls, versions, streams,
//! circuits) is set by whoever knows it. No label comes from outside unbounded: models must be known to the
//! policy, header names to this module, and every family has a cap beyond which all is `other`; together
//! that is below 2,000 series whatever is called. Nothing is summed here that money is decided by.

mod attempts;
mod calls;
mod headers;
mod known;
mod state;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jiff::Timestamp;
use sidegate_policy::{Caller, Snapshot, Suspensions};

use self::attempts::Attempts;
use self::calls::Calls;
use self::headers::Headers;
use self::state::State;
use crate::exposition::{Family, Form, Labels};
use crate::instrument::{Bounds, Register, Traced};
use crate::names::label;
use crate::record::CallRecord;

/// Seconds, 0.01 to 81.92, as the conventions have them; the native buckets reach from 61 µs to 36 hours.
static SECONDS: Bounds = Bounds {
    classic: &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    native: (-14, 17),
};

/// Why spans are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// They found no room to wait in.
    QueueFull,
    /// The back-end took the others of their batch and not them.
    Rejected,
    /// The back-end turned their batch down or did not take it in so many tries, or nobody was there until the sidecar ended.
    Failed,
}

impl Lost {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::QueueFull, Self::Rejected, Self::Failed];

    /// The word in the metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// All counters of a sidecar.
#[derive(Debug)]
pub struct Metrics {
    register: Register,
    calls: Calls,
    attempts: Attempts,
    headers: Headers,
    state: State,
}

impl Metrics {
    /// Counters at zero, of a sidecar that speaks for `caller`.
    #[must_use]
    pub fn new(caller: &Caller) -> Self {
        let (mut register, who) = (Register::default(), who(caller));
        let calls = Calls::register(&mut register, &who);
        let attempts = Attempts::register(&mut register, &who);
        let headers = Headers::register(&mut register);
        let state = State::register(&mut register, caller);
        Self { register, calls, attempts, headers, state }
    }

    /// Counts a settled call with all its attempts.
    pub fn observe(&self, record: &CallRecord) {
        let traced = traced(record);
        self.calls.observe(record, traced.as_ref());
        self.attempts.observe(record, traced.as_ref());
    }

    /// What has been counted.
    #[must_use]
    pub fn read(&self) -> Vec<Family> {
        self.register.read()
    }

    /// What has been counted as `OpenMetrics` text, appended to `out`.
    pub fn encode(&self, out: &mut String) {
        out.push_str(&String::from_utf8_lossy(&Form::OpenMetrics.write(&self.read())));
    }

    /// A policy is in force since `at`: its versions are told, and its models become known names.
    pub fn policy(&self, snapshot: &Snapshot, at: Timestamp) {
        self.attempts.know(snapshot);
        self.state.policy(snapshot, at);
    }

    /// A policy or credentials were refused.
    pub fn policy_refused(&self) {
        self.state.policy_refused.inc();
    }

    /// The control stream came up, or went down.
    pub fn control_stream(&self, up: bool) {
        self.state.control_stream(up);
    }

    /// The circuits that are out at the moment.
    pub fn circuits(&self, suspensions: &Suspensions) {
        self.state.circuits(suspensions);
    }

    /// Calls that are not settled at the moment.
    pub fn open_calls(&self, calls: u64) {
        self.state.open_calls.set(i64::try_from(calls).unwrap_or(i64::MAX));
    }

    /// Streams that have begun and not ended at the moment.
    pub fn open_streams(&self, streams: u64) {
        self.state.open_streams.set(i64::try_from(streams).unwrap_or(i64::MAX));
    }

    /// Audit lines that found no room since the start.
    pub fn audit_dropped(&self, lines: u64) {
        self.state.audit_dropped.raise(lines);
    }

    /// The tracing back-end took so many spans.
    pub fn spans_exported(&self, spans: u64) {
        self.state.spans_exported.inc_by(spans);
    }

    /// So many spans are lost.
    pub fn spans_lost(&self, lost: Lost, spans: u64) {
        self.state.spans_dropped(lost).inc_by(spans);
    }

    /// Spans that found no room since the start.
    pub fn spans_without_room(&self, spans: u64) {
        self.state.spans_dropped(Lost::QueueFull).raise(spans);
    }

    /// A request header was not sent on; `name` in lower case.
    pub fn stripped(&self, name: &str) {
        self.headers.stripped(name);
    }

    /// A connection was given up because a request's head came too slowly.
    pub fn slow_head(&self) {
        self.state.slow_heads.inc();
    }

    /// A panic was caught.
    pub fn panicked(&self) {
        self.state.panics.inc();
    }
}

/// Who spends and fails, for sums over pods that outlive them. The same for every sample of a sidecar, so that it
/// makes no more of them.
fn who(caller: &Caller) -> Labels {
    vec![(label::CALLER_NAMESPACE, owned(&caller.namespace)), (label::CALLER_WORKLOAD, owned(&caller.workload))]
}

/// Where a trace tells more of a call: in ours where it is told, else in that of a caller who records its own.
fn traced(record: &CallRecord) -> Option<Traced> {
    let at = record.started.checked_add(record.duration).unwrap_or(record.started);
    if record.sampled {
        return Some(Traced { trace_id: record.trace_id(), span_id: record.call_span(), at });
    }
    let caller = record.trace.filter(|trace| trace.sampled)?;
    Some(Traced { trace_id: caller.trace_id, span_id: caller.span_id, at })
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}
