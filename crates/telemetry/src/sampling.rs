//! Which calls are traced: decided at the head of a call, for everyone downstream, and once more when it has settled.
//!
//! At the head the caller's own decision is followed, and without one a share is taken by trace id, so that everybody
//! who samples by the same ratio takes the same traces. At the end policy may want a call although nobody sampled it:
//! those have their own spans, and none of others in their trace. Nothing here draws or counts.

#[cfg(test)]
mod tests;

use std::time::Duration;

use sidegate_policy::telemetry::{Always, Traces};

use crate::record::{CallRecord, Outcome};

/// Whether a call is traced, as far as its head tells.
#[must_use]
pub fn at_head(traces: &Traces, record: &CallRecord) -> bool {
    match &record.trace {
        Some(caller) => caller.sampled,
        // The lower half, as the ratio samplers of OpenTelemetry's SDKs take it.
        None => traces.ratio.takes(record.request_id.bits() as u64),
    }
}

/// What is asked of a call at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtEnd {
    always: Always,
    slow_over: Duration,
}

impl Default for AtEnd {
    fn default() -> Self {
        Self::of(&Traces::default())
    }
}

impl AtEnd {
    /// What policy asks.
    #[must_use]
    pub fn of(traces: &Traces) -> Self {
        Self { always: traces.always, slow_over: traces.slow_over }
    }

    /// Whether a settled call is traced whatever was decided at its head. `first`: it is the first of the sidecar's
    /// life.
    #[must_use]
    pub fn takes(&self, record: &CallRecord, first: bool) -> bool {
        let ended = match &record.outcome {
            Outcome::Refused(_) => self.always.refusal,
            Outcome::Failed(_) | Outcome::PassedOn { .. } => self.always.error,
            Outcome::Answered | Outcome::ClientCancelled => false,
        };
        ended || (self.always.slow && record.duration > self.slow_over) || (self.always.first && first)
    }
}
