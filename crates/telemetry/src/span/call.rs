//! The SERVER span: the call as its caller made it, and what was decided about it.

use std::borrow::Cow;

use sidegate_policy::{DryRun, LeftOut, Meta, Operation};

use super::{Attributes, Kind, Parent, Span, Value};
use crate::audit::result_of;
use crate::names::attribute;
use crate::record::{CallRecord, Decision, LostRoute, Outcome, RequestId, RuleName, lost_because};

/// Entries of a list at most.
const MAX_ENTRIES: usize = 16;

/// The span of a call.
pub(super) fn span(record: &CallRecord) -> Span<'_> {
    let what = record.operation.map_or("unknown", Operation::as_str);
    Span {
        id: record.call_span(),
        parent: record.trace.map(|caller| Parent { id: caller.span_id, remote: true }),
        what: [method(record), what],
        kind: Kind::Server,
        start: record.started,
        duration: record.duration,
        // As HTTP's conventions have it: for a server, only what the server did wrong is an error.
        failed: matches!(record.outcome, Outcome::Failed(_)) || record.status.is_some_and(|status| status >= 500),
        record,
    }
}

fn method(record: &CallRecord) -> &'static str {
    match record.operation {
        Some(Operation::ListModels | Operation::GetModel) => "GET",
        _ => "POST",
    }
}

/// What is known of a call.
pub(super) fn attributes(record: &CallRecord, into: &mut impl Attributes) {
    into.text(attribute::REQUEST_ID, record.request_id.write(&mut [0; RequestId::LEN]));
    if record.operation.is_some() {
        into.text(attribute::HTTP_METHOD, method(record));
    }
    asked(record, into);
    ended(record, into);
    if let Some(decision) = &record.decision {
        decided(decision, into);
    }
    into.texts(attribute::LIMITS_WOULD_REFUSE, &texts(&record.limits_would_refuse, |meta| meta.to_string().into()));
    if let Some(estimate) = record.estimate {
        into.number(attribute::ESTIMATE_INPUT, estimate.input_tokens);
        into.number(attribute::ESTIMATE_OUTPUT, estimate.output_tokens);
    }
    into.number(attribute::ATTEMPTS, record.attempts.len());
    into.texts(attribute::ANOMALIES, &texts(&record.anomalies, |anomaly| anomaly.as_str().into()));
    into.number(attribute::BYTES_IN, record.bytes_in);
    into.number(attribute::BYTES_OUT, record.bytes_out);
}

fn asked(record: &CallRecord, into: &mut impl Attributes) {
    if let Some(dialect) = record.dialect {
        into.text(attribute::DIALECT, dialect.as_str());
    }
    into.text(attribute::ASKED_MODEL, &record.model);
    into.text(attribute::CALLER_NAMESPACE, &record.caller.namespace);
    into.text(attribute::CALLER_SERVICE_ACCOUNT, &record.caller.service_account);
    into.text(attribute::CALLER_WORKLOAD, &record.caller.workload);
    into.text(attribute::CALLER_POD, &record.caller.pod);
    into.text(attribute::POLICY_VERSION, &record.policy_version);
}

fn ended(record: &CallRecord, into: &mut impl Attributes) {
    into.text(attribute::OUTCOME, record.outcome.as_str());
    if let Some(status) = record.status {
        into.number(attribute::HTTP_STATUS, status);
    }
    let error = match &record.outcome {
        Outcome::ClientCancelled => record.outcome.as_str(),
        outcome => outcome.class().map_or("", |c| c.as_str()),
    };
    into.text(attribute::ERROR_TYPE, error);
    into.text(attribute::REASON, record.outcome.reason().map_or("", |r| r.as_str()));
    if let Some(rule) = record.outcome.refused_by() {
        into.put(attribute::REFUSED_BY, Value::Shown(rule));
    }
}

fn decided(decision: &Decision, into: &mut impl Attributes) {
    match &decision.rule {
        RuleName::Route { name, meta } => {
            into.put(attribute::RULE, Value::Shown(meta));
            into.number(attribute::RULE_GENERATION, meta.generation);
            into.text(attribute::ROUTE, name);
        }
        RuleName::Accessible => into.text(attribute::RULE, "accessible"),
    }
    into.put(attribute::PINNED, Value::Flag(decision.pinned));
    let lost = |l: &LostRoute| format!("{} {}", l.meta, lost_because(l.why)).into();
    into.texts(attribute::LOST, &texts(&decision.lost, lost));
    let left = |l: &LeftOut| format!("{}/{} {}", l.provider, l.model, l.why.as_str()).into();
    into.texts(attribute::LEFT_OUT, &texts(&decision.left_out, left));
    if let Some(dry) = &decision.dry_run {
        into.text(attribute::DRY_RUN, &dry_run(dry));
    }
}

/// `refused model_not_allowed AIPolicy/shop/strict spec.models.allow`
fn dry_run(told: &DryRun) -> String {
    let mut text = result_of(told).to_owned();
    let mut add = |word: &str| {
        text.push(' ');
        text.push_str(word);
    };
    let rule: Option<&Meta> = match told {
        DryRun::Same => None,
        DryRun::Refused { class, rule } => {
            add(class.as_str());
            rule.as_ref()
        }
        DryRun::Routed { rule } => rule.as_ref(),
    };
    if let Some(rule) = rule {
        add(&rule.to_string());
    }
    text
}

fn texts<'a, T>(entries: &[T], told: impl Fn(&T) -> Cow<'a, str>) -> Vec<Cow<'a, str>> {
    entries.iter().take(MAX_ENTRIES).map(told).collect()
}
