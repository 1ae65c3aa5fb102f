//! OpenAI's request bodies: chat, responses, completions, embeddings.

use serde_json::Value;

use super::{Ask, Choice, Input, Reject, Stream, Tool, bounded, choose, count, list, model_of, number, text_of};
use crate::sim::dialect::{Operation, Place};
use crate::sim::sample;

pub(super) fn read(place: &Place, body: &Value) -> Result<Ask, Reject> {
    let mut ask = match place.operation {
        Operation::Embeddings => embeddings(body)?,
        Operation::Completions => completions(body)?,
        Operation::Responses | Operation::CountTokens => responses(body)?,
        _ => chat(body)?,
    };
    ask.model = model_of(place, body)?;
    if body.get("stream").and_then(Value::as_bool) == Some(true) {
        ask.stream = Stream::Sse;
    }
    ask.include_usage = body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or_default();
    ask.choices = number(body, "n").unwrap_or(1);
    Ok(ask)
}

fn chat(body: &Value) -> Result<Ask, Reject> {
    let messages = list(body, "messages");
    if messages.is_empty() {
        return Err(Reject::invalid("missing required parameter: 'messages'"));
    }
    let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    let said = last_text(messages, |message| role(message).as_deref() == Some("user"));
    let answered = messages.last().and_then(role).as_deref() == Some("tool");
    let tools: Vec<_> = list(body, "tools").iter().filter_map(|tool| named(tool.get("function")?)).collect();
    let choice = choice(body.get("tool_choice"), "/function/name");
    let format = body.get("response_format");
    Ok(Ask {
        prompt_tokens: count(messages.len(), &parts(body, &["messages", "tools"])),
        echo: bounded(&said),
        call: choose(&tools, &choice, &said, answered),
        max_output: number(body, "max_completion_tokens").or(number(body, "max_tokens")),
        json: format.and_then(|format| json(format, "/json_schema/schema")),
        ..Ask::default()
    })
}

fn responses(body: &Value) -> Result<Ask, Reject> {
    let input = body.get("input").unwrap_or(&Value::Null);
    let items = input.as_array().map_or(&[][..], Vec::as_slice);
    let is_user = |item: &Value| item.get("role").and_then(Value::as_str) == Some("user");
    let said = match input {
        Value::String(text) => text.clone(),
        Value::Array(_) => last_text(items, is_user),
        _ => return Err(Reject::invalid("missing required parameter: 'input'")),
    };
    let answered =
        items.last().and_then(|item| item.get("type")).and_then(Value::as_str) == Some("function_call_output");
    let tools: Vec<_> = list(body, "tools").iter().filter_map(named).collect();
    let choice = choice(body.get("tool_choice"), "/name");
    let format = body.pointer("/text/format");
    Ok(Ask {
        prompt_tokens: count(items.len().max(1), &parts(body, &["instructions", "input", "tools"])),
        echo: bounded(&said),
        call: choose(&tools, &choice, &said, answered),
        max_output: number(body, "max_output_tokens"),
        thinking: body.pointer("/reasoning/summary").is_some_and(Value::is_string),
        json: format.and_then(|format| json(format, "/schema")),
        ..Ask::default()
    })
}

fn completions(body: &Value) -> Result<Ask, Reject> {
    let prompt = body.get("prompt").unwrap_or(&Value::Null);
    let said = match prompt {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.last().and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => return Err(Reject::invalid("missing required parameter: 'prompt'")),
    };
    Ok(Ask {
        prompt_tokens: count(0, &[prompt]).max(1),
        echo: bounded(&said),
        // The old endpoint answers 16 tokens unless told otherwise.
        max_output: Some(number(body, "max_tokens").unwrap_or(16)),
        ..Ask::default()
    })
}

fn embeddings(body: &Value) -> Result<Ask, Reject> {
    let input = body.get("input").unwrap_or(&Value::Null);
    let one = |value: &Value| Input { tokens: count(0, &[value]).max(1), bytes: value.to_string().into_bytes() };
    let inputs: Vec<_> = match input {
        Value::Array(items) if items.first().is_some_and(Value::is_number) => vec![one(input)],
        Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
        Value::String(_) => vec![one(input)],
        _ => return Err(Reject::invalid("missing required parameter: 'input'")),
    };
    Ok(Ask {
        prompt_tokens: inputs.iter().map(|input| input.tokens).sum(),
        inputs,
        base64: body.get("encoding_format").and_then(Value::as_str) == Some("base64"),
        dimensions: number(body, "dimensions").and_then(|wanted| usize::try_from(wanted).ok()),
        ..Ask::default()
    })
}

fn last_text(messages: &[Value], wanted: impl Fn(&Value) -> bool) -> String {
    let last = messages.iter().rev().find(|message| wanted(message));
    last.and_then(|message| message.get("content")).map(text_of).unwrap_or_default()
}

fn named(function: &Value) -> Option<Tool<'_>> {
    let name = function.get("name")?.as_str()?;
    Some(Tool { name, schema: function.get("parameters") })
}

fn choice(choice: Option<&Value>, name: &str) -> Choice {
    match choice {
        Some(Value::String(word)) if word == "none" => Choice::Never,
        Some(Value::String(word)) if word == "required" => Choice::Required,
        Some(object) => {
            let name = object.pointer(name).and_then(Value::as_str);
            name.map_or(Choice::Auto, |name| Choice::Named(name.to_owned()))
        }
        None => Choice::Auto,
    }
}

fn json(format: &Value, schema: &str) -> Option<Value> {
    match format.get("type").and_then(Value::as_str)? {
        "json_object" => Some(serde_json::json!({"echo": "sim"})),
        "json_schema" => Some(format.pointer(schema).map_or(Value::Null, sample::of)),
        _ => None,
    }
}

fn parts<'a>(body: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().filter_map(|name| body.get(*name)).collect()
}
