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

    /// Tokens are held by a bound, and settled by what is used.
    fn holds(&self, unit: Unit, plan: &Plan) -> String {
        let input = "the body's bytes as tokens";
        match unit {
            Unit::Requests => "1 a call".to_owned(),
            Unit::ConcurrentRequests => "1 until the call ends".to_owned(),
            Unit::InputTokens => format!("{input}, an attempt"),
            Unit::OutputTokens => format!("{}, an attempt", self.output(plan)),
            Unit::TotalTokens => format!("{input} and {}, an attempt", self.output(plan)),
        }
    }

    /// The largest bound of any target; the call's own maximum lowers it.
    fn output(&self, plan: &Plan) -> String {
        if !self.call.operation.generates() {
            return "no output".to_owned();
        }
        let most = |c: &sidegate_policy::Candidate| self.snapshot.providers.get(c.provider)?.known(&c.model).max_output;
        let bounds = plan.candidates.iter().map(|c| self.call.bounds.output_tokens(most(c)));
        format!("up to {} of output", bounds.max().unwrap_or(0))
    }
}
