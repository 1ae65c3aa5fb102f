//! Which tools are noted, in requests and in answers, whole and streamed and however they are cut.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sidegate_policy::{Dialect, Operation};

use super::{MAX_NAME, MAX_TOOLS, Notes, Tool};
use crate::meter::{Framing, Meter};
use crate::recognize::{endpoint, recognize, recognize_noting};

fn notes(path: &str, body: &Value) -> Notes {
    let endpoint = endpoint(&Method::POST, path, None, &HeaderMap::new()).unwrap();
    let body = body.to_string();
    let (noted, notes) = recognize_noting(&endpoint, &HeaderMap::new(), body.as_bytes(), &[]).unwrap();
    assert_eq!(noted, recognize(&endpoint, &HeaderMap::new(), body.as_bytes(), &[]).unwrap(), "nothing else differs");
    notes
}

fn tool(name: &str, id: &str) -> Tool {
    Tool { name: name.into(), id: id.into() }
}

/// The tools of an answer, which are the same however it is cut.
fn asked((dialect, operation): (Dialect, Operation), framing: Framing, bytes: &[u8]) -> Vec<Tool> {
    let cut = |size: usize| {
        let mut meter = Meter::new(dialect, operation, framing, false);
        meter.note(None);
        for piece in bytes.chunks(size) {
            meter.feed(Bytes::copy_from_slice(piece), &mut |_| ());
        }
        meter.end(&mut |_| ());
        meter.take_noted().0
    };
    let whole = cut(bytes.len());
    for size in 1..40 {
        assert_eq!(cut(size), whole, "in pieces of {size}");
    }
    whole
}

fn events(data: &[Value]) -> Vec<u8> {
    data.iter().flat_map(|d| format!("data: {d}\n\n").into_bytes()).collect()
}

const CHAT: (Dialect, Operation) = (Dialect::OpenAi, Operation::ChatCompletions);
const RESPONSES: (Dialect, Operation) = (Dialect::OpenAi, Operation::Responses);
const MESSAGES: (Dialect, Operation) = (Dialect::Anthropic, Operation::Messages);
const GEMINI: (Dialect, Operation) = (Dialect::Gemini, Operation::GenerateContent);

#[test]
fn a_chats_results_since_the_last_answer_are_noted_with_the_names_of_their_calls() {
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [call("old", "gone")]},
        {"role": "tool", "tool_call_id": "old", "content": "1"},
        {"role": "assistant", "content": null, "tool_calls": [call("c1", "weather"), call("c2", "ti\"me")]},
        {"role": "tool", "tool_call_id": "c1", "content": "CANARY"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "tool", "tool_call_id": "c3", "content": "3"},
    ]});
    let noted = notes("/v1/chat/completions", &body);
    assert_eq!(noted.results, [tool("weather", "c1"), tool("ti\"me", "c2"), tool("", "c3")]);
}

#[test]
fn results_of_responses_messages_and_gemini_are_noted_too() {
    let body = json!({"model": "m", "conversation": {"id": "conv_1"}, "input": [
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "CANARY"},
    ]});
    let noted = notes("/v1/responses", &body);
    assert_eq!((&*noted.conversation, &noted.results[..]), ("conv_1", &[tool("weather", "c1")][..]));
    assert_eq!(
        &*notes("/v1/responses", &json!({"model": "m", "conversation": "conv_2", "input": "x"})).conversation,
        "conv_2"
    );
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "x"}]}]},
    ]});
    assert_eq!(notes("/v1/messages", &body).results, [tool("weather", "t1")]);
    let body = json!({"contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"t": 1}}}]},
    ]});
    assert_eq!(notes("/v1beta/models/g:generateContent", &body).results, [tool("weather", "")]);
}

#[test]
fn what_is_noted_is_bounded() {
    let results: Vec<_> = (0..100)
        .map(|n| json!({"role": "tool", "tool_call_id": format!("{n}{}", "x".repeat(500)), "content": ""}))
        .collect();
    let noted = notes("/v1/chat/completions", &json!({"model": "m", "messages": results}));
    assert_eq!(noted.results.len(), MAX_TOOLS);
    assert!(noted.results.iter().all(|tool| tool.id.len() == MAX_NAME));
    let calls: Vec<_> = (0..100).map(|n| json!({"id": n.to_string(), "function": {"name": "é".repeat(200)}})).collect();
    let answer = json!({"choices": [{"message": {"tool_calls": calls}}]}).to_string();
    let asked = asked(CHAT, Framing::Json, answer.as_bytes());
    assert_eq!(asked.len(), MAX_TOOLS);
    assert!(asked.iter().all(|tool| tool.name.len() == MAX_NAME));
}

