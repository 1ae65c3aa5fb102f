//! Gemini's request bodies: generate, count, embed.

use serde_json::Value;

use super::{Ask, Choice, Input, Reject, Tool, bounded, choose, count, list, number, text_of};
use crate::sim::dialect::{Operation, Place};
use crate::sim::sample;

pub(super) fn read(place: &Place, body: &Value) -> Result<Ask, Reject> {
    let mut ask = match place.operation {
        Operation::Embeddings => embed(std::slice::from_ref(body))?,
        Operation::BatchEmbeddings => embed(list(body, "requests"))?,
        Operation::CountTokens => generate(body.get("generateContentRequest").unwrap_or(body))?,
        _ => generate(body)?,
    };
    ask.model = place.model.clone().unwrap_or_default();
    Ok(ask)
}

fn generate(body: &Value) -> Result<Ask, Reject> {
    let contents = list(body, "contents");
    if contents.is_empty() {
        return Err(Reject::invalid(
            "* GenerateContentRequest.contents: contents is not specified",
        ));
    }
    let parts = contents
        .last()
        .and_then(|turn| turn.get("parts"))
        .unwrap_or(&Value::Null);
    let said = text_of(parts);
    let has_result = |part: &Value| part.get("functionResponse").is_some();
    let answered = parts
        .as_array()
        .is_some_and(|parts| parts.iter().any(has_result));
    let tools: Vec<_> = list(body, "tools")
        .iter()
        .flat_map(|tool| list(tool, "functionDeclarations"))
        .filter_map(named)
        .collect();
    let priced: Vec<_> = ["systemInstruction", "contents", "tools"]
        .iter()
        .filter_map(|name| body.get(*name))
        .collect();
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    Ok(Ask {
        prompt_tokens: count(contents.len(), &priced),
        echo: bounded(&said),
        call: choose(&tools, &choice(body), &said, answered),
        thinking: config.pointer("/thinkingConfig/includeThoughts") == Some(&Value::Bool(true)),
        max_output: number(config, "maxOutputTokens"),
        choices: number(config, "candidateCount").unwrap_or(1),
        json: json(config),
        ..Ask::default()
    })
}

fn json(config: &Value) -> Option<Value> {
    if config.get("responseMimeType").and_then(Value::as_str) != Some("application/json") {
        return None;
    }
    let schema = config
        .get("responseJsonSchema")
        .or(config.get("responseSchema"));
    Some(schema.map_or_else(|| serde_json::json!({"echo": "sim"}), sample::of))
}

fn embed(requests: &[Value]) -> Result<Ask, Reject> {
    let inputs: Vec<_> = requests
        .iter()
        .filter_map(|request| request.get("content"))
        .map(|content| Input {
            tokens: count(0, &[content]).max(1),
            bytes: content.to_string().into_bytes(),
        })
        .collect();
    if inputs.is_empty() {
        return Err(Reject::invalid(
            "* EmbedContentRequest.content: content is not specified",
        ));
    }
    let wanted = requests.first().and_then(|request| {
        number(request, "outputDimensionality").or(request
            .get("embedContentConfig")
            .and_then(|c| number(c, "outputDimensionality")))
    });
    Ok(Ask {
        prompt_tokens: inputs.iter().map(|input| input.tokens).sum(),
        inputs,
        dimensions: wanted.and_then(|wanted| usize::try_from(wanted).ok()),
        ..Ask::default()
    })
}

fn named(function: &Value) -> Option<Tool<'_>> {
    let schema = function
        .get("parametersJsonSchema")
        .or(function.get("parameters"));
    Some(Tool {
        name: function.get("name")?.as_str()?,
        schema,
    })
}

fn choice(body: &Value) -> Choice {
    let config = body
        .pointer("/toolConfig/functionCallingConfig")
        .unwrap_or(&Value::Null);
    let allowed = list(config, "allowedFunctionNames")
        .first()
        .and_then(Value::as_str);
    match (config.get("mode").and_then(Value::as_str), allowed) {
        (Some("NONE"), _) => Choice::Never,
        (Some("ANY"), Some(name)) => Choice::Named(name.to_owned()),
        (Some("ANY"), None) => Choice::Required,
        _ => Choice::Auto,
    }
}
