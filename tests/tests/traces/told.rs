//! What the spans of a call say, attribute by attribute.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::Span;
use sidegate_policy::Unit;
use sidegate_testkit::sink::told;
use sidegate_tests::client::{chat, with};
use sidegate_tests::policy::{ladder, limit};

use super::{SOON, Traced, all, spans, status};

/// All attributes, as text.
fn attributes(span: &Span) -> BTreeMap<&str, String> {
    span.attributes.iter().map(|a| (a.key.as_str(), told(&span.attributes, &a.key).unwrap())).collect()
}

/// Takes these away; what is left must be nothing.
fn exactly(span: &Span, expected: &[(&str, &str)]) {
    let mut told = attributes(span);
    for (name, value) in expected {
        let found = told.remove(name).unwrap_or_else(|| panic!("{name} is not told: {span:#?}"));
        assert!(*value == "*" || found == *value, "{name}: {found}");
    }
    assert!(told.is_empty(), "told beside: {told:?}");
}

/// What the call's span says, beside the request id.
const CALL: &[(&str, &str)] = &[
    ("http.request.method", "POST"),
    ("http.response.status_code", "200"),
    ("sidegate.model", "m"),
    ("sidegate.dialect", "OpenAI"),
    ("sidegate.caller.namespace", "shop"),
    ("sidegate.caller.service_account", "web"),
    ("sidegate.policy.version", "test"),
    ("sidegate.outcome", "answered"),
    ("sidegate.rule", "AIPolicy/sidegate-system/cluster spec.routes[m]"),
    ("sidegate.rule_generation", "1"),
    ("sidegate.route", "m"),
    ("sidegate.pinned", "false"),
    ("sidegate.attempts", "2"),
    ("sidegate.estimate.input_tokens", "*"),
    ("sidegate.estimate.output_tokens", "*"),
    ("sidegate.bytes_in", "*"),
    ("sidegate.bytes_out", "*"),
];

/// What the span of the attempt that failed says.
const FAILED: &[(&str, &str)] = &[
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "*"),
    ("gen_ai.request.stream", "true"),
    ("server.address", "first.test"),
    ("server.port", "80"),
    ("sidegate.provider", "sidegate-system/first"),
    ("sidegate.credential", "a"),
    ("http.response.status_code", "503"),
    ("error.type", "provider_transient"),
    ("sidegate.usage.source", "none"),
    ("sidegate.cost.state", "priced"),
    ("sidegate.cost.nanodollars", "0"),
    ("sidegate.price.version", "test prices"),
    ("sidegate.sent", "true"),
];

/// What the span of the attempt that answered says, beside what its audit line says too.
const ANSWERED: &[(&str, &str)] = &[
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "*"),
    ("gen_ai.request.stream", "true"),
    ("gen_ai.response.finish_reasons", "[stop]"),
    ("gen_ai.response.time_to_first_chunk", "*"),
    ("gen_ai.usage.cache_read.input_tokens", "*"),
    ("gen_ai.usage.reasoning.output_tokens", "*"),
    ("sidegate.usage.audio_input_tokens", "*"),
    ("sidegate.usage.audio_output_tokens", "*"),
    ("sidegate.usage.source", "provider"),
    ("server.address", "second.test"),
    ("server.port", "80"),
    ("sidegate.provider", "sidegate-system/second"),
    ("sidegate.credential", "a"),
    ("http.response.status_code", "200"),
    ("sidegate.cost.state", "priced"),
    ("sidegate.price.version", "test prices"),
    ("sidegate.sent", "true"),
];

