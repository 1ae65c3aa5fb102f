//! One call as it happened: plain data, filled in while it goes and never changed after it settled.
//!
//! Nothing is formatted here. Whoever emits a record (audit line, metrics, spans) turns it into text, and
//! only if somebody reads it. A record holds no key, by construction: there is no field for one. Prompt and answer are in
//! its [`Detail`] where policy captures them for a sampled call, and go to the tracing back-end alone.

mod attempt;
mod change;
mod decision;
mod detail;
mod id;
mod place;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_policy::{Caller, Class, Cost, Dialect, Fault, Meta, Operation, Reason, Refusal, Streaming, Usage};

pub use attempt::{AttemptRecord, UsageSource};
pub use change::{Author, ChangeKind, ChangeRecord};
pub(crate) use decision::lost_because;
pub use decision::{Considered, Decision, LostRoute, RuleName};
pub use detail::{Content, Detail, Tool, ToolUse};
pub(crate) use id::hex;
pub use id::{RequestId, TraceContext};

/// How a call ended, as its caller saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a provider's answer, or with the sidecar's own to a question about models.
    Answered,
    /// With an error of the provider's, passed on: by its status, or behind the status of a success.
    PassedOn {
        /// What kind.
        class: Class,
        /// Why exactly, where that is known.
        reason: Option<Reason>,
    },
    /// Our policy, or the form of the call, said no.
    Refused(Box<Refusal>),
    /// Something broke.
    Failed(Box<Fault>),
    /// The caller went away before the end.
    ClientCancelled,
}

impl Outcome {
    /// The word in metrics, spans and audit lines: how it ended in one of four ways.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered | Self::PassedOn { .. } => "answered",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::ClientCancelled => "client_cancelled",
        }
    }

    /// What kind of failure it was, if it was one of the gateway's vocabulary.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Refused(refusal) => Some(refusal.class),
            Self::Failed(fault) => Some(fault.class),
            Self::PassedOn { class, .. } => Some(*class),
            Self::Answered | Self::ClientCancelled => None,
        }
    }

    /// Why exactly, where that is known.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refusal) => refusal.reason,
            Self::Failed(fault) => fault.reason,
            Self::PassedOn { reason, .. } => *reason,
            Self::Answered | Self::ClientCancelled => None,
        }
    }

    /// The rule that refused.
    #[must_use]
    pub fn refused_by(&self) -> Option<&Meta> {
        match self {
            Self::Refused(refusal) => refusal.rule.as_ref(),
            Self::Answered | Self::PassedOn { .. } | Self::Failed(_) | Self::ClientCancelled => None,
        }
    }

    /// Whether the caller got an error. One that went away got none.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self {
            Self::PassedOn { .. } | Self::Refused(_) | Self::Failed(_) => true,
            Self::Answered | Self::ClientCancelled => false,
        }
    }
}

/// Something about a provider's usage that does not add up. The call is not touched by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anomaly {
    /// An answer ended well and told no usage.
    UsageMissing,
    /// A usage stood there and could not be read.
    UsageUnreadable,
    /// More tokens than the bound that was held.
    UsageAboveBound,
    /// A class of tokens was larger than the total that contains it.
    UsageOverlaps,
}

impl Anomaly {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::UsageMissing, Self::UsageUnreadable, Self::UsageAboveBound, Self::UsageOverlaps];

    /// The word in metrics, spans and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsageMissing => "usage_missing",
            Self::UsageUnreadable => "usage_unreadable",
            Self::UsageAboveBound => "usage_above_bound",
            Self::UsageOverlaps => "usage_overlaps",
        }
    }
}

