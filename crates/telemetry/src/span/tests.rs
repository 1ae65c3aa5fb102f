//! What a tracing back-end would be told.

use std::collections::BTreeSet;
use std::time::Duration;

use sidegate_policy::{Class, Cost, DryRun, Fault, LeftOut, LostBecause, Nanos, Reason, Refusal, WhyLeft};

use super::{CallSpans, SpanFacts, SpanKind, Value, to_json};
use crate::names::attribute;
use crate::record::{LostRoute, Outcome, RuleName};
use crate::testing::{attempt, meta, record};

fn told<'a>(span: &'a SpanFacts<'_>, name: &str) -> Option<&'a Value<'a>> {
    span.attributes.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn text<'a>(span: &'a SpanFacts<'_>, name: &str) -> Option<&'a str> {
    match told(span, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn texts(span: &SpanFacts<'_>, name: &str) -> Vec<String> {
    match told(span, name) {
        Some(Value::Texts(texts)) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_call_is_a_server_span_and_each_attempt_a_client_span() {
    let mut record = record();
    record.attempts.push(attempt());
    let spans = CallSpans::of(&record);
    assert_eq!((spans.call.name.as_str(), spans.call.kind), ("POST chat_completions", SpanKind::Server));
    assert_eq!((spans.call.start, spans.call.duration), (record.started, record.duration));
    assert_eq!(spans.attempts.len(), 2);
    for span in &spans.attempts {
        assert_eq!((span.name.as_str(), span.kind), ("chat gpt-4o-mini", SpanKind::Client));
        assert_eq!(span.start, record.started.checked_add(Duration::from_micros(150)).unwrap());
    }
}

#[test]
fn an_attempt_tells_what_the_conventions_ask_for() {
    let record = record();
    let spans = CallSpans::of(&record);
    let span = &spans.attempts[0];
    for (name, value) in [
        (attribute::OPERATION_NAME, "chat"),
        (attribute::PROVIDER_NAME, "openai"),
        (attribute::REQUEST_MODEL, "gpt-4o-mini"),
        (attribute::RESPONSE_MODEL, "gpt-4o-mini-2024-07-18"),
        (attribute::RESPONSE_ID, "chatcmpl-1"),
        (attribute::SERVER_ADDRESS, "api.openai.com"),
        (attribute::PRICE_VERSION, "2026-11-01"),
    ] {
        assert_eq!(text(span, name), Some(value), "{name}");
    }
    for (name, value) in [
        (attribute::INPUT_TOKENS, 12),
        (attribute::OUTPUT_TOKENS, 34),
        (attribute::CACHE_READ_TOKENS, 5),
        (attribute::SERVER_PORT, 443),
        (attribute::HTTP_STATUS, 200),
        (attribute::COST, 123_000),
    ] {
        assert_eq!(told(span, name), Some(&Value::Number(value)), "{name}");
    }
    assert_eq!(texts(span, attribute::FINISH_REASONS), ["stop"]);
    assert_eq!(told(span, attribute::TIME_TO_FIRST_CHUNK), Some(&Value::Seconds(Duration::from_millis(120))));
    assert_eq!(told(span, attribute::ERROR_TYPE), None);
    assert!(!span.failed);
}

#[test]
fn tokens_and_cost_stand_on_attempts_alone() {
    let record = record();
    let spans = CallSpans::of(&record);
    for name in [attribute::INPUT_TOKENS, attribute::OUTPUT_TOKENS, attribute::COST] {
        assert_eq!(told(&spans.call, name), None, "{name}");
    }
}

#[test]
fn the_call_is_no_call_of_a_model_to_a_backend() {
    let record = record();
    let spans = CallSpans::of(&record);
    let conventions = spans.call.attributes.iter().filter(|(name, _)| name.starts_with("gen_ai."));
    assert_eq!(conventions.count(), 0);
    assert_eq!(text(&spans.call, attribute::ASKED_MODEL), Some("fast"));
}

#[test]
fn what_the_answer_said_stands_on_the_attempt_that_answered() {
    let mut record = record();
    let mut failed = attempt();
    (failed.class, failed.status, failed.reason) = (Some(Class::ProviderTransient), None, Some(Reason::ConnectFailed));
    record.attempts.insert(0, failed);
    let spans = CallSpans::of(&record);
    assert_eq!(text(&spans.attempts[0], attribute::RESPONSE_ID), None);
    assert_eq!(text(&spans.attempts[0], attribute::ERROR_TYPE), Some("provider_transient"));
    assert_eq!(text(&spans.attempts[0], attribute::REASON), Some("connect_failed"));
    assert!(spans.attempts[0].failed);
    assert_eq!(text(&spans.attempts[1], attribute::RESPONSE_ID), Some("chatcmpl-1"));
}

#[test]
fn an_error_that_was_passed_on_is_told_by_its_class_and_status() {
    let mut record = record();
    record.outcome = Outcome::PassedOn { class: Class::ProviderInvalid, reason: None };
    record.status = Some(404);
    (record.attempts[0].status, record.attempts[0].class) = (Some(404), Some(Class::ProviderInvalid));
    let spans = CallSpans::of(&record);
    assert_eq!(text(&spans.attempts[0], attribute::ERROR_TYPE), Some("provider_invalid"));
    assert!(spans.attempts[0].failed);
    assert_eq!(text(&spans.call, attribute::ERROR_TYPE), Some("provider_invalid"));
    assert_eq!(told(&spans.call, attribute::HTTP_STATUS), Some(&Value::Number(404)));
    assert!(!spans.call.failed, "a server span is in error only for what the server did wrong");
    record.status = Some(529);
    assert!(CallSpans::of(&record).call.failed, "and nobody but the server can be told of what stands behind it");
}

#[test]
fn an_attempt_whose_caller_left_is_no_success() {
    let mut record = record();
    record.outcome = Outcome::ClientCancelled;
    record.attempts[0].abandoned = true;
    let spans = CallSpans::of(&record);
    assert_eq!(text(&spans.attempts[0], attribute::ERROR_TYPE), Some("client_cancelled"));
    assert!(!spans.attempts[0].failed, "and no failure of the provider's");
}

#[test]
fn a_call_tells_why_it_went_where_it_went() {
    let mut record = record();
    let decision = record.decision.as_mut().unwrap();
    decision.lost = vec![LostRoute { meta: meta("spec.routes[gold]"), why: LostBecause::HeaderMissing }];
    decision.left_out =
        vec![LeftOut { provider: "shop/vllm".into(), model: "llama".into(), why: WhyLeft::NoCredential }];
    decision.dry_run = Some(DryRun::Routed { rule: Some(meta("spec.routes[new]")) });
    let spans = CallSpans::of(&record);
    let call = &spans.call;
    assert_eq!(text(call, attribute::RULE), Some("AIPolicy/shop/checkout spec.routes[fast]"));
    assert_eq!(told(call, attribute::RULE_GENERATION), Some(&Value::Number(7)));
    assert_eq!(text(call, attribute::ROUTE), Some("fast"));
    assert_eq!(texts(call, attribute::LOST), ["AIPolicy/shop/checkout spec.routes[gold] header_missing"]);
    assert_eq!(texts(call, attribute::LEFT_OUT), ["shop/vllm/llama no_credential"]);
    assert_eq!(text(call, attribute::DRY_RUN), Some("routed AIPolicy/shop/checkout spec.routes[new]"));
    assert_eq!(text(call, attribute::POLICY_VERSION), Some("9f8e7d"));
}

#[test]
fn a_refusal_is_told_without_its_sentence() {
    let mut record = record();
    record.attempts.clear();
    record.decision.as_mut().unwrap().rule = RuleName::Accessible;
    let refusal = Refusal::new(Class::RateLimited, None, "CANARY").by(&meta("spec.limits[burst]"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    let spans = CallSpans::of(&record);
    assert_eq!(text(&spans.call, attribute::ERROR_TYPE), Some("rate_limited"));
    assert_eq!(text(&spans.call, attribute::REFUSED_BY), Some("AIPolicy/shop/checkout spec.limits[burst]"));
    assert_eq!(text(&spans.call, attribute::RULE), Some("accessible"));
    assert!(!String::from_utf8(to_json(&record)).unwrap().contains("CANARY"));
}

#[test]
fn each_attribute_stands_once() {
    let mut record = record();
    for outcome in [
        Outcome::PassedOn { class: Class::ProviderTransient, reason: None },
        Outcome::ClientCancelled,
        Outcome::Failed(Box::new(Fault::gateway(Class::GatewayInternal, Reason::Panic, "words"))),
    ] {
        record.outcome = outcome;
        let spans = CallSpans::of(&record);
        for span in std::iter::once(&spans.call).chain(&spans.attempts) {
            let names: BTreeSet<&str> = span.attributes.iter().map(|(n, _)| &**n).collect();
            assert_eq!(names.len(), span.attributes.len());
        }
    }
}

#[test]
fn a_cost_beyond_what_a_span_can_carry_is_told_at_the_bound() {
    let mut record = record();
    record.attempts[0].cost = Cost::Priced(Nanos(i128::MAX));
    let spans = CallSpans::of(&record);
    assert_eq!(told(&spans.attempts[0], attribute::COST), Some(&Value::Number(i64::MAX)));
}

#[test]
fn the_same_facts_are_told_as_json() {
    let record = record();
    let json: serde_json::Value = serde_json::from_slice(&to_json(&record)).unwrap();
    assert_eq!(json["call"]["kind"], "SERVER");
    assert_eq!(json["call"]["start"], "2026-11-20T10:00:00.123456Z");
    assert_eq!(json["call"]["attributes"]["sidegate.request_id"], "000000000000000000000000000000ab");
    assert_eq!(json["attempts"][0]["duration_seconds"], 0.45);
    assert_eq!(json["attempts"][0]["attributes"]["gen_ai.usage.input_tokens"], 12);
    assert_eq!(json["attempts"][0]["attributes"]["gen_ai.response.finish_reasons"][0], "stop");
    let spans = CallSpans::of(&record);
    assert_eq!(json["call"]["attributes"].as_object().unwrap().len(), spans.call.attributes.len());
}
