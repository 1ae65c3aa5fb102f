//! The responses API, plain; its events are in [`super::events`].

use http::StatusCode;
use serde_json::{Value, json};

use super::{CREATED, events};
use crate::sim::answer::Answer;
use crate::sim::ask::{Ask, Stream};
use crate::sim::reply::{Finish, Reply, Usage};

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    match ask.stream {
        Stream::No => {
            let body = finished(ask, reply);
            Answer::json(StatusCode::OK, &body, reply.usage)
        }
        Stream::Sse | Stream::Array => events::render(ask, reply),
    }
}

/// The response once it has ended.
pub(super) fn finished(ask: &Ask, reply: &Reply) -> Value {
    let mut output: Vec<Value> = Vec::new();
    if !reply.thought.is_empty() {
        output.push(reasoning(reply, &reply.thought.concat()));
    }
    output.push(item(reply, "completed", &reply.whole()));
    let (status, details) = match reply.finish {
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Stop | Finish::Tool => ("completed", Value::Null),
    };
    let mut response = response(ask, reply, status, output);
    if let Some(fields) = response.as_object_mut() {
        fields.insert("incomplete_details".to_owned(), details);
        fields.insert("usage".to_owned(), usage(&reply.usage));
    }
    response
}

/// The response's envelope.
pub(super) fn response(ask: &Ask, reply: &Reply, status: &str, output: Vec<Value>) -> Value {
    json!({
        "id": format!("resp_sim{}", reply.id), "object": "response", "created_at": CREATED,
        "status": status, "background": false, "error": null, "incomplete_details": null,
        "instructions": null, "max_output_tokens": ask.max_output, "model": reply.model,
        "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "service_tier": "default",
        "store": true, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
        "usage": null, "user": null, "metadata": {},
    })
}

/// The message, or the function call, with so much of its text.
pub(super) fn item(reply: &Reply, status: &str, text: &str) -> Value {
    match &reply.call {
        Some(call) => json!({
            "id": item_id(reply), "type": "function_call", "status": status, "arguments": text,
            "call_id": format!("call_sim{}", reply.id), "name": call.name,
        }),
        None => {
            let content = if status == "completed" { vec![part(text)] } else { Vec::new() };
            json!({
                "id": item_id(reply), "type": "message", "status": status, "content": content,
                "role": "assistant",
            })
        }
    }
}

/// The reasoning item, with so much of its summary.
pub(super) fn reasoning(reply: &Reply, text: &str) -> Value {
    let summary = if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
    json!({"id": format!("rs_sim{}", reply.id), "type": "reasoning", "summary": summary})
}

pub(super) fn part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

pub(super) fn item_id(reply: &Reply) -> String {
    let kind = if reply.call.is_some() { "fc" } else { "msg" };
    format!("{kind}_sim{}", reply.id)
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.output,
    })
}
