//! OpenAI's answers.

use serde_json::{Value, json};
use sidegate_testkit::sim::{Key, Outcome, SimConfig, Simulator};

use crate::talk::{get, post, talk};

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
    let content = body["choices"][0]["message"]["content"].as_str().expect("a text");
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
    let text: String = events.iter().filter_map(|e| e["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(text.ends_with("Say hello to me"), "{text}");
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[events.len() - 1], "[DONE]");
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test(start_paused = true)]
async fn usage_is_streamed_only_when_it_is_asked_for() {
    let sim = Simulator::new(SimConfig::default());
    let body = with(chat(), "stream", json!(true));
    let body = with(body, "stream_options", json!({"include_usage": true}));
    let events = talk(&sim, post("/v1/chat/completions", &body)).await.events();
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

fn with_tool(choice: Value) -> Value {
    let parameters = json!({
        "type": "object", "required": ["city"],
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    });
    let tool = json!({"type": "function", "function": {"name": "weather", "parameters": parameters}});
    with(with(chat(), "tools", json!([tool])), "tool_choice", choice)
}

#[tokio::test(start_paused = true)]
async fn a_required_tool_is_called_with_arguments_that_fit_its_schema() {
    let sim = Simulator::new(SimConfig::default());
    let body = with_tool(json!("required"));
    let heard = talk(&sim, post("/v1/chat/completions", &body)).await.json();
    let choice = &heard["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    let arguments = call["function"]["arguments"].as_str().expect("a string");
    let arguments: Value = serde_json::from_str(arguments).expect("JSON");
    assert_eq!(arguments, json!({"city": "sim", "days": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_streamed_tool_call_names_itself_once_and_then_adds_arguments() {
    let sim = Simulator::new(SimConfig::default());
    let body = with(with_tool(json!("required")), "stream", json!(true));
    let events = talk(&sim, post("/v1/chat/completions", &body)).await.events();
    let calls: Vec<_> = events.iter().map(|e| &e["choices"][0]["delta"]["tool_calls"][0]).collect();
    assert_eq!(calls[0]["function"]["name"], "weather");
    assert!(calls[1..].iter().all(|call| call["function"].get("name").is_none()));
    let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, r#"{"city":"sim","days":1}"#);
}

#[tokio::test(start_paused = true)]
async fn no_tool_is_called_unless_it_is_asked_for() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post("/v1/chat/completions", &with_tool(json!("auto")))).await.json();
    assert_eq!(heard["choices"][0]["finish_reason"], "stop");
}

#[tokio::test(start_paused = true)]
async fn cached_and_reasoning_tokens_are_reported_as_asked_for() {
    let sim = Simulator::new(SimConfig::default());
    let ask = post("/v1/chat/completions", &chat());
    let ask = ask.header("x-sim-cached", "4").header("x-sim-reasoning", "10");
    let usage = talk(&sim, ask).await.json()["usage"].clone();
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 10);
    assert_eq!(usage["completion_tokens"], 16);
}

#[tokio::test(start_paused = true)]
async fn embeddings_come_as_numbers_or_as_the_same_numbers_in_base64() {
    let sim = Simulator::new(SimConfig::default());
    let body = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 3});
    let plain = talk(&sim, post("/v1/embeddings", &body)).await.json();
    assert_eq!(plain["data"][1]["embedding"].as_array().map(Vec::len), Some(3));
    assert_ne!(plain["data"][0]["embedding"], plain["data"][1]["embedding"]);
    let body = with(body, "encoding_format", json!("base64"));
    let packed = talk(&sim, post("/v1/embeddings", &body)).await.json();
    // 12 bytes are 16 letters.
    assert_eq!(packed["data"][0]["embedding"].as_str().map(str::len), Some(16));
    assert_eq!(packed["usage"]["prompt_tokens"], 2);
}

#[tokio::test(start_paused = true)]
async fn old_completions_answer_sixteen_tokens_at_most() {
    let sim = Simulator::new(SimConfig::default());
    let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "Once", "stream": true});
    let ask = post("/v1/completions", &body).header("x-sim-events", "40");
    let events = talk(&sim, ask).await.events();
    assert_eq!(events.len(), 17);
    assert_eq!(events[15]["choices"][0]["finish_reason"], "length");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_exist_is_not_found() {
    let sim = Simulator::new(SimConfig::default());
    let body = with(chat(), "model", json!("does-not-exist"));
    let heard = talk(&sim, post("/v1/chat/completions", &body)).await;
    assert_eq!(heard.status, 404);
    assert_eq!(heard.json()["error"]["code"], "model_not_found");
}

#[tokio::test(start_paused = true)]
async fn only_a_configured_key_is_accepted() {
    let config = SimConfig { keys: vec![Key::new("main", "sk-1")], ..SimConfig::default() };
    let sim = Simulator::new(config);
    let heard = talk(&sim, post("/v1/chat/completions", &chat())).await;
    assert_eq!(heard.status, 401);
    assert_eq!(heard.json()["error"]["code"], "invalid_api_key");
    let ask = post("/v1/chat/completions", &chat()).header("authorization", "Bearer sk-1");
    assert_eq!(talk(&sim, ask).await.status, 200);
    let entries = sim.bill().entries();
    assert_eq!(entries[0].outcome, Outcome::Error);
    assert_eq!(entries[1].key.as_deref(), Some("main"));
    assert_eq!(entries[1].header("authorization"), Some("***"));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_no_provider_owns_is_not_found() {
    let sim = Simulator::new(SimConfig::default());
    for path in ["/v1/v1/chat/completions", "/chat/completions", "/v1beta/models/x:sing"] {
        assert_eq!(talk(&sim, post(path, &chat())).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn models_are_listed_and_gotten() {
    let sim = Simulator::new(SimConfig::default());
    let list = talk(&sim, get("/v1/models")).await.json();
    assert!(list["data"].as_array().is_some_and(|models| models.len() > 3));
    assert_eq!(talk(&sim, get("/v1/models/gpt-4o")).await.json()["id"], "gpt-4o");
}
