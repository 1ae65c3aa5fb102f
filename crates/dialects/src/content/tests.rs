//! Prompts and answers in the conventions' form, and their bound.

use bytes::Bytes;
use serde_json::{Value, json};
use sidegate_policy::{Dialect, Operation};

use super::{Prompt, prompt};
use crate::meter::{Framing, Meter};

const CHAT: (Dialect, Operation) = (Dialect::OpenAi, Operation::ChatCompletions);
const RESPONSES: (Dialect, Operation) = (Dialect::OpenAi, Operation::Responses);
const MESSAGES: (Dialect, Operation) = (Dialect::Anthropic, Operation::Messages);
const GEMINI: (Dialect, Operation) = (Dialect::Gemini, Operation::GenerateContent);

fn of(spoken: (Dialect, Operation), body: &Value) -> Prompt {
    prompt(spoken.0, spoken.1, body.to_string().as_bytes(), 8192)
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// What an answer said, which is the same however it is cut.
fn said(spoken: (Dialect, Operation), framing: Framing, bytes: &[u8]) -> Value {
    let cut = |size: usize| {
        let mut meter = Meter::new(spoken.0, spoken.1, framing, false);
        meter.note(Some(8192));
        bytes.chunks(size).for_each(|piece| meter.feed(Bytes::copy_from_slice(piece), &mut |_| ()));
        meter.end(&mut |_| ());
        meter.take_noted().1
    };
    let whole = cut(bytes.len());
    (1..40).for_each(|size| assert_eq!(cut(size), whole, "in pieces of {size}"));
    read(&whole)
}

fn events(data: &[Value]) -> Vec<u8> {
    data.iter().flat_map(|d| format!("data: {d}\n\n").into_bytes()).collect()
}

#[test]
fn a_chat_is_messages_of_parts() {
    let body = json!({"model": "m", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:CANARY"}}]},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]});
    let wanted = json!([
        {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
        {"role": "user", "parts": [{"type": "text", "content": "hi"}, {"type": "image_url"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "rain"}]},
    ]);
    assert_eq!(read(&of(CHAT, &body).input), wanted);
}

#[test]
fn instructions_that_stand_apart_are_told_apart() {
    let text = |text: &str| json!([{"type": "text", "content": text}]);
    let user = |said: &str| json!([{"role": "user", "parts": text(said)}]);
    for (spoken, body) in [
        (RESPONSES, json!({"instructions": "be brief", "input": "hi"})),
        (MESSAGES, json!({"system": "be brief", "messages": [{"role": "user", "content": "hi"}]})),
        (
            MESSAGES,
            json!({"system": [{"type": "text", "text": "be brief"}], "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}),
        ),
        (
            GEMINI,
            json!({"systemInstruction": {"parts": [{"text": "be brief"}]}, "contents": [{"parts": [{"text": "hi"}]}]}),
        ),
    ] {
        let told = of(spoken, &body);
        assert_eq!((read(&told.instructions), read(&told.input)), (text("be brief"), user("hi")), "{body}");
    }
    assert_eq!(of(CHAT, &json!("nothing")), Prompt::default());
    assert_eq!(prompt(CHAT.0, CHAT.1, b"{", 99), Prompt::default());
}

#[test]
fn what_is_told_is_bounded_and_stays_json_and_the_last_turns_stay() {
    let turns: Vec<_> =
        (0..200).map(|n| json!({"role": "user", "content": format!("turn {n} \u{1}é\"{}", "x".repeat(90))})).collect();
    let body = json!({"messages": turns}).to_string();
    for most in [0, 1, 50, 99, 500, 4096] {
        let told = prompt(CHAT.0, CHAT.1, body.as_bytes(), most).input;
        assert!(told.len() <= most, "{} of {most}", told.len());
        assert!(told.is_empty() || read(&told).is_array(), "{told}");
    }
    assert!(prompt(CHAT.0, CHAT.1, body.as_bytes(), 500).input.contains("turn 199"));
    let long = json!({"messages": [{"role": "user", "content": "ü".repeat(5000)}]}).to_string();
    let told = prompt(CHAT.0, CHAT.1, long.as_bytes(), 1000).input;
    assert!(
        (200..=1000).contains(&told.len())
            && read(&told)[0]["parts"][0]["content"].as_str().is_some_and(|t| t.ends_with('…'))
    );
}

#[test]
fn a_whole_answer_is_a_message() {
    let call = json!({"id": "c", "function": {"name": "f", "arguments": "{\"a\":\"b\"}"}});
    let chat = json!({"choices": [{"message": {"content": "x\n\"é\u{1f600}", "tool_calls": [call]}, "finish_reason": "stop"}]});
    let parts = json!([{"type": "text", "content": "x\n\"é\u{1f600}"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": "b"}}]);
    let wanted = json!([{"role": "assistant", "parts": parts, "finish_reason": "stop"}]);
    assert_eq!(said(CHAT, Framing::Json, chat.to_string().as_bytes()), wanted);
    let blocks = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "x"}, {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1]}}]);
    let told =
        said(MESSAGES, Framing::Json, json!({"content": blocks, "stop_reason": "tool_use"}).to_string().as_bytes());
    let parts = json!([{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "x"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": [1]}}]);
    assert_eq!(told[0]["parts"], parts);
}

#[test]
fn a_stream_is_the_same_message_as_the_whole() {
    let delta = |delta: Value| json!({"choices": [{"delta": delta}]});
    let chat = events(&[
        delta(json!({"content": "one "})),
        delta(json!({"content": "two "})),
        delta(json!({"content": "three"})),
        delta(json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\""}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]})),
        json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
    ]);
    let parts = json!([{"type": "text", "content": "one two three"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]);
    assert_eq!(
        said(CHAT, Framing::Sse, &chat),
        json!([{"role": "assistant", "parts": parts, "finish_reason": "tool_calls"}])
    );
    let item = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": ""});
    let responses = events(&[
        json!({"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
        json!({"type": "response.output_text.delta", "delta": "one "}),
        json!({"type": "response.output_text.delta", "delta": "two"}),
        json!({"type": "response.output_item.added", "item": item}),
        json!({"type": "response.function_call_arguments.delta", "delta": "{\"a\":1}"}),
    ]);
    let parts = json!([{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "one two"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]);
    assert_eq!(said(RESPONSES, Framing::Sse, &responses)[0]["parts"], parts);
}

#[test]
fn of_a_long_answer_the_beginning_is_told() {
    let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Json, false);
    meter.note(Some(300));
    let body = json!({"choices": [{"message": {"content": "é\n".repeat(10_000)}}]}).to_string();
    meter.feed(Bytes::from(body), &mut |_| ());
    let told = meter.take_noted().1;
    assert!(
        told.len() <= 300 && read(&told)[0]["parts"][0]["content"].as_str().is_some_and(|t| t.starts_with("é\n")),
        "{told}"
    );
}
