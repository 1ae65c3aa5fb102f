//! The SERVER span: the call as its caller made it, and what was decided about it.

use std::borrow::Cow;

use sidegate_policy::{DryRun, LeftOut, Meta, Operation};

use super::{Attributes, Of, Parent, Span, SpanKind, Value};
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
        name: [method(record), what],
        kind: SpanKind::Server,
        start: record.started,
        duration: record.duration,
        // As HTTP's conventions have it: for a server, only what the server did wrong is an error.
        failed: matches!(record.outcome, Outcome::Failed(_)) || record.status.is_some_and(|status| status >= 500),
        record,
        of: Of::Call,
    }
}

fn method(record: &CallRecord) -> &'static str {
    match record.operation {
        Some(Operation::ListModels | Operation::GetModel) => "GET",
        _ => "POST",
    }
}

/// What is known of a call.
pub(super) fn attributes(record: &CallRecord, told: &mut impl Attributes) {
    told.text(attribute::REQUEST_ID, record.request_id.write(&mut [0; RequestId::LEN]));
    if record.operation.is_some() {
        told.text(attribute::HTTP_METHOD, method(record));
    }
    asked(record, told);
    ended(record, told);
    if let Some(decision) = &record.decision {
        decided(decision, told);
    }
    told.texts(attribute::LIMITS_WOULD_REFUSE, &texts(&record.limits_would_refuse, |meta| meta.to_string().into()));
    if let Some(estimate) = record.estimate {
        told.number(attribute::ESTIMATE_INPUT, estimate.input_tokens);
        told.number(attribute::ESTIMATE_OUTPUT, estimate.output_tokens);
    }
    told.number(attribute::ATTEMPTS, record.attempts.len());
    told.texts(attribute::ANOMALIES, &texts(&record.anomalies, |anomaly| anomaly.as_str().into()));
    told.number(attribute::BYTES_IN, record.bytes_in);
    told.number(attribute::BYTES_OUT, record.bytes_out);
}

fn asked(record: &CallRecord, told: &mut impl Attributes) {
    if let Some(dialect) = record.dialect {
        told.text(attribute::DIALECT, dialect.as_str());
    }
    told.text(attribute::ASKED_MODEL, &record.model);
    told.text(attribute::CALLER_NAMESPACE, &record.caller.namespace);
    told.text(attribute::CALLER_SERVICE_ACCOUNT, &record.caller.service_account);
    told.text(attribute::CALLER_WORKLOAD, &record.caller.workload);
    told.text(attribute::CALLER_POD, &record.caller.pod);
    told.text(attribute::POLICY_VERSION, &record.policy_version);
}

fn ended(record: &CallRecord, told: &mut impl Attributes) {
    told.text(attribute::OUTCOME, record.outcome.as_str());
    if let Some(status) = record.status {
        told.number(attribute::HTTP_STATUS, status);
    }
    let error = match &record.outcome {
        Outcome::ClientCancelled => record.outcome.as_str(),
        outcome => outcome.class().map_or("", |c| c.as_str()),
    };
    told.text(attribute::ERROR_TYPE, error);
    told.text(attribute::REASON, record.outcome.reason().map_or("", |r| r.as_str()));
    if let Some(rule) = record.outcome.refused_by() {
        told.put(attribute::REFUSED_BY, Value::Shown(rule));
    }
}

fn decided(decision: &Decision, told: &mut impl Attributes) {
    match &decision.rule {
        RuleName::Route { name, meta } => {
            told.put(attribute::RULE, Value::Shown(meta));
            told.number(attribute::RULE_GENERATION, meta.generation);
            told.text(attribute::ROUTE, name);
        }
        RuleName::Accessible => told.text(attribute::RULE, "accessible"),
    }
    told.put(attribute::PINNED, Value::Flag(decision.pinned));
    let lost = |l: &LostRoute| format!("{} {}", l.meta, lost_because(l.why)).into();
    told.texts(attribute::LOST, &texts(&decision.lost, lost));
    let left = |l: &LeftOut| format!("{}/{} {}", l.provider, l.model, l.why.as_str()).into();
    told.texts(attribute::LEFT_OUT, &texts(&decision.left_out, left));
    if let Some(dry) = &decision.dry_run {
        told.text(attribute::DRY_RUN, &dry_run(dry));
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
