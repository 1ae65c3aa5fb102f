//! Counters of whole calls: how they ended, how long they took, who refused them.

use std::borrow::Cow;

use sidegate_policy::{Dialect, DryRun, Meta};

use super::SECONDS;
use crate::audit::result_of;
use crate::exposition::Labels;
use crate::instrument::{Capped, Counter, Histogram, Register, Traced};
use crate::names::{label, metric};
use crate::record::{Anomaly, CallRecord, Outcome};

/// Label sets of each family at most.
const CALLS: usize = 64;
const REFUSALS: usize = 64;
const DRY_RUNS: usize = 32;

#[derive(Debug)]
pub(super) struct Calls {
    calls: Capped<3, Counter>,
    /// Answered without an error, by dialect: what nearly every call is, without a look-up.
    good: [Counter; Dialect::ALL.len()],
    duration: [Histogram; 4],
    refusals: Capped<2, Counter>,
    anomalies: Capped<1, Counter>,
    dry_run: Capped<2, Counter>,
}

impl Calls {
    pub(super) fn register(register: &mut Register, who: &Labels) -> Self {
        let calls = Capped::new([label::DIALECT, label::OUTCOME, label::CLASS], CALLS, Counter::default);
        let calls = register.add_of(metric::CALLS, "Calls by outcome and class", who.clone(), calls);
        let outcomes = ["answered", "refused", "failed", "client_cancelled"];
        let durations = Capped::new([label::OUTCOME], outcomes.len(), || Histogram::new(&SECONDS));
        let help = "Seconds of each call, with everything that it waited for";
        let durations = register.add(metric::CALL_DURATION, help, durations);
        let refusals = Capped::new([label::CLASS, label::RULE], REFUSALS, Counter::default);
        let anomalies = Capped::new([label::ANOMALY], Anomaly::ALL.len(), Counter::default);
        let dry_run = Capped::new([label::RESULT, label::RULE], DRY_RUNS, Counter::default);
        Self {
            good: Dialect::ALL.map(|d| calls.get(values(Some(d), "answered", ""))),
            calls,
            duration: outcomes.map(|outcome| durations.get([Cow::Borrowed(outcome)])),
            refusals: register.add(metric::REFUSALS, "Refusals by class and rule", refusals),
            anomalies: register.add(metric::ANOMALIES, "Usage that does not add up, by kind", anomalies),
            dry_run: register.add(metric::DRY_RUN, "What objects in dry run would have done, by rule", dry_run),
        }
    }

    pub(super) fn observe(&self, record: &CallRecord, traced: Option<&Traced>) {
        let kind = match &record.outcome {
            Outcome::Answered | Outcome::PassedOn { .. } => 0,
            Outcome::Refused(_) => 1,
            Outcome::Failed(_) => 2,
            Outcome::ClientCancelled => 3,
        };
        self.duration[kind].observe(record.duration.as_secs_f64(), traced);
        match (&record.outcome, record.dialect) {
            (Outcome::Answered, Some(dialect)) => self.good[place(dialect)].inc(),
            (outcome, dialect) => {
                let class = outcome.class().map_or("", |c| c.as_str());
                self.calls.get(values(dialect, outcome.as_str(), class)).inc();
            }
        }
        if let Outcome::Refused(refusal) = &record.outcome {
            let rule = refusal.rule.as_ref().map(object).unwrap_or_default();
            let class = Cow::Borrowed(refusal.class.as_str());
            self.refusals.get([class, rule.into()]).inc();
        }
        for anomaly in &record.anomalies {
            self.anomalies.get([Cow::Borrowed(anomaly.as_str())]).inc();
        }
        self.observe_dry_run(record);
    }

    fn observe_dry_run(&self, record: &CallRecord) {
        let count = |result: &'static str, rule: Option<&Meta>| {
            let rule = rule.map(object).unwrap_or_default();
            self.dry_run.get([Cow::Borrowed(result), rule.into()]).inc();
        };
        if let Some(told) = record.decision.as_ref().and_then(|d| d.dry_run.as_ref()) {
            let rule = match told {
                DryRun::Same => None,
                DryRun::Refused { rule, .. } | DryRun::Routed { rule } => rule.as_ref(),
            };
            count(result_of(told), rule);
        }
        for limit in &record.limits_would_refuse {
            count("limited", Some(limit));
        }
    }
}

fn values(dialect: Option<Dialect>, outcome: &'static str, class: &'static str) -> [Cow<'static, str>; 3] {
    [dialect.map_or("", Dialect::as_str), outcome, class].map(Cow::Borrowed)
}

fn place(dialect: Dialect) -> usize {
    match dialect {
        Dialect::OpenAi => 0,
        Dialect::Anthropic => 1,
        Dialect::Gemini => 2,
    }
}

/// The object of a rule without its field: a bounded label.
fn object(meta: &Meta) -> String {
    format!("{}/{}/{}", meta.kind.as_str(), meta.namespace, meta.name)
}
