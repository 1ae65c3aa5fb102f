//! Anthropic's answers.

use serde_json::{Value, json};
use sidegate_testkit::sim::{Key, SimConfig, Simulator};

use crate::talk::{Ask, get, post, talk};

fn body() -> Value {
    json!({
        "model": "claude-haiku-4-5", "max_tokens": 100,
        "messages": [{"role": "user", "content": "Say hello to me"}],
    })
}

fn ask(body: &Value) -> Ask {
    post("/v1/messages", body).header("anthropic-version", "2023-06-01")
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

#[tokio::test(start_paused = true)]
async fn a_message_holds_text_and_counts_the_input_without_the_cached_part() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, ask(&body()).header("x-sim-cached", "5")).await.json();
    assert!(heard["content"][0]["text"].as_str().is_some_and(|text| text.ends_with("to me")));
    assert_eq!(heard["stop_reason"], "end_turn");
    assert_eq!(heard["usage"]["input_tokens"], 3);
    assert_eq!(heard["usage"]["cache_read_input_tokens"], 5);
    assert_eq!(heard["usage"]["output_tokens"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_stream_opens_with_the_input_and_closes_with_the_whole_usage() {
    let sim = Simulator::new(SimConfig::default());
    let events = talk(&sim, ask(&streamed(body()))).await.events();
    let mut kinds: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    kinds.dedup();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 8);
    assert_eq!(events[0]["message"]["usage"]["output_tokens"], 1);
    assert_eq!(events[events.len() - 2]["usage"]["output_tokens"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_the_prompt_mentions_is_used() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = streamed(body());
    body["messages"][0]["content"] = json!("What is the weather?");
    body["tools"] = json!([{"name": "weather", "input_schema": {
        "type": "object", "properties": {"city": {"type": "string"}},
    }}]);
    let events = talk(&sim, ask(&body)).await.events();
    assert_eq!(events[1]["content_block"]["name"], "weather");
    let deltas = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str());
    assert_eq!(deltas.collect::<String>(), r#"{"city":"sim"}"#);
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
}

#[tokio::test(start_paused = true)]
async fn thinking_comes_first_with_a_signature() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body();
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    let heard = talk(&sim, ask(&body)).await.json();
    assert_eq!(heard["content"][0]["type"], "thinking");
    assert!(heard["content"][0]["signature"].is_string());
    assert_eq!(heard["content"][1]["type"], "text");
    let events = talk(&sim, ask(&streamed(body))).await.events();
    assert!(events.iter().any(|event| event["delta"]["type"] == "signature_delta"));
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_requires_is_required() {
    let sim = Simulator::new(SimConfig::default());
    assert_eq!(talk(&sim, post("/v1/messages", &body())).await.status, 400);
    let mut unbounded = body();
    unbounded.as_object_mut().expect("an object").remove("max_tokens");
    let heard = talk(&sim, ask(&unbounded)).await;
    assert_eq!(heard.status, 400);
    assert_eq!(heard.json()["error"]["type"], "invalid_request_error");
}

#[tokio::test(start_paused = true)]
async fn both_forms_of_the_key_are_accepted() {
    let config = SimConfig { keys: vec![Key::new("main", "sk-2")], ..SimConfig::default() };
    let sim = Simulator::new(config);
    assert_eq!(talk(&sim, ask(&body()).header("x-api-key", "sk-2")).await.status, 200);
    let bearer = ask(&body()).header("authorization", "Bearer sk-2");
    assert_eq!(talk(&sim, bearer).await.status, 200);
    let heard = talk(&sim, ask(&body()).header("x-api-key", "sk-3")).await;
    assert_eq!(heard.status, 401);
    assert_eq!(heard.json()["error"]["type"], "authentication_error");
}

#[tokio::test(start_paused = true)]
async fn models_and_counts_speak_anthropic_to_those_who_send_its_version() {
    let sim = Simulator::new(SimConfig::default());
    let list = talk(&sim, get("/v1/models").header("anthropic-version", "2023-06-01")).await;
    assert_eq!(list.json()["data"][0]["type"], "model");
    let ask = post("/v1/messages/count_tokens", &body());
    let count = talk(&sim, ask.header("anthropic-version", "2023-06-01")).await.json();
    assert_eq!(count["input_tokens"], 8);
}
