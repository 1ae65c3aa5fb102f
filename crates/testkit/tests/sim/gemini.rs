//! Gemini's answers.

use serde_json::{Value, json};
use sidegate_testkit::sim::{Key, SimConfig, Simulator};

use crate::talk::{get, post, talk};

const PLAIN: &str = "/v1beta/models/gemini-2.5-flash:generateContent";
const SSE: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
const ARRAY: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";

fn body() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Say hello to me"}]}]})
}

#[tokio::test(start_paused = true)]
async fn content_is_generated_with_thoughts_outside_the_candidates() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post(PLAIN, &body()).header("x-sim-reasoning", "9")).await.json();
    let text = heard["candidates"][0]["content"]["parts"][0]["text"].as_str().expect("a text");
    assert!(text.ends_with("Say hello to me"), "{text}");
    let usage = &heard["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 8);
    assert_eq!(usage["candidatesTokenCount"], 6);
    assert_eq!(usage["thoughtsTokenCount"], 9);
    assert_eq!(usage["totalTokenCount"], 23);
    assert_eq!(sim.bill().entries()[0].output_tokens, 15);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_ends_its_lines_with_crlf_and_has_no_done() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post(SSE, &body())).await;
    assert!(heard.text().ends_with("}\r\n\r\n"));
    let events = heard.events();
    assert_eq!(events.len(), 6);
    assert_eq!(events[5]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events[5]["usageMetadata"]["candidatesTokenCount"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_alt_sse_is_one_json_array() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, post(ARRAY, &body())).await;
    assert_eq!(heard.headers["content-type"], "application/json; charset=UTF-8");
    assert_eq!(heard.json().as_array().map(Vec::len), Some(6));
}

#[tokio::test(start_paused = true)]
async fn a_function_call_arrives_whole_and_stops() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body();
    body["tools"] = json!([{"functionDeclarations": [{"name": "weather", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING"}},
    }}]}]);
    body["toolConfig"] = json!({"functionCallingConfig": {"mode": "ANY"}});
    let events = talk(&sim, post(SSE, &body)).await.events();
    assert_eq!(events.len(), 1);
    let candidate = &events[0]["candidates"][0];
    let call = &candidate["content"]["parts"][0]["functionCall"];
    assert_eq!(*call, json!({"name": "weather", "args": {"city": "sim"}}));
    assert_eq!(candidate["finishReason"], "STOP");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_a_bad_request() {
    let config = SimConfig { keys: vec![Key::new("main", "g-1")], ..SimConfig::default() };
    let sim = Simulator::new(config);
    let heard = talk(&sim, post(PLAIN, &body()).header("x-goog-api-key", "g-2")).await;
    assert_eq!(heard.status, 400);
    assert_eq!(heard.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
    let right = post(PLAIN, &body()).header("x-goog-api-key", "g-1");
    assert_eq!(talk(&sim, right).await.status, 200);
    let in_query = format!("{PLAIN}?key=g-1");
    assert_eq!(talk(&sim, post(&in_query, &body())).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn counts_embeddings_and_models_answer() {
    let sim = Simulator::new(SimConfig::default());
    let count = post("/v1beta/models/gemini-2.5-flash:countTokens", &body());
    assert_eq!(talk(&sim, count).await.json()["totalTokens"], 8);
    let one = json!({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3});
    let embed = post("/v1beta/models/gemini-embedding-001:embedContent", &one);
    let heard = talk(&sim, embed).await.json();
    assert_eq!(heard["embedding"]["values"].as_array().map(Vec::len), Some(3));
    let batch = json!({"requests": [one, one]});
    let embed = post("/v1beta/models/gemini-embedding-001:batchEmbedContents", &batch);
    let heard = talk(&sim, embed).await.json();
    assert_eq!(heard["embeddings"].as_array().map(Vec::len), Some(2));
    let list = talk(&sim, get("/v1beta/models")).await.json();
    assert_eq!(list["models"][0]["name"], "models/gemini-2.5-flash");
}

#[tokio::test(start_paused = true)]
async fn fields_are_read_in_camel_case_and_in_snake_case() {
    let sim = Simulator::new(SimConfig::default());
    let mut body = body();
    body["generation_config"] = json!({"max_output_tokens": 2});
    let heard = talk(&sim, post(PLAIN, &body)).await.json();
    assert_eq!(heard["usageMetadata"]["candidatesTokenCount"], 2);
}
