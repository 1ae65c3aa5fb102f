//! One record a call: audit line, metrics and span facts.
//!
//! The sidecar fills in a [`CallRecord`] while a call goes and hands it over once, when the call settles.
//! From it come the audit line ([`AuditQueue`]), the counters ([`Metrics`]) and the facts of its spans
//! ([`span`]). The control plane's changes of objects are told in the same audit trail ([`ChangeRecord`]). Nothing here
//! knows a socket or a clock, and the one thread is the writer of audit lines.

pub mod audit;
#[cfg(test)]
mod cost;
mod json;
pub mod metrics;
pub mod names;
pub mod record;
pub mod span;
#[cfg(test)]
mod testing;

pub use audit::{AuditQueue, Format};
pub use metrics::Metrics;
pub use record::{
    Anomaly, AttemptRecord, Author, CallRecord, ChangeKind, ChangeRecord, Considered, Decision, Estimate, LostRoute,
    Outcome, RequestId, RuleName, TraceContext, UsageSource,
};
