//! What a tracing back-end would be told.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sidegate_policy::{Class, Cost, DryRun, Fault, LeftOut, LostBecause, Nanos, Reason, Refusal, WhyLeft};

use super::{Attributes, Kind, Span, Value, to_json};
use crate::names::attribute;
use crate::record::{CallRecord, LostRoute, Outcome, RuleName};
use crate::testing::{attempt, meta, record};

/// What is told of a span, as JSON.
struct Told(Vec<(String, Json)>);

impl Attributes for Told {
    fn put(&mut self, name: &str, value: Value<'_>) {
        let value = match value {
            Value::Text(text) | Value::Content(text) => text.into(),
            Value::Shown(shown) => shown.to_string().into(),
            Value::Texts(texts) => texts.into(),
            Value::Number(number) => number.into(),
            Value::Seconds(time) => time.as_secs_f64().into(),
            Value::Flag(flag) => flag.into(),
        };
        self.0.push((name.to_owned(), value));
    }
}

fn spans(record: &CallRecord) -> Vec<Span<'_>> {
    Span::all_of(record).collect()
}

fn all(span: &Span<'_>) -> Vec<(String, Json)> {
    let mut told = Told(Vec::new());
    span.attributes(&mut told);
    told.0
}

/// One of them; null where it is not told.
fn told(span: &Span<'_>, name: &str) -> Json {
    all(span).into_iter().find(|(n, _)| n == name).map(|(_, value)| value).unwrap_or_default()
}

#[test]
fn a_call_is_a_server_span_and_each_attempt_a_client_span() {
    let mut record = record();
    record.attempts.push(attempt());
    let spans = spans(&record);
    assert_eq!((spans[0].name().to_string(), spans[0].kind), ("POST chat_completions".to_owned(), Kind::Server));
    assert_eq!((spans[0].start, spans[0].duration), (record.started, record.duration));
    assert_eq!(spans.len(), 3);
    for span in &spans[1..] {
        assert_eq!(span.name().to_string(), "chat gpt-4o-mini");
        assert_eq!(span.start, record.started.checked_add(Duration::from_micros(150)).unwrap());
    }
}

#[test]
fn an_attempt_tells_what_the_conventions_ask_for() {
    let record = record();
    let spans = spans(&record);
    let span = &spans[1];
    for (name, value) in [
        (attribute::OPERATION_NAME, "chat"),
        (attribute::PROVIDER_NAME, "openai"),
        (attribute::REQUEST_MODEL, "gpt-4o-mini"),
        (attribute::RESPONSE_MODEL, "gpt-4o-mini-2024-07-18"),
        (attribute::RESPONSE_ID, "chatcmpl-1"),
        (attribute::SERVER_ADDRESS, "api.openai.com"),
        (attribute::PRICE_VERSION, "2026-11-01"),
    ] {
        assert_eq!(told(span, name), value, "{name}");
    }
    for (name, value) in [
        (attribute::INPUT_TOKENS, 12),
        (attribute::OUTPUT_TOKENS, 34),
        (attribute::CACHE_READ_TOKENS, 5),
        (attribute::SERVER_PORT, 443),
        (attribute::HTTP_STATUS, 200),
        (attribute::COST, 123_000),
    ] {
        assert_eq!(told(span, name), value, "{name}");
    }
    assert_eq!(told(span, attribute::FINISH_REASONS), json!(["stop"]));
    assert_eq!(told(span, attribute::TIME_TO_FIRST_CHUNK), 0.12);
    assert_eq!(told(span, attribute::ERROR_TYPE), Json::Null);
    assert!(!span.failed);
}

#[test]
fn tokens_and_cost_stand_on_attempts_alone() {
    let record = record();
    let spans = spans(&record);
    for name in [attribute::INPUT_TOKENS, attribute::OUTPUT_TOKENS, attribute::COST] {
        assert_eq!(told(&spans[0], name), Json::Null, "{name}");
    }
}

#[test]
fn the_call_is_no_call_of_a_model_to_a_backend() {
    let record = record();
    let spans = spans(&record);
    assert!(all(&spans[0]).iter().all(|(name, _)| !name.starts_with("gen_ai.")));
    assert_eq!(told(&spans[0], attribute::ASKED_MODEL), "fast");
}

#[test]
fn what_the_answer_said_stands_on_the_attempt_that_answered() {
    let mut record = record();
    let mut failed = attempt();
    (failed.class, failed.status, failed.reason) = (Some(Class::ProviderTransient), None, Some(Reason::ConnectFailed));
    record.attempts.insert(0, failed);
    let spans = spans(&record);
    assert_eq!(told(&spans[1], attribute::RESPONSE_ID), Json::Null);
    assert_eq!(told(&spans[1], attribute::ERROR_TYPE), "provider_transient");
    assert_eq!(told(&spans[1], attribute::REASON), "connect_failed");
    assert!(spans[1].failed);
    assert_eq!(told(&spans[2], attribute::RESPONSE_ID), "chatcmpl-1");
}

