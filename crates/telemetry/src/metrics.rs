//! The counters of a sidecar, and their text exposition.
//!
//! A settled call is observed once; what the sidecar is at the moment (open calls, versions, streams,
//! circuits) is set by whoever knows it. No label comes from outside unbounded: models must be known to the
//! policy, header names to this module, and every family has a cap beyond which all is `other`; together
//! that is below 2,000 series whatever is called. Nothing is summed here that money is decided by.

mod attempts;
mod calls;
mod capped;
mod headers;
mod known;
mod state;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sidegate_policy::{Snapshot, Suspensions};

use self::attempts::Attempts;
use self::calls::Calls;
use self::headers::Headers;
use self::state::State;
use crate::record::CallRecord;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why spans are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// They found no room to wait in.
    QueueFull,
    /// The back-end took the others of their batch and not them.
    Rejected,
    /// The back-end did not take their batch, or nobody was there until the sidecar ended.
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
    registry: Registry,
    calls: Calls,
    attempts: Attempts,
    headers: Headers,
    state: State,
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let calls = Calls::register(&mut registry);
        let attempts = Attempts::register(&mut registry);
        let headers = Headers::register(&mut registry);
        let state = State::register(&mut registry);
        Self { registry, calls, attempts, headers, state }
    }

    /// Counts a settled call with all its attempts.
    pub fn observe(&self, record: &CallRecord) {
        self.calls.observe(record);
        self.attempts.observe(record);
    }

    /// The text exposition, appended to `out`. Serve it as [`CONTENT_TYPE`].
    pub fn encode(&self, out: &mut String) {
        // Writing to a string does not fail, and a family that cannot be told has nothing to tell.
        let _ = text::encode(out, &self.registry);
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

    /// Audit lines that found no room since the start.
    pub fn audit_dropped(&self, lines: u64) {
        raise(&self.state.audit_dropped, lines);
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
        raise(&self.state.spans_dropped(Lost::QueueFull), spans);
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

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Brings a counter up to a total that is counted elsewhere.
fn raise(counter: &Counter, total: u64) {
    counter.inner().fetch_max(total, std::sync::atomic::Ordering::Relaxed);
}
