//! OpenAI's answers.

use serde_json::{Value, json};
use sidegate_testkit::sim::{SimConfig, Simulator};

use crate::talk::{post, talk};

fn chat() -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello to me"}]})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test(start_paused = true)]
async fn a_chat_echoes_the_prompt_and_counts_it() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post("/v1/chat/completions", &chat())).await;
    assert_eq!(heard.status, 200);
    let body = heard.json();
    let content = body["choices"][0]["message"]["content"]
        .as_str()
        .expect("a text");
    assert!(content.ends_with("Say hello to me"), "{content}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    // 3 for the turn, and 19 bytes of role and text in tokens of 4.
    assert_eq!(body["usage"]["prompt_tokens"], 3 + 5);
    assert_eq!(body["usage"]["completion_tokens"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_a_role_its_pieces_a_reason_and_done() {
    let sim = Simulator::new(SimConfig::default());
    let ask = post("/v1/chat/completions", &with(chat(), "stream", json!(true)));
    let events = talk(&sim, ask).await.events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = events
        .iter()
        .filter_map(|e| e["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert!(text.ends_with("Say hello to me"), "{text}");
    assert_eq!(
        events[events.len() - 2]["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(events[events.len() - 1], "[DONE]");
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test(start_paused = true)]
async fn usage_is_streamed_only_when_it_is_asked_for() {
    let sim = Simulator::new(SimConfig::default());
    let body = with(chat(), "stream", json!(true));
    let body = with(body, "stream_options", json!({"include_usage": true}));
    let events = talk(&sim, post("/v1/chat/completions", &body))
        .await
        .events();
    let last = &events[events.len() - 2];
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 6);
    assert_eq!(events[0]["usage"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn the_output_limit_bounds_text_and_bill() {
    let sim = Simulator::new(SimConfig::default());
    let body = with(chat(), "max_completion_tokens", json!(2));
    let heard = talk(&sim, post("/v1/chat/completions", &body)).await.json();
    assert_eq!(heard["choices"][0]["finish_reason"], "length");
    assert_eq!(heard["usage"]["completion_tokens"], 2);
    assert_eq!(sim.bill().entries()[0].output_tokens, 2);
}
