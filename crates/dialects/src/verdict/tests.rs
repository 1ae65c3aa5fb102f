use serde_json::{Value, json};
use sidegate_policy::Operation;

use super::*;

fn judged(dialect: Dialect, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Verdict {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, http::HeaderValue::from_static(value));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    verdict(dialect, &Answer { status, headers: &map, body: body.as_bytes() })
}

fn openai(status: u16, body: &Value) -> Verdict {
    judged(Dialect::OpenAi, status, &[], &body.to_string())
}

const QUOTA: Verdict = Verdict::Quota { retry_after: None, insufficient: false };
const EMPTY: Verdict = Verdict::Quota { retry_after: None, insufficient: true };

#[test]
fn without_words_the_status_decides() {
    for (status, verdict) in [
        (200, Verdict::Good),
        (204, Verdict::Good),
        (301, Verdict::Redirect),
        (302, Verdict::Redirect),
        (308, Verdict::Redirect),
        (400, Verdict::Passed),
        (401, Verdict::Auth),
        (402, EMPTY),
        (403, Verdict::Auth),
        (404, Verdict::Passed),
        (408, Verdict::Transient),
        (409, Verdict::Passed),
        (413, Verdict::Passed),
        (422, Verdict::Passed),
        (429, QUOTA),
        (500, Verdict::Transient),
        (502, Verdict::Transient),
        (503, Verdict::Transient),
        (504, Verdict::Transient),
        (529, Verdict::Transient),
    ] {
        assert_eq!(judged(Dialect::OpenAi, status, &[], "{}"), verdict, "{status}");
        assert_eq!(judged(Dialect::Anthropic, status, &[], "not json"), verdict, "{status}");
    }
}

#[test]
fn words_decide_before_the_status() {
    for (status, body, verdict) in [
        (429, json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "x"}}), EMPTY),
        (429, json!({"error": {"type": "tokens", "code": "rate_limit_exceeded"}}), QUOTA),
        (
            400,
            json!({"error": {"type": "invalid_request_error", "code": "context_length_exceeded"}}),
            Verdict::ContextTooLong,
        ),
        (400, json!({"error": {"code": "content_filter", "message": "x"}}), Verdict::ContentRefused),
        (400, json!({"error": {"code": "unsupported_parameter", "type": "invalid_request_error"}}), Verdict::Passed),
        (400, json!({"error": {"code": "tool_use_failed", "failed_generation": "x"}}), Verdict::Passed),
        (404, json!({"error": {"code": "model_not_found", "type": "invalid_request_error"}}), Verdict::Passed),
        (401, json!({"error": {"code": "invalid_api_key"}}), Verdict::Auth),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}),
            EMPTY,
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}}),
            Verdict::ContextTooLong,
        ),
        (529, json!({"type": "error", "error": {"type": "overloaded_error"}}), Verdict::Transient),
        (
            400,
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}),
            Verdict::Auth,
        ),
        (403, json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}}), Verdict::Auth),
        (503, json!({"error": {"code": 503, "status": "UNAVAILABLE"}}), Verdict::Transient),
        (402, json!({"error": {"code": 402, "message": "Insufficient credits"}}), EMPTY),
        (422, json!({"detail": [{"msg": "field required"}]}), Verdict::Passed),
    ] {
        assert_eq!(openai(status, &body), verdict, "{body}");
    }
}

