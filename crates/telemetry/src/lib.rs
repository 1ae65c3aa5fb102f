//! One record a call: audit line, metrics and span facts.
//!
//! The sidecar fills in a [`CallRecord`] while a call goes and hands it over once, when the call settles.
//! From it come the audit line ([`AuditQueue`]), the counters ([`Metrics`]) and its spans ([`span`]), which wait
//! in a queue ([`SpanQueue`]) until they are sent in the form of OTLP ([`otlp`]). Nothing here knows a socket, a thread or a clock: whoever owns those drains and encodes.

pub mod audit;
#[cfg(test)]
mod cost;
mod json;
pub mod metrics;
pub mod names;
pub mod otlp;
pub mod record;
pub mod sampling;
pub mod span;
pub mod spans;
#[cfg(test)]
mod testing;

pub use audit::{AuditQueue, Format};
pub use metrics::Metrics;
pub use record::{
    Anomaly, AttemptRecord, CallRecord, Content, Decision, Detail, Estimate, LostRoute, Outcome, RequestId, RuleName,
    Tool, ToolUse, TraceContext, UsageSource,
};
pub use spans::SpanQueue;
