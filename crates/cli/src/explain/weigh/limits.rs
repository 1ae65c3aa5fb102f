//! What a call holds under each limit. Whether there is room is a sidecar's knowledge, and not told.

use sidegate_policy::{Plan, Unit};

use super::{Case, answer};
use crate::source::{self, Source};
use crate::words;

impl Case<'_> {
    pub(super) fn limits(&self, plan: &Plan) -> Vec<answer::Limit> {
        let of = |limit: &sidegate_policy::Limit| answer::Limit {
            amount: words::amount(limit),
            holds: self.holds(limit.unit, plan),
            mode: source::mode(limit.mode),
            source: Source::from(&limit.meta),
        };
        self.snapshot.limits.iter().map(of).collect()
    }

    fn holds(&self, unit: Unit, plan: &Plan) -> String {
        let input = "one token for each byte of the body at most";
        match unit {
            Unit::Requests => "1".to_owned(),
            Unit::ConcurrentRequests => "1 until the call ends".to_owned(),
            Unit::InputTokens => format!("{input}, for each attempt"),
            Unit::OutputTokens => format!("{}, for each attempt", self.output(plan)),
            Unit::TotalTokens => format!("{input}, and {}, for each attempt", self.output(plan)),
        }
    }

    /// The bound of the first target: the call's own maximum would lower it.
    fn output(&self, plan: &Plan) -> String {
        if !self.call.operation.generates() {
            return "no output".to_owned();
        }
        let first = plan.candidates.iter().min_by_key(|candidate| candidate.priority);
        let known = first.and_then(|c| Some(self.snapshot.providers.get(c.provider)?.known(&c.model).max_output));
        let bound = self.call.bounds.output_tokens(known.flatten());
        format!("{bound} tokens of output, or the call's own maximum")
    }
}
