//! Prompts and answers: in no span, unless policy captures them.

use serde_json::{Value, json};
use sidegate_policy::Snapshot;
use sidegate_testkit::sink::told;
use sidegate_tests::client::post;
use sidegate_tests::policy::ladder;

use super::{Traced, all, spans};

const NAMES: [&str; 3] = ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"];

fn capturing(most: u32) -> Snapshot {
    let mut policy = all(ladder(&[1]));
    policy.telemetry.content.capture = true;
    policy.telemetry.content.max_bytes = most;
    policy
}

fn question(stream: bool) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let messages = r#"[{"role":"system","content":"be brief"},{"role":"user","content":"hello you"}]"#;
    post("/v1/chat/completions", format!(r#"{{"model":"m","stream":{stream},"messages":{messages}}}"#))
}

#[tokio::test]
async fn where_policy_captures_it_prompt_and_answer_are_on_the_attempt_whole_and_streamed() {
    let (mut traced, sink) = Traced::with_sink(capturing(8192)).await;
    for (n, stream) in [false, true].into_iter().enumerate() {
        let answer = traced.stage.call(question(stream)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let spans = spans(&sink, 2 * n + 2).await;
        let attempt = spans.iter().rfind(|s| s.kind == 3).unwrap();
        let read = |name| serde_json::from_str::<Value>(&told(&attempt.attributes, name).unwrap()).unwrap();
        let user = json!({"role": "user", "parts": [{"type": "text", "content": "hello you"}]});
        assert_eq!(read("gen_ai.input.messages")[1], user);
        let said = read("gen_ai.output.messages");
        assert_eq!((&said[0]["role"], &said[0]["finish_reason"]), (&json!("assistant"), &json!("stop")));
        let text = said[0]["parts"][0]["content"].as_str().unwrap().to_owned();
        let whole: String = if stream {
            let events = answer.events();
            let deltas = events.iter().filter_map(|e| serde_json::from_str::<Value>(e).ok());
            deltas.filter_map(|e| e["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
        } else {
            answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
        };
        assert_eq!(text, whole);
        assert!(spans.iter().filter(|s| s.kind == 2).all(|s| NAMES.iter().all(|n| told(&s.attributes, n).is_none())));
    }
    let lines = traced.stage.audit();
    assert!(!format!("{lines:?}").contains("hello you"), "the audit line is none of it");
}

#[tokio::test]
async fn what_is_captured_is_bounded_by_policy() {
    let (mut traced, sink) = Traced::with_sink(capturing(128)).await;
    let long = "word ".repeat(4000);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{long}"}}]}}"#);
    assert_eq!(traced.stage.call(post("/v1/chat/completions", body)).await.status, 200);
    let spans = spans(&sink, 2).await;
    let sizes: Vec<usize> = NAMES.iter().filter_map(|n| told(&spans[1].attributes, n)).map(|t| t.len()).collect();
    assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= 128), "{sizes:?}");
}

#[tokio::test]
async fn without_it_nothing_of_both_is_told() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    traced.stage.call(question(true)).await;
    let spans = spans(&sink, 2).await;
    assert!(spans.iter().all(|s| NAMES.iter().all(|name| told(&s.attributes, name).is_none())));
    assert!(!format!("{spans:?}").contains("hello you"));
}
