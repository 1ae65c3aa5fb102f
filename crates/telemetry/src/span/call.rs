//! The SERVER span: the call as its caller made it, and what was decided about it.

use std::borrow::Cow;

use sidegate_policy::{DryRun, Meta, Operation};

use super::{Attributes, Parent, SpanFacts, SpanKind, Value, tool_events};
use crate::audit::result_of;
use crate::names::attribute;
use crate::record::{CallRecord, Decision, Outcome, RuleName, Tool, lost_because};

/// Entries of a list at most.
const MAX_ENTRIES: usize = 16;

pub(super) fn facts(record: &CallRecord) -> SpanFacts<'_> {
    let mut list = Attributes(Vec::with_capacity(32));
    let method = match record.operation {
        Some(Operation::ListModels | Operation::GetModel) => "GET",
        _ => "POST",
    };
    let what = record.operation.map_or("unknown", Operation::as_str);
    list.text(attribute::REQUEST_ID, record.request_id.to_string());
    if record.operation.is_some() {
        list.text(attribute::HTTP_METHOD, method);
    }
    asked(record, &mut list);
    ended(record, &mut list);
    if let Some(decision) = &record.decision {
        decided(decision, &mut list);
    }
    list.texts(attribute::LIMITS_WOULD_REFUSE, texts(&record.limits_would_refuse, |meta| meta.to_string().into()));
    if let Some(estimate) = record.estimate {
        list.number(attribute::ESTIMATE_INPUT, estimate.input_tokens);
        list.number(attribute::ESTIMATE_OUTPUT, estimate.output_tokens);
    }
    list.number(attribute::ATTEMPTS, record.attempts.len());
    list.texts(attribute::ANOMALIES, texts(&record.anomalies, |a| a.as_str().into()));
    list.number(attribute::BYTES_IN, record.bytes_in);
    list.number(attribute::BYTES_OUT, record.bytes_out);
    list.named_by_policy(record);
    SpanFacts {
        id: record.call_span(),
        parent: record.trace.map(|caller| Parent { id: caller.span_id, remote: true }),
        name: format!("{method} {what}"),
        kind: SpanKind::Server,
        start: record.started,
        duration: record.duration,
        // As HTTP's conventions have it: for a server, only what the server did wrong is an error.
        failed: matches!(record.outcome, Outcome::Failed(_)) || record.status.is_some_and(|status| status >= 500),
        attributes: list.0,
        events: tool_events(record, Tool::Result, record.started),
    }
}

fn asked<'a>(record: &'a CallRecord, list: &mut Attributes<'a>) {
    if let Some(dialect) = record.dialect {
        list.text(attribute::DIALECT, dialect.as_str());
    }
    list.text(attribute::ASKED_MODEL, &*record.model);
    list.text(attribute::CALLER_NAMESPACE, &*record.caller.namespace);
    list.text(attribute::CALLER_SERVICE_ACCOUNT, &*record.caller.service_account);
    list.text(attribute::CALLER_WORKLOAD, &*record.caller.workload);
    list.text(attribute::CALLER_POD, &*record.caller.pod);
    list.text(attribute::POLICY_VERSION, &*record.policy_version);
}

fn ended<'a>(record: &'a CallRecord, list: &mut Attributes<'a>) {
    list.text(attribute::OUTCOME, record.outcome.as_str());
    if let Some(status) = record.status {
        list.number(attribute::HTTP_STATUS, status);
    }
    let error = match &record.outcome {
        Outcome::ClientCancelled => record.outcome.as_str(),
        outcome => outcome.class().map_or("", |c| c.as_str()),
    };
    list.text(attribute::ERROR_TYPE, error);
    list.text(attribute::REASON, record.outcome.reason().map_or("", |r| r.as_str()));
    if let Some(rule) = record.outcome.refused_by() {
        list.text(attribute::REFUSED_BY, rule.to_string());
    }
}

fn decided<'a>(decision: &'a Decision, list: &mut Attributes<'a>) {
    match &decision.rule {
        RuleName::Route { name, meta } => {
            list.text(attribute::RULE, meta.to_string());
            list.number(attribute::RULE_GENERATION, meta.generation);
            list.text(attribute::ROUTE, &**name);
        }
        RuleName::Accessible => list.text(attribute::RULE, "accessible"),
    }
    list.push(attribute::PINNED, Value::Flag(decision.pinned));
    let lost = |l: &crate::record::LostRoute| format!("{} {}", l.meta, lost_because(l.why)).into();
    list.texts(attribute::LOST, texts(&decision.lost, lost));
    let left = |l: &sidegate_policy::LeftOut| format!("{}/{} {}", l.provider, l.model, l.why.as_str()).into();
    list.texts(attribute::LEFT_OUT, texts(&decision.left_out, left));
    if let Some(told) = &decision.dry_run {
        list.text(attribute::DRY_RUN, dry_run(told));
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
