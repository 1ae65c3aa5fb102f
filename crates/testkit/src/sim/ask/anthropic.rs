//! Anthropic's request bodies: messages and token counts.

use serde_json::Value;

use super::{Ask, Choice, Reject, Stream, Tool, bounded, choose, count, list, model_of, number, text_of};
use crate::sim::dialect::{Operation, Place};
use crate::sim::sample;

pub(super) fn read(place: &Place, body: &Value) -> Result<Ask, Reject> {
    let model = model_of(place, body)?;
    let messages = list(body, "messages");
    if messages.is_empty() {
        return Err(Reject::invalid("messages: Field required"));
    }
    let max_output = number(body, "max_tokens");
    if place.operation == Operation::Chat && max_output.is_none() {
        return Err(Reject::invalid("max_tokens: Field required"));
    }
    let last = messages.last().and_then(|message| message.get("content")).unwrap_or(&Value::Null);
    let said = text_of(last);
    let kind = |part: &Value| part.get("type").and_then(Value::as_str) == Some("tool_result");
    let answered = last.as_array().is_some_and(|parts| parts.iter().any(kind));
    let tools: Vec<_> = list(body, "tools").iter().filter_map(named).collect();
    let parts: Vec<_> = ["system", "messages", "tools"].iter().filter_map(|name| body.get(*name)).collect();
    let format = body.pointer("/output_config/format").or(body.get("output_format"));
    Ok(Ask {
        model,
        stream: match body.get("stream").and_then(Value::as_bool) {
            Some(true) => Stream::Sse,
            _ => Stream::No,
        },
        prompt_tokens: count(messages.len(), &parts),
        echo: bounded(&said),
        call: choose(&tools, &choice(body), &said, answered),
        thinking: matches!(body.pointer("/thinking/type").and_then(Value::as_str), Some("enabled" | "adaptive")),
        max_output,
        choices: 1,
        json: format.and_then(|format| format.get("schema")).map(sample::of),
        ..Ask::default()
    })
}

fn named(tool: &Value) -> Option<Tool<'_>> {
    Some(Tool { name: tool.get("name")?.as_str()?, schema: tool.get("input_schema") })
}

fn choice(body: &Value) -> Choice {
    match body.pointer("/tool_choice/type").and_then(Value::as_str) {
        Some("none") => Choice::Never,
        Some("any") => Choice::Required,
        Some("tool") => {
            let name = body.pointer("/tool_choice/name").and_then(Value::as_str);
            Choice::Named(name.unwrap_or_default().to_owned())
        }
        _ => Choice::Auto,
    }
}