#[tokio::test]
async fn a_call_that_fell_back_is_one_tree_with_every_attribute() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1, 1]))).await;
    traced.stage.spend_repeats();
    traced.stage.fail("first", 1, status(503));
    let answer = traced.stage.call(chat("m", r#","stream":true"#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let spans = spans(&sink, 3).await;
    let [call, failed, answered] = &spans[..] else { panic!("{spans:#?}") };
    let line = traced.stage.line().await;
    let id = answer.header("x-sidegate-request-id");
    exactly(call, &[CALL, &[("sidegate.request_id", id)]].concat());
    exactly(failed, FAILED);
    let said = |name: &str| line[name].to_string().trim_matches('"').to_owned();
    let of_line = [
        ("gen_ai.response.id", said("response_id")),
        ("gen_ai.response.model", said("response_model")),
        ("gen_ai.usage.input_tokens", said("input_tokens")),
        ("gen_ai.usage.output_tokens", said("output_tokens")),
        ("sidegate.cost.nanodollars", said("cost_nanodollars")),
    ];
    let of_line: Vec<_> = of_line.iter().map(|(name, value)| (*name, value.as_str())).collect();
    exactly(answered, &[ANSWERED, &of_line].concat());
    assert_eq!(spans.iter().map(|s| s.kind).collect::<Vec<_>>(), [2, 3, 3], "a SERVER span and two CLIENT spans");
    assert!(call.parent_span_id.is_empty());
    assert!([failed, answered].iter().all(|s| s.parent_span_id == call.span_id));
    assert_eq!(call.trace_id, u128::from_str_radix(id, 16).unwrap().to_be_bytes(), "the request id is the trace's");
    assert!(spans.iter().all(|s| s.trace_id == call.trace_id));
    assert!(spans.iter().all(|s| call.start_time_unix_nano <= s.start_time_unix_nano));
    assert!(spans.iter().all(|s| s.end_time_unix_nano <= call.end_time_unix_nano));
    let codes: Vec<i32> = spans.iter().map(|s| s.status.as_ref().unwrap().code).collect();
    assert_eq!(codes, [0, 2, 0], "the attempt that failed, and not the call");
    let resource = &sink.taken()[0].request.resource_spans[0].resource.clone().unwrap().attributes;
    for (name, value) in [
        ("service.name", "sidegate-proxy"),
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "web-1"),
        ("k8s.deployment.name", "web"),
    ] {
        assert_eq!(told(resource, name).as_deref(), Some(value), "{name}");
    }
    let metric = || traced.stage.metric("sidegate_spans_exported_total");
    sidegate_tests::plane::within(SOON, "the count", || metric() == 3).await;
}

#[tokio::test]
async fn a_refusal_tells_its_class_and_its_rule_and_has_no_attempt() {
    let mut policy = all(ladder(&[1]));
    policy.limits = vec![limit("burst", Unit::Requests, 1, std::time::Duration::from_secs(60))];
    let (mut traced, sink) = Traced::with_sink(policy).await;
    traced.stage.call(chat("m", "")).await;
    assert_eq!(traced.stage.call(chat("m", "")).await.status, 429);
    let spans = spans(&sink, 3).await;
    let refused = spans.iter().find(|s| told(&s.attributes, "sidegate.outcome").as_deref() == Some("refused")).unwrap();
    assert_eq!(told(&refused.attributes, "error.type").as_deref(), Some("rate_limited"));
    let rule = told(&refused.attributes, "sidegate.refused_by").unwrap();
    assert!(rule.contains("burst"), "{rule}");
    assert_eq!(spans.iter().filter(|s| s.trace_id == refused.trace_id).count(), 1);
}

#[tokio::test]
async fn nothing_of_what_was_said_is_in_a_span() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"say CANARY-PROMPT"}],"user":"CANARY-USER"}"#;
    let call = with(sidegate_tests::client::post("/v1/chat/completions", body), "x-secret", "CANARY-HEADER");
    traced.stage.call(call).await;
    let spans = spans(&sink, 2).await;
    let all = format!("{spans:?} {:?}", sink.taken());
    assert!(!all.contains("CANARY") && !all.contains("app-canary-key") && !all.contains("sim-key"), "{all}");
}
