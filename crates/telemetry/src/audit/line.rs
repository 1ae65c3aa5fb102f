//! The audit line for machines: one JSON object, schema version first.
//!
//! Fields without a value are left out. Lists are bounded, and so is every text in them.

use std::ops::Range;

use sidegate_policy::{Cost, DryRun, LeftOut, Meta, Usage, WhyLeft};

use crate::json::Json;
use crate::names::{AUDIT_SCHEMA, audit as field};
use crate::record::{
    AttemptRecord, CallRecord, Decision, LostRoute, RequestId, RuleName, UsageSource, hex, lost_because,
};

use super::MAX_ENTRIES;

/// Appends the object, without a line break.
pub(super) fn write(record: &CallRecord, out: &mut Vec<u8>) {
    Json::new(out).object(|json| {
        json.name(field::SCHEMA).number(AUDIT_SCHEMA);
        json.name(field::TIME).time(record.started);
        json.name(field::REQUEST_ID).word(record.request_id.write(&mut [0; RequestId::LEN]));
        caller(record, json);
        asked(record, json);
        outcome(record, json);
        if !record.policy_version.is_empty() {
            json.name(field::POLICY_VERSION).text(&record.policy_version);
        }
        if let Some(decided) = &record.decision {
            decision(decided, json);
        }
        if !record.limits_would_refuse.is_empty() {
            list(json, field::LIMITS_WOULD_REFUSE, &record.limits_would_refuse, meta);
        }
        served(record, json);
        let sums = sums(record, json);
        if !record.attempts.is_empty() {
            list(json, field::ATTEMPTS, &record.attempts, |a, json| json.object(|json| attempt(a, &sums, json)));
        }
        if record.sampled || record.trace.is_some() {
            trace(record, json);
        }
        if !record.attributes.is_empty() {
            json.name(field::ATTRIBUTES).object(|json| attributes(record, json));
        }
    });
}

fn caller(record: &CallRecord, json: &mut Json<'_>) {
    let caller = &record.caller;
    for (name, value) in [
        (field::NAMESPACE, &caller.namespace),
        (field::SERVICE_ACCOUNT, &caller.service_account),
        (field::WORKLOAD, &caller.workload),
        (field::POD, &caller.pod),
    ] {
        some_text(json, name, value);
    }
}

fn asked(record: &CallRecord, json: &mut Json<'_>) {
    if let Some(dialect) = record.dialect {
        json.name(field::DIALECT).word(dialect.as_str());
    }
    if let Some(operation) = record.operation {
        json.name(field::OPERATION).word(operation.as_str());
    }
    some_text(json, field::MODEL, &record.model);
    json.name(field::STREAM).flag(record.streaming.is_streamed());
    if let Some(estimate) = record.estimate {
        json.name(field::INPUT_BOUND).number(estimate.input_tokens);
        json.name(field::OUTPUT_BOUND).number(estimate.output_tokens);
    }
}

fn outcome(record: &CallRecord, json: &mut Json<'_>) {
    let outcome = &record.outcome;
    json.name(field::OUTCOME).word(outcome.as_str());
    if let Some(status) = record.status {
        json.name(field::STATUS).number(u64::from(status));
    }
    if let Some(class) = outcome.class() {
        json.name(field::CLASS).word(class.as_str());
    }
    if let Some(reason) = outcome.reason() {
        json.name(field::REASON).word(reason.as_str());
    }
    if let Some(rule) = outcome.refused_by() {
        meta(rule, json.name(field::REFUSED_BY));
        json.name(field::REFUSED_BY_GENERATION).signed(i128::from(rule.generation));
    }
}

fn decision(decision: &Decision, json: &mut Json<'_>) {
    match &decision.rule {
        RuleName::Route { meta: rule, .. } => {
            meta(rule, json.name(field::RULE));
            json.name(field::GENERATION).signed(i128::from(rule.generation));
        }
        RuleName::Accessible => json.name(field::RULE).word("accessible"),
    }
    if decision.pinned {
        json.name(field::PINNED).flag(true);
    }
    if !decision.lost.is_empty() {
        list(json, field::LOST, &decision.lost, |l, json| json.object(|json| lost(l, json)));
    }
    if !decision.left_out.is_empty() {
        list(json, field::LEFT_OUT, &decision.left_out, |l, json| json.object(|json| left_out(l, json)));
    }
    if let Some(told) = &decision.dry_run {
        json.name(field::DRY_RUN).object(|json| dry_run(told, json));
    }
}

fn lost(lost: &LostRoute, json: &mut Json<'_>) {
    meta(&lost.meta, json.name(field::RULE));
    json.name(field::WHY).word(lost_because(lost.why));
}

fn left_out(left: &LeftOut, json: &mut Json<'_>) {
    json.name(field::PROVIDER).text(&left.provider);
    json.name(field::MODEL).text(&left.model);
    json.name(field::WHY).word(left.why.as_str());
    if let WhyLeft::Denied(rule) | WhyLeft::NotAllowed(rule) = &left.why {
        meta(rule, json.name(field::RULE));
    }
}

fn dry_run(told: &DryRun, json: &mut Json<'_>) {
    json.name(field::RESULT).word(super::result_of(told));
    if let DryRun::Refused { class, .. } = told {
        json.name(field::CLASS).word(class.as_str());
    }
    if let DryRun::Refused { rule: Some(rule), .. } | DryRun::Routed { rule: Some(rule) } = told {
        meta(rule, json.name(field::RULE));
    }
}