#[test]
fn an_error_that_was_passed_on_is_told_by_its_class_and_status() {
    let mut record = record();
    record.outcome = Outcome::PassedOn { class: Class::ProviderInvalid, reason: None };
    record.status = Some(404);
    (record.attempts[0].status, record.attempts[0].class) = (Some(404), Some(Class::ProviderInvalid));
    let told_of = spans(&record);
    assert_eq!(told(&told_of[1], attribute::ERROR_TYPE), "provider_invalid");
    assert!(told_of[1].failed);
    assert_eq!(told(&told_of[0], attribute::ERROR_TYPE), "provider_invalid");
    assert_eq!(told(&told_of[0], attribute::HTTP_STATUS), 404);
    assert!(!told_of[0].failed, "a server span is in error only for what the server did wrong");
    record.status = Some(529);
    assert!(spans(&record)[0].failed, "and nobody but the server can be told of what stands behind it");
}

#[test]
fn an_attempt_whose_caller_left_is_no_success() {
    let mut record = record();
    record.outcome = Outcome::ClientCancelled;
    record.attempts[0].abandoned = true;
    let spans = spans(&record);
    assert_eq!(told(&spans[1], attribute::ERROR_TYPE), "client_cancelled");
    assert!(!spans[1].failed, "and no failure of the provider's");
}

#[test]
fn a_call_tells_why_it_went_where_it_went() {
    let mut record = record();
    let decision = record.decision.as_mut().unwrap();
    decision.lost = vec![LostRoute { meta: meta("spec.routes[gold]"), why: LostBecause::HeaderMissing }];
    decision.left_out =
        vec![LeftOut { provider: "shop/vllm".into(), model: "llama".into(), why: WhyLeft::NoCredential }];
    decision.dry_run = Some(DryRun::Routed { rule: Some(meta("spec.routes[new]")) });
    let spans = spans(&record);
    let call = &spans[0];
    assert_eq!(told(call, attribute::RULE), "AIPolicy/shop/checkout spec.routes[fast]");
    assert_eq!(told(call, attribute::RULE_GENERATION), 7);
    assert_eq!(told(call, attribute::ROUTE), "fast");
    assert_eq!(told(call, attribute::LOST), json!(["AIPolicy/shop/checkout spec.routes[gold] header_missing"]));
    assert_eq!(told(call, attribute::LEFT_OUT), json!(["shop/vllm/llama no_credential"]));
    assert_eq!(told(call, attribute::DRY_RUN), "routed AIPolicy/shop/checkout spec.routes[new]");
    assert_eq!(told(call, attribute::POLICY_VERSION), "9f8e7d");
}

#[test]
fn a_refusal_is_told_without_its_sentence() {
    let mut record = record();
    record.attempts.clear();
    record.decision.as_mut().unwrap().rule = RuleName::Accessible;
    let refusal = Refusal::new(Class::RateLimited, None, "CANARY").by(&meta("spec.limits[burst]"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    let spans = spans(&record);
    assert_eq!(told(&spans[0], attribute::ERROR_TYPE), "rate_limited");
    assert_eq!(told(&spans[0], attribute::REFUSED_BY), "AIPolicy/shop/checkout spec.limits[burst]");
    assert_eq!(told(&spans[0], attribute::RULE), "accessible");
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
        for span in spans(&record) {
            let told = all(&span);
            let names: BTreeSet<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), told.len());
        }
    }
}

#[test]
fn a_cost_beyond_what_a_span_can_carry_is_told_at_the_bound() {
    let mut record = record();
    record.attempts[0].cost = Cost::Priced(Nanos(i128::MAX));
    let spans = spans(&record);
    assert_eq!(told(&spans[1], attribute::COST), i64::MAX);
}

#[test]
fn the_same_facts_are_told_as_json() {
    let record = record();
    let json: Json = serde_json::from_slice(&to_json(&record)).unwrap();
    assert_eq!(json["call"]["kind"], "SERVER");
    assert_eq!(json["call"]["start"], "2026-11-20T10:00:00.123456Z");
    assert_eq!(json["call"]["attributes"]["sidegate.request_id"], "000000000000000000000000000000ab");
    assert_eq!(json["attempts"][0]["duration_seconds"], 0.45);
    assert_eq!(json["attempts"][0]["attributes"]["gen_ai.usage.input_tokens"], 12);
    assert_eq!(json["attempts"][0]["attributes"]["gen_ai.response.finish_reasons"][0], "stop");
    let spans = spans(&record);
    assert_eq!(json["call"]["attributes"].as_object().unwrap().len(), all(&spans[0]).len());
}
