//! One record a call: audit line, metrics and span facts.
//!
//! The sidecar fills in a [`CallRecord`] while a call goes and hands it over once, when the call settles.
//! From it come the audit line ([`AuditQueue`]), the counters ([`Metrics`]) and its spans ([`span`]), which wait
//! in a queue ([`SpanQueue`]) until they are sent in the form of OTLP ([`otlp`]). What counts is [`instrument`]s, and a
//! scraper reads them in the form of its choice ([`exposition`]). The control plane's changes of objects are told in the
//! same audit trail ([`ChangeRecord`]). Nothing here knows a socket or a clock, and the one thread is the writer of
//! audit lines.

pub mod audit;
#[cfg(test)]
mod cost;
pub mod exposition;
pub mod instrument;
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
    Anomaly, AttemptRecord, Author, CallRecord, ChangeKind, ChangeRecord, Considered, Content, Decision, Detail,
    Estimate, LostRoute, Outcome, RequestId, RuleName, Tool, ToolUse, TraceContext, UsageSource,
};
pub use spans::SpanQueue;
