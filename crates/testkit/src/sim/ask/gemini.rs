//! Gemini's request bodies: generate, count, embed.
//!
//! The API takes every field's name in camel case and in snake case, and the
//! SDKs mix them in one body: so does this reader.

use serde_json::Value;

use super::{Ask, Choice, Input, Reject, Tool, bounded, choose, count, text_of};
use crate::sim::dialect::{Operation, Place};
use crate::sim::sample;

pub(super) fn read(place: &Place, body: &Value) -> Result<Ask, Reject> {
    let mut ask = match place.operation {
        Operation::Embeddings => embed(std::slice::from_ref(body))?,
        Operation::BatchEmbeddings => embed(items(body, "requests"))?,
        Operation::CountTokens => generate(field(body, "generateContentRequest").unwrap_or(body))?,
        _ => generate(body)?,
    };
    ask.model = place.model.clone().unwrap_or_default();
    Ok(ask)
}

fn generate(body: &Value) -> Result<Ask, Reject> {
    let contents = items(body, "contents");
    if contents.is_empty() {
        return Err(Reject::invalid("* GenerateContentRequest.contents: contents is not specified"));
    }
    let parts = contents.last().and_then(|turn| turn.get("parts")).unwrap_or(&Value::Null);
    let said = text_of(parts);
    let has_result = |part: &Value| field(part, "functionResponse").is_some();
    let answered = parts.as_array().is_some_and(|parts| parts.iter().any(has_result));
    let tools: Vec<_> =
        items(body, "tools").iter().flat_map(|tool| items(tool, "functionDeclarations")).filter_map(named).collect();
    let priced: Vec<_> =
        ["systemInstruction", "contents", "tools"].iter().filter_map(|name| field(body, name)).collect();
    let config = field(body, "generationConfig").unwrap_or(&Value::Null);
    let thinking = field(config, "thinkingConfig");
    Ok(Ask {
        prompt_tokens: count(contents.len(), &priced),
        echo: bounded(&said),
        call: choose(&tools, &choice(body), &said, answered),
        thinking: thinking.and_then(|thinking| field(thinking, "includeThoughts")) == Some(&Value::Bool(true)),
        max_output: number(config, "maxOutputTokens"),
        choices: number(config, "candidateCount").unwrap_or(1),
        json: json(config),
        ..Ask::default()
    })
}

fn json(config: &Value) -> Option<Value> {
    let kind = field(config, "responseMimeType").and_then(Value::as_str);
    if kind != Some("application/json") {
        return None;
    }
    let schema = field(config, "responseJsonSchema").or(field(config, "responseSchema"));
    Some(schema.map_or_else(|| serde_json::json!({"echo": "sim"}), sample::of))
}

fn embed(requests: &[Value]) -> Result<Ask, Reject> {
    let inputs: Vec<_> = requests
        .iter()
        .filter_map(|request| field(request, "content"))
        .map(|content| Input { tokens: count(0, &[content]).max(1), bytes: content.to_string().into_bytes() })
        .collect();
    if inputs.is_empty() {
        return Err(Reject::invalid("* EmbedContentRequest.content: content is not specified"));
    }
    let wanted = requests.first().and_then(|request| {
        let config = field(request, "embedContentConfig").unwrap_or(&Value::Null);
        number(request, "outputDimensionality").or(number(config, "outputDimensionality"))
    });
    Ok(Ask {
        prompt_tokens: inputs.iter().map(|input| input.tokens).sum(),
        inputs,
        dimensions: wanted.and_then(|wanted| usize::try_from(wanted).ok()),
        ..Ask::default()
    })
}

fn named(function: &Value) -> Option<Tool<'_>> {
    let schema = field(function, "parametersJsonSchema").or(field(function, "parameters"));
    Some(Tool { name: function.get("name")?.as_str()?, schema })
}

fn choice(body: &Value) -> Choice {
    let config = field(body, "toolConfig").and_then(|c| field(c, "functionCallingConfig"));
    let config = config.unwrap_or(&Value::Null);
    let allowed = items(config, "allowedFunctionNames").first().and_then(Value::as_str);
    match (config.get("mode").and_then(Value::as_str), allowed) {
        (Some("NONE"), _) => Choice::Never,
        (Some("ANY"), Some(name)) => Choice::Named(name.to_owned()),
        (Some("ANY"), None) => Choice::Required,
        _ => Choice::Auto,
    }
}

/// A field by its camel-case name, in either case.
fn field<'a>(object: &'a Value, camel: &str) -> Option<&'a Value> {
    let snake = || {
        let letters = camel.chars().map(|letter| match letter.is_ascii_uppercase() {
            true => format!("_{}", letter.to_ascii_lowercase()),
            false => letter.to_string(),
        });
        letters.collect::<String>()
    };
    object.get(camel).or_else(|| object.get(snake()))
}

fn items<'a>(object: &'a Value, camel: &str) -> &'a [Value] {
    field(object, camel).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(object: &Value, camel: &str) -> Option<u64> {
    field(object, camel).and_then(Value::as_u64)
}
