use std::time::Duration;

use sidegate_policy::Operation;

use super::*;
use crate::meter::{Framing, Meter, Terminal};

fn body(wording: &Wording) -> Value {
    serde_json::from_slice(&wording.body).expect("JSON")
}

fn worded(dialect: Dialect, class: Class, reason: Option<Reason>) -> Wording {
    refusal(dialect, &Refusal::new(class, reason, "why"), "r-1")
}

#[test]
fn every_class_has_the_status_that_makes_an_sdk_do_right() {
    for (class, status, retry) in [
        (Class::PolicyDenied, 403, false),
        (Class::ModelNotAllowed, 403, false),
        (Class::BudgetExhausted, 403, false),
        (Class::UnpricedModel, 403, false),
        (Class::GuardBlocked, 403, false),
        (Class::LoopDetected, 400, false),
        (Class::RequestInvalid, 400, false),
        (Class::ProviderInvalid, 400, false),
        (Class::RateLimited, 429, true),
        (Class::ProviderQuota, 429, true),
        (Class::ProviderAuth, 502, false),
        (Class::ProviderTransient, 502, true),
        (Class::Truncated, 502, true),
        (Class::UpstreamTimeout, 504, true),
        (Class::ControlPlaneUnavailable, 503, true),
        (Class::GatewayInternal, 500, false),
    ] {
        let wording = worded(Dialect::OpenAi, class, None);
        assert_eq!((wording.status.as_u16(), wording.retry), (status, retry), "{class}");
    }
}

#[test]
fn a_reason_may_ask_for_a_status_of_its_own() {
    for (class, reason, status, retry) in [
        (Class::RequestInvalid, Reason::UnknownPath, 404, false),
        (Class::RequestInvalid, Reason::MethodNotAllowed, 405, false),
        (Class::RequestInvalid, Reason::UpgradeNotSupported, 501, false),
        (Class::RequestInvalid, Reason::BodyTooSlow, 408, true),
        (Class::RequestInvalid, Reason::BodyTooLarge, 413, false),
        (Class::RequestInvalid, Reason::UnsupportedEncoding, 415, false),
        (Class::RequestInvalid, Reason::BadJson, 400, false),
        (Class::ProviderAuth, Reason::NoCredential, 503, true),
        (Class::ProviderAuth, Reason::CredentialsExhausted, 502, false),
        (Class::GatewayInternal, Reason::Overloaded, 503, true),
        (Class::GatewayInternal, Reason::ShuttingDown, 503, true),
        (Class::ProviderTransient, Reason::UnexpectedRedirect, 502, false),
        (Class::ProviderTransient, Reason::TlsUntrusted, 502, false),
    ] {
        let wording = worded(Dialect::Anthropic, class, Some(reason));
        assert_eq!((wording.status.as_u16(), wording.retry), (status, retry), "{reason}");
    }
}

#[test]
fn each_dialect_is_told_in_its_own_shape_with_class_reason_and_id() {
    let details =
        json!({"class": "model_not_allowed", "reason": "other_dialect", "source": "gateway", "request_id": "r-1"});
    let say = |dialect| body(&worded(dialect, Class::ModelNotAllowed, Some(Reason::OtherDialect)));
    let openai = json!({"error": {"message": "why", "type": "permission_error", "param": "model", "code": "model_not_allowed", "sidegate": details}});
    assert_eq!(say(Dialect::OpenAi), openai);
    let anthropic = json!({"type": "error", "request_id": "r-1",
        "error": {"type": "permission_error", "message": "why", "sidegate": details}});
    assert_eq!(say(Dialect::Anthropic), anthropic);
    let gemini = say(Dialect::Gemini);
    assert_eq!((&gemini["error"]["code"], &gemini["error"]["status"]), (&json!(403), &json!("PERMISSION_DENIED")));
    assert_eq!(gemini["error"]["details"][0]["metadata"], details);
}

#[test]
fn the_rule_that_decided_is_named_and_the_wait_is_told() {
    let mut limited = Refusal::new(Class::RateLimited, None, "later");
    limited.retry_after = Some(Duration::from_millis(1500));
    limited.rule = Some(sidegate_policy::Meta {
        kind: sidegate_policy::ObjectKind::AiPolicy,
        namespace: "shop".into(),
        name: "checkout".into(),
        generation: 3,
        field: "spec.limits[tpm]".into(),
    });
    let gemini = body(&refusal(Dialect::Gemini, &limited, "r-1"));
    assert_eq!(gemini["error"]["details"][0]["metadata"]["rule"], "AIPolicy/shop/checkout spec.limits[tpm]");
    assert_eq!(gemini["error"]["details"][1]["retryDelay"], "1.500s");
    let openai = body(&refusal(Dialect::OpenAi, &limited, "r-1"));
    assert_eq!(openai["error"]["sidegate"]["rule"], "AIPolicy/shop/checkout spec.limits[tpm]");
}

#[test]
fn a_fault_says_who_failed() {
    let broken = Fault::provider(Class::ProviderTransient, Reason::ConnectionLost, "lost");
    let said = body(&fault(Dialect::Anthropic, &broken, "r-1"));
    assert_eq!(said["error"]["sidegate"]["source"], "provider");
    assert_eq!(said["error"]["type"], "api_error");
}

#[test]
fn a_fault_in_a_stream_is_read_as_an_error_and_never_as_a_good_end() {
    let cut_off = Fault::provider(Class::Truncated, Reason::CutOff, "cut off");
    for (dialect, operation, begun) in [
        (Dialect::OpenAi, Operation::ChatCompletions, "data: {\"choices\":[{\"delta\":{\"content\":\"a"),
        (
            Dialect::OpenAi,
            Operation::Responses,
            "event: x\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a",
        ),
        (Dialect::Anthropic, Operation::Messages, "event: content_block_delta\ndata: {\"type\":\"content"),
        (Dialect::Gemini, Operation::GenerateContent, "data: {\"candidates\":[{\"content\""),
    ] {
        for mid_event in [false, true] {
            let event = error_event(dialect, operation, Framing::Sse, &cut_off, "r-1", mid_event);
            let mut meter = Meter::new(dialect, operation, Framing::Sse, false);
            if mid_event {
                meter.feed(Bytes::from(begun), &mut |_| ());
            }
            meter.feed(event.clone(), &mut |_| ());
            assert_eq!(meter.seen().terminal, Terminal::Error, "{event:?}");
            assert!(!meter.is_mid_event());
            let text = String::from_utf8_lossy(&event);
            assert!(!text.contains("[DONE]") && !text.contains("message_stop"));
            assert!(text.contains("truncated") && text.contains("r-1"));
        }
    }
}

#[test]
fn an_array_is_told_in_an_element_and_a_body_nothing() {
    let late = Fault::provider(Class::UpstreamTimeout, Reason::IdleTimeout, "silence");
    let say = |framing, mid| error_event(Dialect::Gemini, Operation::GenerateContent, framing, &late, "r-1", mid);
    let array = [b"[{\"candidates\":[]}", &say(Framing::JsonArray, false)[..]].concat();
    let value: Value = serde_json::from_slice(&array).expect("a whole array");
    assert_eq!(value[1]["error"]["status"], "DEADLINE_EXCEEDED");
    assert!(!say(Framing::JsonArray, true).is_empty());
    assert!(say(Framing::Json, false).is_empty());
}