#[test]
fn a_good_status_does_not_make_a_good_answer() {
    assert_eq!(openai(200, &json!({"error": {"code": 502, "message": "upstream"}})), Verdict::Transient);
    assert_eq!(openai(200, &json!({"error": {"code": "insufficient_quota"}})), EMPTY);
    assert_eq!(openai(200, &json!({"object": "error", "message": "x"})), Verdict::Transient);
    assert_eq!(openai(200, &json!({"id": "x", "choices": []})), Verdict::Transient);
    assert_eq!(judged(Dialect::OpenAi, 200, &[], "<!doctype html><p>login"), Verdict::Transient);
    assert_eq!(judged(Dialect::OpenAi, 200, &[("content-type", "text/html; charset=utf-8")], ""), Verdict::Transient);
    assert_eq!(judged(Dialect::Gemini, 200, &[], "[]"), Verdict::Transient);
    let good = json!({"id": "x", "error": null, "choices": [{"finish_reason": "error", "message": {"content": "\"error\": {}"}}]});
    assert_eq!(openai(200, &good), Verdict::Good);
    let tool = json!({"type": "message", "content": [{"type": "tool_use", "input": {"error": {"code": 1}}}]});
    assert_eq!(judged(Dialect::Anthropic, 200, &[], &tool.to_string()), Verdict::Good);
    // A prefix of a large answer is no reason for a doubt.
    assert_eq!(judged(Dialect::OpenAi, 200, &[], r#"{"error":{"message":"cut"#), Verdict::Good);
}

#[test]
fn a_stream_that_ended_before_it_said_anything_is_a_failure() {
    let stream = [("content-type", "text/event-stream; charset=utf-8")];
    let said = |body: &str| judged(Dialect::OpenAi, 200, &stream, body);
    assert_eq!(said(""), Verdict::Transient);
    assert_eq!(said("data: [DONE]\n\n"), Verdict::Transient);
    assert_eq!(said("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"), Verdict::Transient);
    assert_eq!(said("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"), Verdict::Good);
    assert_eq!(said("data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"), Verdict::Good);
}

#[test]
fn the_first_meaningful_event_judges_a_stream() {
    let chat = |text: &str| first_event_verdict(Dialect::OpenAi, Operation::ChatCompletions, text.as_bytes());
    let messages = |text: &str| first_event_verdict(Dialect::Anthropic, Operation::Messages, text.as_bytes());
    for waiting in [
        "",
        "\n\n",
        ": ping\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n",
        "{\"error\":{\"mess",
    ] {
        assert_eq!(chat(waiting), None, "{waiting}");
    }
    assert_eq!(chat("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"), Some(Verdict::Good));
    assert_eq!(chat("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"), Some(Verdict::Good));
    assert_eq!(chat("data: [DONE]\n\n"), Some(Verdict::Transient));
    assert_eq!(chat("data: {\"error\":{\"code\":\"insufficient_quota\"}}\r\n\r\n"), Some(EMPTY));
    assert_eq!(
        chat("data: {\"error\":{\"message\":\"this model's maximum context length is 8\"}}\n\n"),
        Some(Verdict::ContextTooLong)
    );
    assert_eq!(chat("{\"error\":{\"message\":\"x\"}}"), Some(Verdict::Transient));
    assert_eq!(chat("{\"choices\":[]}"), Some(Verdict::Transient));
    assert_eq!(chat("{\"choices\":[{\"message\":{}}]}"), Some(Verdict::Good));
    assert_eq!(chat("\u{feff} <html>"), Some(Verdict::Transient));
    let overloaded =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
    assert_eq!(messages(overloaded), Some(Verdict::Transient));
    assert_eq!(messages("event: ping\ndata: {\"type\":\"ping\"}\n\n"), None);
    let gemini = |text: &str| first_event_verdict(Dialect::Gemini, Operation::GenerateContent, text.as_bytes());
    assert_eq!(gemini("[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}"), Some(Verdict::Good));
    assert_eq!(gemini("[{\"candidates\":[{\"content\""), None);
    assert_eq!(gemini("[{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}]"), Some(QUOTA));
}

/// The wait at 2026-11-21 08:00:00 UTC.
fn wait(headers: &[(&'static str, &'static str)], body: &str) -> Option<Duration> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, http::HeaderValue::from_static(value));
    }
    retry_after(&map, body.as_bytes(), 1_795_248_000)
}

#[test]
fn a_wait_is_read_in_every_way_it_is_told() {
    let millis = |n| Some(Duration::from_millis(n));
    assert_eq!(wait(&[("retry-after", "7")], ""), millis(7000));
    assert_eq!(wait(&[("retry-after", "1.5")], ""), millis(1500));
    assert_eq!(wait(&[("retry-after", "7"), ("retry-after-ms", "250")], ""), millis(250));
    assert_eq!(wait(&[("x-ms-retry-after-ms", "250")], ""), millis(250));
    assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 08:00:30 GMT")], ""), millis(30_000));
    assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 07:00:00 GMT")], ""), millis(0));
    assert_eq!(
        wait(&[("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-remaining-requests", "0")], ""),
        millis(360_000)
    );
    assert_eq!(wait(&[("x-ratelimit-reset-tokens", "120ms")], ""), millis(120));
    assert_eq!(wait(&[("x-ratelimit-reset-tokens", "9s"), ("x-ratelimit-remaining-tokens", "5")], ""), None);
    let google =
        json!({"error": {"details": [{"@type": "x"}, {"@type": "RetryInfo", "retryDelay": "34.4s"}]}}).to_string();
    assert_eq!(wait(&[], &google), millis(34_400));
    assert_eq!(wait(&[], &json!([serde_json::from_str::<Value>(&google).expect("JSON")]).to_string()), millis(34_400));
    assert_eq!(wait(&[], r#"{"error":{"message":"Limit 3. Please try again in 1.5s. Visit"}}"#), millis(1500));
    assert_eq!(wait(&[], r#"{"error":{"message":"Please try again in 6m0s."}}"#), millis(360_000));
}

#[test]
fn garbage_is_no_wait_and_no_wait_is_endless() {
    let day = Some(Duration::from_secs(86_400));
    for garbage in
        ["", "soon", "-5", "NaN", "inf", "1h2", "s", "Sat, 99 Foo 2026 08:00:30 GMT", "1e", "--", "5 minutes"]
    {
        assert_eq!(wait(&[("retry-after", garbage)], ""), None, "{garbage}");
    }
    assert_eq!(wait(&[("retry-after", "1000000000")], ""), day);
    assert_eq!(wait(&[("retry-after", "1e300")], ""), day);
    assert_eq!(wait(&[("retry-after", "0")], ""), Some(Duration::ZERO));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 9994 08:49:37 GMT")], ""), day);
    assert_eq!(wait(&[], "Please try again in 20 seconds"), None);
}

#[test]
fn a_quota_tells_the_wait_that_needs_no_clock() {
    let verdict = judged(Dialect::OpenAi, 429, &[("retry-after", "3")], "{}");
    assert_eq!(verdict, Verdict::Quota { retry_after: Some(Duration::from_secs(3)), insufficient: false });
}