/// Who answered, or was asked last.
fn served(record: &CallRecord, json: &mut Json<'_>) {
    if let Some(last) = record.last_attempt() {
        json.name(field::PROVIDER).text(&last.provider);
    }
    for (name, value) in [
        (field::RESPONSE_MODEL, &record.response_model),
        (field::RESPONSE_ID, &record.response_id),
        (field::FINISH_REASON, &record.finish_reason),
    ] {
        if let Some(value) = value {
            json.name(name).text(value);
        }
    }
}

/// The usage of a call and where it stands in the line: of one attempt it is the attempt's too, and is not written anew.
struct Sums {
    usage: Option<Usage>,
    source: UsageSource,
    place: Range<usize>,
}

fn sums(record: &CallRecord, json: &mut Json<'_>) -> Sums {
    let (used, source) = (record.usage(), record.usage_source());
    let begin = json.len();
    if let Some(used) = &used {
        usage(used, source, json);
    }
    let place = begin..json.len();
    if let Some(sum) = record.cost() {
        cost(sum, json);
    }
    if let Some(last) = record.last_attempt().filter(|a| !a.price_version.is_empty()) {
        json.name(field::PRICE_VERSION).text(&last.price_version);
    }
    if !record.anomalies.is_empty() {
        list(json, field::ANOMALIES, &record.anomalies, |a, json| json.word(a.as_str()));
    }
    if let Some(first) = record.time_to_first_event {
        json.name(field::FIRST_EVENT_US).micros(first);
    }
    json.name(field::DURATION_US).micros(record.duration);
    json.name(field::BYTES_IN).number(record.bytes_in);
    json.name(field::BYTES_OUT).number(record.bytes_out);
    Sums { usage: used, source, place }
}

fn usage(usage: &Usage, source: UsageSource, json: &mut Json<'_>) {
    json.name(field::INPUT_TOKENS).number(usage.input_total);
    json.name(field::OUTPUT_TOKENS).number(usage.output_total);
    for (name, tokens) in [
        (field::CACHE_READ_TOKENS, usage.cache_read),
        (field::CACHE_WRITE_TOKENS, usage.cache_write),
        (field::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h),
        (field::AUDIO_INPUT_TOKENS, usage.audio_input),
        (field::AUDIO_OUTPUT_TOKENS, usage.audio_output),
        (field::REASONING_TOKENS, usage.reasoning),
    ] {
        if let Some(tokens) = tokens {
            json.name(name).number(tokens);
        }
    }
    json.name(field::USAGE_SOURCE).word(source.as_str());
}

fn cost(cost: Cost, json: &mut Json<'_>) {
    json.name(field::COST).word(cost.state());
    if let Cost::Priced(nanos) = cost {
        json.name(field::COST_NANODOLLARS).signed(nanos.0);
    }
}

fn attempt(attempt: &AttemptRecord, sums: &Sums, json: &mut Json<'_>) {
    json.name(field::PROVIDER).text(&attempt.provider);
    some_text(json, field::CREDENTIAL, &attempt.credential);
    json.name(field::MODEL).text(&attempt.model);
    if let Some(status) = attempt.status {
        json.name(field::STATUS).number(u64::from(status));
    }
    if let Some(class) = attempt.class {
        json.name(field::CLASS).word(class.as_str());
    }
    if let Some(reason) = attempt.reason {
        json.name(field::REASON).word(reason.as_str());
    }
    json.name(field::SENT).flag(attempt.sent);
    if attempt.usage == sums.usage && attempt.usage_source == sums.source {
        json.again(&sums.place);
    } else if let Some(used) = &attempt.usage {
        usage(used, attempt.usage_source, json);
    }
    cost(attempt.cost, json);
    if let Some(id) = &attempt.upstream_request_id {
        json.name(field::UPSTREAM_REQUEST_ID).text(id);
    }
    json.name(field::START_US).micros(attempt.started);
    json.name(field::DURATION_US).micros(attempt.duration);
}

/// The trace that leads to its spans, or to its caller's.
fn trace(record: &CallRecord, json: &mut Json<'_>) {
    let mut trace_id = [0; 32];
    hex(&record.trace_id().to_be_bytes(), &mut trace_id);
    json.name(field::TRACE_ID).word(std::str::from_utf8(&trace_id).unwrap_or_default());
    if let Some(caller) = &record.trace {
        let mut span_id = [0; 16];
        hex(&caller.span_id.to_be_bytes(), &mut span_id);
        json.name(field::SPAN_ID).word(std::str::from_utf8(&span_id).unwrap_or_default());
    }
    if record.sampled {
        json.name(field::SAMPLED).flag(true);
    }
}

/// Their names come from policy, so they are escaped as texts are.
fn attributes(record: &CallRecord, json: &mut Json<'_>) {
    for (name, value) in record.attributes.iter().take(MAX_ENTRIES) {
        json.named(name).text(value);
    }
}

fn some_text(json: &mut Json<'_>, name: &'static str, text: &str) {
    if !text.is_empty() {
        json.name(name).text(text);
    }
}

/// `AIPolicy/shop/checkout spec.routes[fast]`, as `Meta` displays itself.
fn meta(meta: &Meta, json: &mut Json<'_>) {
    let before_field = if meta.field.is_empty() { "" } else { " " };
    let name = [("", meta.kind.as_str()), ("/", &*meta.namespace), ("/", &*meta.name), (before_field, &*meta.field)];
    json.joined(name);
}

fn list<T>(json: &mut Json<'_>, name: &'static str, entries: &[T], mut write: impl FnMut(&T, &mut Json<'_>)) {
    json.name(name).array(|json| entries.iter().take(MAX_ENTRIES).for_each(|entry| write(entry, json)));
}