/// Tokens that the call might have taken, known before it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// An upper bound on prompt tokens.
    pub input_tokens: u64,
    /// An upper bound on generated tokens.
    pub output_tokens: u64,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Our id of it, which the caller was told.
    pub request_id: RequestId,
    /// When its head had arrived, by the wall clock.
    pub started: Timestamp,
    /// Who called.
    pub caller: Arc<Caller>,
    /// The language of the caller; none when the path told none.
    pub dialect: Option<Dialect>,
    /// What it does; none when the path told nothing.
    pub operation: Option<Operation>,
    /// The model that was asked for; empty where none was named.
    pub model: Arc<str>,
    /// How the answer was wanted.
    pub streaming: Streaming,
    /// Version of the policy in force; empty before the first one.
    pub policy_version: Arc<str>,
    /// What was decided and what was weighed; none if it did not come to a decision.
    pub decision: Option<Box<Decision>>,
    /// Limits in dry run that would have refused it.
    pub limits_would_refuse: Vec<Meta>,
    /// What it might have taken; none if it did not come to that.
    pub estimate: Option<Estimate>,
    /// Every request that went, or should have gone, to a provider.
    pub attempts: Vec<AttemptRecord>,
    /// How it ended.
    pub outcome: Outcome,
    /// Status that its caller got; none if it got none.
    pub status: Option<u16>,
    /// The model that answered, as the provider said.
    pub response_model: Option<Box<str>>,
    /// The provider's id of the answer.
    pub response_id: Option<Box<str>>,
    /// Why the answer ended, as the provider said.
    pub finish_reason: Option<Box<str>>,
    /// What does not add up.
    pub anomalies: Vec<Anomaly>,
    /// To the first meaningful event of a stream, since the start.
    pub time_to_first_event: Option<Duration>,
    /// Start to settlement.
    pub duration: Duration,
    /// Bytes of the request body.
    pub bytes_in: u64,
    /// Bytes of the response body that went to the caller.
    pub bytes_out: u64,
    /// What policy wants to be told beside: names and values.
    pub attributes: Vec<(Arc<str>, Box<str>)>,
    /// The trace that the caller is in, if it said so.
    pub trace: Option<TraceContext>,
    /// Its spans go to the tracing back-end: decided at its head, and once more when it has settled.
    pub sampled: bool,
    /// What its trace alone tells; none for a call that was not sampled at its head.
    pub detail: Option<Box<Detail>>,
}

impl CallRecord {
    /// A record of a call of which nothing is known yet. Until an outcome is set it counts as cancelled,
    /// because that is what dropping a call means.
    #[must_use]
    pub fn new(request_id: RequestId, started: Timestamp, caller: Arc<Caller>) -> Self {
        Self {
            request_id,
            started,
            caller,
            dialect: None,
            operation: None,
            model: Arc::default(),
            streaming: Streaming::No,
            policy_version: Arc::default(),
            decision: None,
            limits_would_refuse: Vec::new(),
            estimate: None,
            attempts: Vec::new(),
            outcome: Outcome::ClientCancelled,
            status: None,
            response_model: None,
            response_id: None,
            finish_reason: None,
            anomalies: Vec::new(),
            time_to_first_event: None,
            duration: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            attributes: Vec::new(),
            trace: None,
            sampled: false,
            detail: None,
        }
    }

    /// The attempt whose answer the caller got, or the last one.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&AttemptRecord> {
        self.attempts.last()
    }

    /// What was reported, or estimated, over all attempts; none if no attempt has any.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let mut known = self.attempts.iter().filter_map(|a| a.usage.as_ref());
        let first = *known.next()?;
        Some(known.fold(first, |sum, usage| add(&sum, usage)))
    }

    /// Whether some of the usage is an estimate; none without usage.
    #[must_use]
    pub fn usage_source(&self) -> UsageSource {
        self.attempts.iter().map(|a| a.usage_source).max().unwrap_or(UsageSource::None)
    }

    /// What all attempts cost together; none if none was sent.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        self.attempts.iter().filter(|a| a.sent).map(|a| a.cost).reduce(Cost::plus)
    }
}

impl CallRecord {
    /// Bytes that it keeps from others. What it shares with the policy in force is not counted, nor is its detail, which
    /// nobody keeps.
    #[must_use]
    pub fn weight(&self) -> usize {
        let text = |t: &Option<Box<str>>| t.as_ref().map_or(0, |t| t.len());
        let attempts = self.attempts.iter().map(|a| text(&a.upstream_request_id)).sum::<usize>();
        let told: usize = self.attributes.iter().map(|(_, value)| value.len()).sum();
        let outcome = match &self.outcome {
            Outcome::Refused(refusal) => size_of_val(&**refusal) + refusal.message.len(),
            Outcome::Failed(fault) => size_of_val(&**fault) + fault.message.len(),
            Outcome::Answered | Outcome::PassedOn { .. } | Outcome::ClientCancelled => 0,
        };
        let words = text(&self.response_model) + text(&self.response_id) + text(&self.finish_reason);
        size_of::<Self>()
            + self.model.len()
            + size_of_val(self.attempts.as_slice())
            + attempts
            + size_of_val(self.attributes.as_slice())
            + told
            + size_of_val(self.limits_would_refuse.as_slice())
            + size_of_val(self.anomalies.as_slice())
            + self.decision.as_ref().map_or(0, |decision| decision.weight())
            + outcome
            + words
    }
}

fn add(a: &Usage, b: &Usage) -> Usage {
    let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    Usage {
        input_total: a.input_total.saturating_add(b.input_total),
        output_total: a.output_total.saturating_add(b.output_total),
        cache_read: both(a.cache_read, b.cache_read),
        cache_write: both(a.cache_write, b.cache_write),
        cache_write_1h: both(a.cache_write_1h, b.cache_write_1h),
        audio_input: both(a.audio_input, b.audio_input),
        audio_output: both(a.audio_output, b.audio_output),
        reasoning: both(a.reasoning, b.reasoning),
    }
}
