//! Prompts and answers in the form of the conventions for generative AI: messages of a role and parts.
//!
//! Only where policy captures content; nothing on the ordinary path knows of it. Each result is bounded as a whole:
//! of a long conversation the last turns stay, and long texts are cut. Media are told by their type alone.

mod fit;
mod said;

use serde_json::{Value, json};
use sidegate_policy::{Dialect, Operation};

pub(crate) use self::said::{Piece, Said};

/// What a request says, as JSON; an empty text says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// What the model is told beside the conversation: a list of parts.
    pub instructions: String,
    /// The conversation: a list of messages.
    pub input: String,
}

/// Longer bodies are not read: what that takes is paid by the calls of the same pod.
const LONGEST: usize = 1024 * 1024;

/// Reads the prompt of a body; nothing of one that is longer than 1 MiB. `most`: bytes of each result.
#[must_use]
pub fn prompt(dialect: Dialect, operation: Operation, body: &[u8], most: usize) -> Prompt {
    if body.len() > LONGEST {
        return Prompt::default();
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Prompt::default();
    };
    let (instructions, messages) = match dialect {
        Dialect::OpenAi => (texts(&body["instructions"]), openai(operation, &body)),
        Dialect::Anthropic => (anthropic_parts(&body["system"]), messages(&body["messages"], anthropic)),
        Dialect::Gemini => {
            let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
            let system = system.map(|system| gemini_parts(&system["parts"])).unwrap_or_default();
            (system, messages(&body["contents"], gemini))
        }
    };
    Prompt { instructions: fit::list(instructions, most), input: fit::list(messages, most) }
}

fn openai(operation: Operation, body: &Value) -> Vec<Value> {
    match operation {
        Operation::ChatCompletions => messages(&body["messages"], chat),
        Operation::Responses => match &body["input"] {
            Value::String(text) => vec![message("user", vec![part(text)])],
            input => messages(input, item),
        },
        Operation::Completions => match texts(&body["prompt"]) {
            parts if parts.is_empty() => Vec::new(),
            parts => vec![message("user", parts)],
        },
        _ => Vec::new(),
    }
}

/// Each element, or the one that is no list.
fn messages(list: &Value, of: fn(&Value) -> Value) -> Vec<Value> {
    match list {
        Value::Array(list) => list.iter().map(of).collect(),
        Value::Object(_) => vec![of(list)],
        _ => Vec::new(),
    }
}

fn message(role: &str, parts: Vec<Value>) -> Value {
    json!({"role": role, "parts": parts})
}

fn part(text: &str) -> Value {
    json!({"type": "text", "content": text})
}

/// A text, or several.
fn texts(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => vec![part(text)],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(part).collect(),
        _ => Vec::new(),
    }
}

fn role(value: &Value) -> &str {
    value["role"].as_str().unwrap_or("user")
}

fn call(id: &Value, name: &Value, arguments: &Value) -> Value {
    json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
}

fn response(id: &Value, response: &Value) -> Value {
    json!({"type": "tool_call_response", "id": id, "response": response})
}

/// Content as a text or a list of typed parts.
fn openai_parts(content: &Value) -> Vec<Value> {
    let Value::Array(list) = content else { return texts(content) };
    let typed = |typed: &Value| match typed["text"].as_str().or(typed["refusal"].as_str()) {
        Some(text) => part(text),
        None => json!({"type": typed["type"]}),
    };
    list.iter().map(typed).collect()
}

/// A message of a chat.
fn chat(turn: &Value) -> Value {
    if role(turn) == "tool" {
        return message("tool", vec![response(&turn["tool_call_id"], &turn["content"])]);
    }
    let mut parts = openai_parts(&turn["content"]);
    for asked in turn["tool_calls"].as_array().into_iter().flatten() {
        parts.push(call(&asked["id"], &asked["function"]["name"], &asked["function"]["arguments"]));
    }
    message(role(turn), parts)
}

/// An item of a response's input.
fn item(item: &Value) -> Value {
    match item["type"].as_str() {
        Some("function_call" | "custom_tool_call") => {
            let given = item.get("arguments").unwrap_or(&item["input"]);
            message("assistant", vec![call(&item["call_id"], &item["name"], given)])
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            message("tool", vec![response(&item["call_id"], &item["output"])])
        }
        None | Some("message") => message(role(item), openai_parts(&item["content"])),
        Some(other) => message("assistant", vec![json!({"type": other})]),
    }
}

fn anthropic(turn: &Value) -> Value {
    message(role(turn), anthropic_parts(&turn["content"]))
}

fn anthropic_parts(content: &Value) -> Vec<Value> {
    let Value::Array(list) = content else { return texts(content) };
    let block = |block: &Value| match block["type"].as_str() {
        Some("text") => part(block["text"].as_str().unwrap_or_default()),
        Some("thinking") => json!({"type": "reasoning", "content": block["thinking"]}),
        Some("tool_use") => call(&block["id"], &block["name"], &block["input"]),
        Some("tool_result") => response(&block["tool_use_id"], &block["content"]),
        _ => json!({"type": block["type"]}),
    };
    list.iter().map(block).collect()
}

fn gemini(turn: &Value) -> Value {
    let role = if turn["role"] == "model" { "assistant" } else { "user" };
    message(role, gemini_parts(&turn["parts"]))
}

fn gemini_parts(parts: &Value) -> Vec<Value> {
    let told = |told: &Value| {
        let either = |camel: &str, snake: &str| told.get(camel).or_else(|| told.get(snake)).cloned();
        if let Some(text) = told["text"].as_str() {
            return part(text);
        }
        if let Some(asked) = either("functionCall", "function_call") {
            return call(&asked["id"], &asked["name"], &asked["args"]);
        }
        if let Some(gave) = either("functionResponse", "function_response") {
            return response(&gave["id"], &gave["response"]);
        }
        let kind = told.as_object().and_then(|part| part.keys().next()).map_or("unknown", String::as_str);
        json!({"type": kind})
    };
    match parts {
        Value::Array(list) => list.iter().map(told).collect(),
        Value::Object(_) => vec![told(parts)],
        _ => texts(parts),
    }
}

#[cfg(test)]
mod tests;
