//! Counters of whole calls: how they ended, how long they took, who refused them.

use std::borrow::Cow;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sidegate_policy::{Dialect, DryRun, Meta};

use super::attempts::seconds_histogram;
use super::capped::{Capped, Label};
use crate::audit::result_of;
use crate::names::{label, metric};
use crate::record::{Anomaly, CallRecord, Outcome};

/// Label sets of each family at most.
const CALLS: usize = 100;
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
    pub(super) fn register(registry: &mut Registry) -> Self {
        let calls = Capped::counters(registry, metric::CALLS, "Calls by outcome and class", CALLS);
        let family: Family<[Label; 1], Histogram, fn() -> Histogram> =
            Family::new_with_constructor(seconds_histogram as fn() -> Histogram);
        let help = "Seconds of each call, with everything that it waited for";
        registry.register(metric::CALL_DURATION, help, family.clone());
        let of = |outcome: &'static str| family.get_or_create_owned(&[(label::OUTCOME, Cow::Borrowed(outcome))]);
        Self {
            good: Dialect::ALL.map(|d| calls.get(labels(Some(d), "answered", Cow::Borrowed("")))),
            calls,
            duration: ["answered", "refused", "failed", "client_cancelled"].map(of),
            refusals: Capped::counters(registry, metric::REFUSALS, "Refusals by class and rule", REFUSALS),
            anomalies: Capped::counters(
                registry,
                metric::ANOMALIES,
                "Usage that does not add up, by kind",
                Anomaly::ALL.len(),
            ),
            dry_run: Capped::counters(
                registry,
                metric::DRY_RUN,
                "What objects in dry run would have done, by rule",
                DRY_RUNS,
            ),
        }
    }

    pub(super) fn observe(&self, record: &CallRecord) {
        let kind = match &record.outcome {
            Outcome::Answered(_) => 0,
            Outcome::Refused(_) => 1,
            Outcome::Failed(_) => 2,
            Outcome::ClientCancelled => 3,
        };
        self.duration[kind].observe(record.duration.as_secs_f64());
        match record.dialect {
            Some(dialect) if !record.outcome.is_error() => self.good[place(dialect)].inc(),
            dialect => self.calls.get(labels(dialect, record.outcome.as_str(), class(&record.outcome))).inc(),
        };
        if let Outcome::Refused(refusal) = &record.outcome {
            let rule = refusal.rule.as_ref().map(object).unwrap_or_default();
            let class = Cow::Borrowed(refusal.class.as_str());
            self.refusals.get([(label::CLASS, class), (label::RULE, rule.into())]).inc();
        }
        for anomaly in &record.anomalies {
            self.anomalies.get([(label::ANOMALY, Cow::Borrowed(anomaly.as_str()))]).inc();
        }
        self.observe_dry_run(record);
    }

    fn observe_dry_run(&self, record: &CallRecord) {
        let count = |result: &'static str, rule: Option<&Meta>| {
            let rule = rule.map(object).unwrap_or_default();
            self.dry_run.get([(label::RESULT, Cow::Borrowed(result)), (label::RULE, rule.into())]).inc();
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

fn labels(dialect: Option<Dialect>, outcome: &'static str, class: Cow<'static, str>) -> [Label; 3] {
    let dialect = dialect.map_or("", Dialect::as_str);
    [(label::DIALECT, Cow::Borrowed(dialect)), (label::OUTCOME, Cow::Borrowed(outcome)), (label::CLASS, class)]
}

/// The class of the gateway's vocabulary, or `4xx` and `5xx` for an error that was passed on.
fn class(outcome: &Outcome) -> Cow<'static, str> {
    match outcome {
        Outcome::Answered(500..) => Cow::Borrowed("5xx"),
        Outcome::Answered(400..) => Cow::Borrowed("4xx"),
        _ => Cow::Borrowed(outcome.class().map_or("", |c| c.as_str())),
    }
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