#[test]
fn tools_that_a_whole_answer_asks_for_are_noted() {
    let wanted = [tool("weather", "c1"), tool("time", "c2")];
    let call = |id: &str, name: &str| json!({"id": id, "function": {"name": name, "arguments": "{\"a\":\"CANARY\"}"}});
    let chat = json!({"choices": [{"message": {"tool_calls": [call("c1", "weather"), call("c2", "time")]}}]});
    assert_eq!(asked(CHAT, Framing::Json, chat.to_string().as_bytes()), wanted);
    let item = |id: &str, name: &str| json!({"id": "fc", "type": "function_call", "call_id": id, "name": name});
    let output = json!([{"type": "message", "id": "m", "name": "no"}, item("c1", "weather"), item("c2", "time")]);
    assert_eq!(asked(RESPONSES, Framing::Json, json!({"output": output}).to_string().as_bytes()), wanted);
    let block = |id: &str, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {"name": "no"}});
    let content = json!([{"type": "text", "text": "x"}, block("c1", "weather"), block("c2", "time")]);
    assert_eq!(asked(MESSAGES, Framing::Json, json!({"id": "msg", "content": content}).to_string().as_bytes()), wanted);
    let part = |name: &str| json!({"functionCall": {"name": name, "args": {"name": "no"}}});
    let gemini = json!({"candidates": [{"content": {"parts": [part("weather"), part("time")]}}]});
    let wanted = [tool("weather", ""), tool("time", "")];
    assert_eq!(asked(GEMINI, Framing::Json, gemini.to_string().as_bytes()), wanted);
}

#[test]
fn tools_that_a_stream_asks_for_are_noted_once() {
    let delta = |calls: Value| json!({"choices": [{"delta": {"tool_calls": calls}}]});
    let chat = events(&[
        delta(json!([{"index": 0, "id": "c1", "function": {"name": "weather", "arguments": ""}}])),
        delta(json!([{"index": 0, "function": {"arguments": "{\"a\""}}])),
        delta(json!([{"index": 0, "function": {"arguments": ":1}"}}])),
        delta(json!([{"index": 1, "id": "c2", "function": {"name": "time", "arguments": "{}"}}])),
    ]);
    let wanted = [tool("weather", "c1"), tool("time", "c2")];
    assert_eq!(asked(CHAT, Framing::Sse, &chat), wanted);
    let item = |kind: &str, id: &str, name: &str| json!({"type": kind, "item": {"id": "fc", "type": "function_call", "call_id": id, "name": name, "arguments": ""}});
    let responses = events(&[
        item("response.output_item.added", "c1", "weather"),
        json!({"type": "response.function_call_arguments.delta", "delta": "{}"}),
        item("response.output_item.done", "c1", "weather"),
        item("response.output_item.added", "c2", "time"),
        item("response.output_item.done", "c2", "time"),
        json!({"type": "response.completed", "response": {"output": [item("", "c1", "weather")["item"]]}}),
    ]);
    assert_eq!(asked(RESPONSES, Framing::Sse, &responses), wanted);
    let start = |n: u32, block: Value| json!({"type": "content_block_start", "index": n, "content_block": block});
    let messages = events(&[
        start(0, json!({"type": "text", "text": ""})),
        start(1, json!({"type": "tool_use", "id": "c1", "name": "weather", "input": {}})),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
        start(2, json!({"id": "c2", "name": "time", "input": {}, "type": "tool_use"})),
    ]);
    assert_eq!(asked(MESSAGES, Framing::Sse, &messages), wanted);
    let gemini =
        events(&[json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "weather", "id": "c1"}}]}}]})]);
    assert_eq!(asked(GEMINI, Framing::Sse, &gemini), [tool("weather", "c1")]);
}
