//! OpenAI's responses API.

use serde_json::{Value, json};
use sidegate_testkit::sim::{SimConfig, Simulator};

use crate::talk::{post, talk};

fn body(stream: bool) -> Value {
    json!({"model": "gpt-4o", "input": "Say hello to me", "stream": stream})
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    kinds.dedup();
    kinds
}

#[tokio::test(start_paused = true)]
async fn a_response_holds_a_message_and_its_usage() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post("/v1/responses", &body(false))).await.json();
    assert_eq!(heard["status"], "completed");
    let text = heard["output"][0]["content"][0]["text"].as_str().expect("a text");
    assert!(text.ends_with("Say hello to me"), "{text}");
    assert_eq!(heard["usage"]["output_tokens"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_stream_runs_through_the_whole_numbered_sequence() {
    let sim = Simulator::new(SimConfig::default());
    let events = talk(&sim, post("/v1/responses", &body(true))).await.events();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds(&events), expected);
    let numbers: Vec<_> = events.iter().filter_map(|e| e["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events[events.len() - 1]["response"]["usage"]["output_tokens"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_streamed_function_call_is_an_item_of_its_own() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body(true);
    body["tools"] = json!([{"type": "function", "name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}},
    }}]);
    body["tool_choice"] = json!("required");
    let events = talk(&sim, post("/v1/responses", &body)).await.events();
    assert!(kinds(&events).contains(&"response.function_call_arguments.done"));
    let last = &events[events.len() - 1]["response"]["output"][0];
    assert_eq!(last["type"], "function_call");
    assert_eq!(last["arguments"], r#"{"city":"sim"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_summary_of_the_reasoning_comes_first_when_asked_for() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body(true);
    body["reasoning"] = json!({"summary": "auto"});
    let events = talk(&sim, post("/v1/responses", &body)).await.events();
    assert!(kinds(&events).contains(&"response.reasoning_summary_text.delta"));
    let last = &events[events.len() - 1]["response"];
    assert_eq!(last["output"][0]["type"], "reasoning");
    assert_eq!(last["usage"]["output_tokens_details"]["reasoning_tokens"], 4);
}

#[tokio::test(start_paused = true)]
async fn the_output_limit_makes_it_incomplete() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body(false);
    body["max_output_tokens"] = json!(3);
    let heard = talk(&sim, post("/v1/responses", &body)).await.json();
    assert_eq!(heard["status"], "incomplete");
    assert_eq!(heard["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(heard["usage"]["output_tokens"], 3);
}

#[tokio::test(start_paused = true)]
async fn counting_tokens_costs_nothing() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post("/v1/responses/input_tokens", &body(false))).await.json();
    assert_eq!(heard["input_tokens"], 3 + 4);
    assert_eq!(sim.bill().totals().prompt_tokens, 0);
}
