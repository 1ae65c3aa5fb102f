//! What the audit trail says, and what it never says.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use sidegate_policy::{
    Caller, Class, Cost, DryRun, Fault, LeftOut, LostBecause, Nanos, Reason, Refusal, Streaming, Usage, WhyLeft,
};

use super::{AuditQueue, Format, write};
use crate::names::audit as field;
use crate::record::{Anomaly, Author, CallRecord, ChangeKind, ChangeRecord, LostRoute, Outcome, UsageSource};
use crate::testing::{attempt, meta, record};

fn line(record: &CallRecord) -> String {
    let mut out = Vec::new();
    write(Format::Json, record, &mut out);
    String::from_utf8(out).unwrap()
}

fn json(record: &CallRecord) -> Value {
    serde_json::from_str(&line(record)).unwrap()
}

fn human(record: &CallRecord) -> String {
    let mut out = Vec::new();
    write(Format::Human { colour: false }, record, &mut out);
    String::from_utf8(out).unwrap()
}

/// A record in which every field of the line has a value.
fn everything() -> CallRecord {
    let mut record = record();
    let decision = record.decision.as_mut().unwrap();
    decision.pinned = true;
    decision.lost = vec![LostRoute { meta: meta("spec.routes[slow]"), why: LostBecause::Outranked }];
    let why = WhyLeft::Denied(meta("spec.models.deny"));
    decision.left_out = vec![LeftOut { provider: "shop/vllm".into(), model: "llama".into(), why }];
    let rule = Some(meta("spec.models.allow"));
    decision.dry_run = Some(DryRun::Refused { class: Class::ModelNotAllowed, rule });
    record.limits_would_refuse = vec![meta("spec.limits[burst]")];
    record.anomalies = vec![Anomaly::UsageAboveBound];
    record.attempts[0].usage = Some(Usage {
        input_total: 12,
        output_total: 34,
        cache_read: Some(5),
        cache_write: Some(4),
        cache_write_1h: Some(3),
        audio_input: Some(2),
        audio_output: Some(1),
        reasoning: Some(9),
    });
    record.attempts[0].class = Some(Class::ProviderTransient);
    record.attempts[0].reason = Some(Reason::CutOff);
    let refusal = Refusal::new(Class::RateLimited, Reason::Overloaded, "words").by(&meta("spec.limits[burst]"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    record.attributes = vec![("purpose".into(), "support".into())];
    record.sampled = true;
    record
}

fn names(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            into.push(name.clone());
            // The names in it are policy's.
            if name != field::ATTRIBUTES {
                names(value, into);
            }
        }),
        Value::Array(list) => list.iter().for_each(|v| names(v, into)),
        _ => {}
    }
}

#[test]
fn a_good_call_is_one_json_object_on_one_line() {
    let text = line(&record());
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
    let expected = r#"{
        "schema": 1,
        "time": "2026-11-20T10:00:00.123456Z",
        "request_id": "000000000000000000000000000000ab",
        "namespace": "shop", "service_account": "checkout-sa",
        "workload": "deployment/checkout", "pod": "checkout-7d9f-x2x4z",
        "dialect": "OpenAI", "operation": "chat_completions", "model": "fast", "stream": true,
        "input_bound": 900, "output_bound": 4096,
        "outcome": "answered", "status": 200,
        "policy_version": "9f8e7d", "rule": "AIPolicy/shop/checkout spec.routes[fast]", "generation": 7,
        "provider": "sidegate-system/openai", "response_model": "gpt-4o-mini-2024-07-18",
        "response_id": "chatcmpl-1", "finish_reason": "stop",
        "input_tokens": 12, "output_tokens": 34, "cache_read_tokens": 5, "usage_source": "provider",
        "cost": "priced", "cost_nanodollars": 123000, "price_version": "2026-11-01",
        "first_event_us": 120150, "duration_us": 451000, "bytes_in": 890, "bytes_out": 12345,
        "attempts": [{
            "provider": "sidegate-system/openai", "credential": "a", "model": "gpt-4o-mini", "status": 200,
            "sent": true, "input_tokens": 12, "output_tokens": 34, "cache_read_tokens": 5,
            "usage_source": "provider", "cost": "priced", "cost_nanodollars": 123000,
            "upstream_request_id": "req_up", "start_us": 150, "duration_us": 450000
        }],
        "trace_id": "000000000000000000000000000000a1", "span_id": "00000000000000b2"
    }"#;
    assert_eq!(json(&record()), serde_json::from_str::<Value>(expected).unwrap());
}

