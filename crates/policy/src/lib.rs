//! The vocabulary of calls and policy, and the pure decision about a call.
//!
//! Everything here is data or a pure function of it: no IO, no clock, no chance of its own. The sidecar,
//! the control plane and the command line think in these words; what people write (`crds`) and what
//! travels (`wire`) are other vocabularies, converted at their doors.

pub mod call;
pub mod caller;
pub mod decide;
pub mod glob;
pub mod meta;
pub mod money;
pub mod offers;
pub mod plan;
pub mod provider;
pub mod refusal;
pub mod snapshot;
pub mod suspension;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod usage;

pub use call::{Bounds, Call, Conversation, Dialect, Fallbacks, Operation, Streaming};
pub use caller::Caller;
pub use decide::{Conditions, Weighing, decide, weigh};
pub use glob::Glob;
pub use meta::{Meta, ObjectKind, Rank, Specificity};
pub use money::{Cost, Nanos, Price, Rate, Rates, Tier};
pub use plan::{Candidate, DryRun, LeftOut, Lost, LostBecause, Pin, Plan, Rule, WhyLeft};
pub use provider::{Credential, Endpoint, ModelFacts, ModelMatch, Network, PriceRule, Provider, Timeouts};
pub use refusal::{Class, Fault, Origin, Reason, Refusal};
pub use snapshot::{HeaderMatch, Limit, LimitId, Match, Mode, ModelList, ProviderSlot, Route, Snapshot, Target, Unit};
pub use suspension::{CircuitKey, Suspension, Suspensions};
pub use telemetry::{Always, Attribute, AttributeValue, Content, Ratio, Telemetry, Traces};
pub use usage::{Classes, Usage};