#[test]
fn a_refusal_names_class_reason_and_rule() {
    let mut record = record();
    record.attempts.clear();
    let refusal =
        Refusal::new(Class::ModelNotAllowed, None, "secret words for the caller").by(&meta("spec.models.deny"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    record.status = Some(403);
    let told = json(&record);
    assert_eq!(told["outcome"], "refused");
    assert_eq!(told["status"], 403);
    assert_eq!(told["class"], "model_not_allowed");
    assert_eq!(told["refused_by"], "AIPolicy/shop/checkout spec.models.deny");
    assert!(told.get("cost").is_none() && told.get("attempts").is_none());
}

#[test]
fn the_sentence_for_the_caller_is_in_no_line() {
    let mut record = everything();
    for outcome in [
        Outcome::Refused(Box::new(Refusal::new(Class::PolicyDenied, None, "CANARY"))),
        Outcome::Failed(Box::new(Fault::provider(Class::Truncated, None, "CANARY"))),
    ] {
        record.outcome = outcome;
        assert!(!line(&record).contains("CANARY") && !human(&record).contains("CANARY"));
    }
}

#[test]
fn pod_labels_are_in_no_line() {
    let mut caller = Caller::clone(&record().caller);
    caller.labels.insert("CANARY".into(), "CANARY".into());
    let mut record = record();
    record.caller = Arc::new(caller);
    assert!(!line(&record).contains("CANARY") && !human(&record).contains("CANARY"));
}

#[test]
fn usage_and_cost_are_summed_over_all_attempts() {
    let mut record = record();
    let mut second = attempt();
    second.usage_source = UsageSource::Estimated;
    second.cost = Cost::Free;
    record.attempts.push(second);
    let told = json(&record);
    assert_eq!(told["input_tokens"], 24);
    assert_eq!(told["cache_read_tokens"], 10);
    assert_eq!(told["usage_source"], "estimated", "one estimate makes the sum one");
    assert_eq!((&told["cost"], &told["cost_nanodollars"]), (&"priced".into(), &123_000.into()));
}

#[test]
fn an_unknown_cost_spoils_the_sum_and_an_attempt_that_was_not_sent_costs_nothing() {
    let mut record = record();
    let mut second = attempt();
    second.cost = Cost::Unknown;
    record.attempts.push(second);
    assert_eq!(json(&record)["cost"], "unknown");
    assert!(json(&record).get("cost_nanodollars").is_none());
    record.attempts[1].sent = false;
    assert_eq!(json(&record)["cost"], "priced");
}

#[test]
fn every_field_of_the_schema_is_written_and_no_other() {
    let mut written = Vec::new();
    names(&json(&everything()), &mut written);
    let mut good = record();
    good.outcome = Outcome::Answered;
    names(&json(&good), &mut written);
    written.sort();
    written.dedup();
    let mut declared = declared_fields("audit");
    declared.sort();
    assert_eq!(written, declared);
}

#[test]
fn every_field_of_a_change_is_written_and_no_other() {
    let mut written = Vec::new();
    names(&told(&change()), &mut written);
    written.sort();
    let mut declared = declared_fields("change");
    declared.extend([field::SCHEMA, field::TIME, field::NAMESPACE, field::GENERATION].map(str::to_owned));
    declared.sort();
    assert_eq!(written, declared);
}

/// The values of all constants in a module of names.
pub(super) fn declared_fields(module: &str) -> Vec<String> {
    let source = include_str!("../names.rs").split(&format!("pub mod {module} {{")).nth(1).unwrap();
    let source = source.split("\n}\n").next().unwrap();
    let consts = source.lines().filter(|l| l.trim_start().starts_with("pub const"));
    consts.map(|l| l.split('"').nth(1).unwrap().to_owned()).collect()
}

/// A change with a value for every field, and more paths than a line holds.
fn change() -> ChangeRecord {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    ChangeRecord {
        change: ChangeKind::Changed,
        time: at("2026-11-20T10:00:00.25Z"),
        kind: "AIPolicy",
        namespace: "shop".into(),
        name: "checkout".into(),
        uid: "0b5c".into(),
        generation: Some(7),
        in_force: Some(6),
        author: Some(Author {
            manager: "kubectl-edit".into(),
            operation: "Update".into(),
            at: Some(at("2026-11-20T09:59:59Z")),
        }),
        fields: (0..18).map(|n| format!("spec.routes[{n}]")).collect(),
        more_fields: 5,
        refusals: vec!["spec.mode: must be Enforce or DryRun".to_owned()],
        accepted: Some(at("2026-11-20T10:00:00Z")),
        sidecars: Some(12),
    }
}

fn told(record: &ChangeRecord) -> Value {
    let queue = AuditQueue::default();
    queue.push_change(record);
    let mut line = Vec::new();
    queue.drain(&mut line);
    assert!(line.ends_with(b"}\n") && line.iter().filter(|b| **b == b'\n').count() == 1);
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn a_change_is_one_json_object_on_one_line() {
    let mut record = change();
    record.fields.truncate(2);
    record.refusals.clear();
    record.more_fields = 0;
    (record.in_force, record.accepted, record.sidecars) = (None, None, None);
    let expected = r#"{
        "schema": 1, "time": "2026-11-20T10:00:00.250000Z", "change": "changed",
        "kind": "AIPolicy", "namespace": "shop", "name": "checkout", "uid": "0b5c", "generation": 7,
        "manager": "kubectl-edit", "manager_operation": "Update", "written_at": "2026-11-20T09:59:59.000000Z",
        "fields": ["spec.routes[0]", "spec.routes[1]"]
    }"#;
    assert_eq!(told(&record), serde_json::from_str::<Value>(expected).unwrap());
}

#[test]
fn a_change_is_bounded_and_says_what_it_leaves_out() {
    let mut record = change();
    record.refusals = vec!["\"\n\u{1b}".repeat(10_000); 1000];
    let told = told(&record);
    assert_eq!((told["fields"].as_array().unwrap().len(), &told["more_fields"]), (16, &7.into()));
    assert_eq!(told["refusals"].as_array().unwrap().len(), 16);
    assert!(told.to_string().len() < 32 * 1024);
}

#[test]
fn a_call_is_told_with_the_trace_that_its_spans_are_in() {
    let mut record = record();
    record.trace = None;
    assert_eq!((&json(&record)["trace_id"], &json(&record)["sampled"]), (&Value::Null, &Value::Null));
    record.sampled = true;
    let told = json(&record);
    assert_eq!((&told["trace_id"], &told["sampled"]), (&told["request_id"], &true.into()), "a trace of its own");
    assert_eq!(told["span_id"], Value::Null);
    assert_eq!(told["trace_id"], format!("{:032x}", record.trace_id()));
}

#[test]
fn attributes_are_told_by_name_and_can_add_no_field() {
    let mut record = record();
    record.attributes = vec![("purpose".into(), "support".into()), ("a\",\"cost\":\"".into(), "\"}\n".into())];
    let told = json(&record);
    assert_eq!(told["attributes"]["purpose"], "support");
    assert_eq!(told["attributes"]["a\",\"cost\":\""], "\"}\n");
    assert_eq!((&told["cost"], told["attributes"].as_object().unwrap().len()), (&"priced".into(), 2));
    record.attributes = vec![("a".into(), "x".repeat(1000).into()); 1000];
    assert!(line(&record).len() < 16 * 1024);
}

#[test]
fn text_from_outside_can_neither_end_the_line_nor_add_a_field() {
    let mut record = record();
    let hostile = "a\",\"cost\":\"free\"}\r\n{\"x\":\"\\\u{0}\u{1b}[2J\u{7f}";
    record.model = hostile.into();
    record.response_model = Some(hostile.into());
    record.finish_reason = Some(hostile.into());
    record.attempts[0].upstream_request_id = Some(hostile.into());
    let text = line(&record);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.trim_end().bytes().all(|b| b >= 0x20 && b != 0x7f));
    let told = json(&record);
    assert_eq!(told["model"], hostile);
    assert_eq!(told["cost"], "priced");
    let shown = human(&record);
    assert_eq!(shown.matches('\n').count(), 1);
    assert!(shown.trim_end_matches('\n').chars().all(|c| !c.is_control()));
}

#[test]
fn text_from_outside_is_cut_between_characters() {
    let mut record = record();
    record.model = "ü".repeat(10_000).into();
    let told = json(&record);
    let model = told["model"].as_str().unwrap();
    assert_eq!(model, format!("{}…", "ü".repeat(128)));
    record.model = format!("x{}", "ü".repeat(10_000)).into();
    assert!(json(&record)["model"].as_str().unwrap().ends_with("ü…"));
}

#[test]
fn a_line_is_bounded_whatever_the_record_holds() {
    let mut record = everything();
    let long: Arc<str> = "\u{1}".repeat(10_000).into();
    record.model = long.clone();
    let mut one = record.attempts[0].clone();
    (one.provider, one.credential, one.model, one.price_version) =
        (long.clone(), long.clone(), long.clone(), long.clone());
    one.upstream_request_id = Some((&*long).into());
    record.attempts = vec![one; 1000];
    let left = LeftOut { provider: long.clone(), model: long.clone(), why: WhyLeft::Drained };
    let decision = record.decision.as_mut().unwrap();
    decision.left_out = vec![left; 1000];
    decision.lost = vec![LostRoute { meta: meta(&long), why: LostBecause::HeaderMissing }; 1000];
    record.limits_would_refuse = vec![meta(&long); 1000];
    assert!(line(&record).len() < 256 * 1024, "{}", line(&record).len());
}

#[test]
fn money_beyond_64_bits_and_below_zero_is_written_whole() {
    let mut record = record();
    for nanos in [i128::MAX, i128::MIN, -5, 0] {
        record.attempts[0].cost = Cost::Priced(Nanos(nanos));
        assert!(line(&record).contains(&format!("\"cost_nanodollars\":{nanos}")), "{nanos}");
    }
}

#[test]
fn a_line_for_people_says_who_what_where_how_much_and_how_it_ended() {
    let shown = human(&record());
    let parts: Vec<&str> = shown.split_whitespace().collect();
    let expected = "shop/checkout fast → openai/gpt-4o-mini fast in 12 out 34 cached 5 \
                    $0.000123 first 120.1ms total 451.0ms 200";
    assert_eq!(parts, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn lines_for_people_stand_in_columns() {
    let (a, mut b) = (record(), record());
    b.model = "a-longer-name".into();
    b.attempts[0].model = "gpt-4o".into();
    b.duration = Duration::from_micros(900);
    let column = |record: &CallRecord| {
        human(record).chars().collect::<Vec<_>>().windows(5).position(|w| w == ['t', 'o', 't', 'a', 'l'])
    };
    assert_eq!(column(&a), column(&b));
    assert!(human(&a).chars().count() < 170, "{}", human(&a));
}

#[test]
fn lines_for_people_tell_estimates_refusals_and_cancellations() {
    let mut record = record();
    record.attempts[0].usage_source = UsageSource::Estimated;
    record.outcome = Outcome::ClientCancelled;
    assert!(human(&record).contains("in ~12 out ~34") && human(&record).ends_with("client cancelled\n"));
    record.attempts.clear();
    let refusal = Refusal::new(Class::RateLimited, None, "words").by(&meta("spec.limits[burst]"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    let shown = human(&record);
    assert!(
        shown.contains("AIPolicy/shop/checkout spec.limits[burst]") && shown.ends_with("refused rate_limited\n"),
        "{shown}"
    );
}

#[test]
fn colour_comes_only_when_asked_for() {
    assert!(!human(&record()).contains('\u{1b}'));
    let mut out = Vec::new();
    write(Format::Human { colour: true }, &record(), &mut out);
    assert!(String::from_utf8(out).unwrap().ends_with("\u{1b}[32m200\u{1b}[0m\n"));
}

#[test]
fn what_finds_no_room_is_dropped_whole_and_counted() {
    let one = line(&record()).len();
    let queue = AuditQueue::new(Format::Json, 2 * one + 5);
    (0..5).for_each(|_| queue.push(&record()));
    assert_eq!(queue.dropped(), 3);
    let mut lines = Vec::new();
    queue.drain(&mut lines);
    assert_eq!(lines.len(), 2 * one);
    assert!(lines.ends_with(b"}\n"));
    queue.push(&record());
    assert_eq!(queue.dropped(), 3, "drained, there is room again");
}

#[test]
fn a_queue_without_room_drops_everything() {
    let queue = AuditQueue::new(Format::Json, 0);
    queue.push(&record());
    assert_eq!(queue.dropped(), 1);
}

#[test]
fn draining_keeps_order_and_what_the_writer_still_has() {
    let queue = AuditQueue::default();
    let mut lines = b"before\n".to_vec();
    for model in ["one", "two"] {
        let mut record = record();
        record.model = model.into();
        queue.push(&record);
    }
    queue.drain(&mut lines);
    let text = String::from_utf8(lines).unwrap();
    let order: Vec<usize> = ["before", "\"one\"", "\"two\""].iter().map(|w| text.find(w).unwrap()).collect();
    assert!(order.is_sorted());
    let mut empty = Vec::new();
    queue.drain(&mut empty);
    assert!(empty.is_empty());
}

proptest! {
    /// Whatever the texts are, the line is one valid JSON object with the same texts in it.
    #[test]
    fn any_text_survives_the_line(model in ".{0,40}", reason in "\\PC{0,40}") {
        let mut record = record();
        record.model = model.as_str().into();
        record.finish_reason = Some(reason.as_str().into());
        let told = json(&record);
        prop_assert_eq!(told.get("model").map_or("", |m| m.as_str().unwrap()), model);
        prop_assert_eq!(told["finish_reason"].as_str().unwrap(), reason);
    }

    /// The date that is written is the one that the calendar has.
    #[test]
    fn any_time_is_written_as_the_calendar_has_it(micros in -62_135_596_800_000_000_i64..=253_402_207_200_999_999) {
        let mut record = record();
        record.started = Timestamp::from_microsecond(micros).unwrap();
        let told = json(&record);
        prop_assert_eq!(told["time"].as_str().unwrap(), format!("{:.6}", record.started));
    }

    /// So is any number.
    #[test]
    fn any_number_is_written_in_decimal(bytes in any::<u64>(), cost in any::<i64>()) {
        let mut record = record();
        record.bytes_in = bytes;
        record.streaming = Streaming::No;
        record.attempts[0].cost = Cost::Priced(Nanos(i128::from(cost)));
        let told = json(&record);
        prop_assert_eq!(told["bytes_in"].as_u64().unwrap(), bytes);
        prop_assert_eq!(told["cost_nanodollars"].as_i64().unwrap(), cost);
    }
}
