//! What a request asks for, read out of its body in the provider's own form.
//!
//! One [`Ask`] for all dialects, so that the answer is composed once and only
//! rendered three times. It reads what an answer depends on and ignores the
//! rest; a body that the real provider would refuse is a [`Reject`].
//!
//! Tokens are counted by one rule, the same for all dialects: a prompt has
//! 3 tokens for each turn, plus one for each 4 bytes (UTF-8, rounded up) of all
//! JSON strings under the fields that carry the prompt (messages, input,
//! system, tools); a token that the caller sends as a number counts as one.

mod anthropic;
mod gemini;
mod openai;

use http::StatusCode;
use serde_json::Value;

use super::dialect::{Dialect, Operation, Place};
use super::sample;

/// Bytes of the last user turn that an answer echoes.
const ECHO_BYTES: usize = 96;

/// Most choices that one request is given (`n`, `candidateCount`).
const MAX_CHOICES: u64 = 128;

/// How the answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stream {
    /// One body.
    #[default]
    No,
    /// Server-sent events.
    Sse,
    /// One JSON array, element by element (Gemini without `alt=sse`).
    Array,
}

/// A tool call that the answer will make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub name: String,
    pub arguments: Value,
}

/// One input to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub tokens: u64,
    /// What the vector is made from.
    pub bytes: Vec<u8>,
}

/// What a request asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub model: String,
    pub stream: Stream,
    /// OpenAI's `stream_options.include_usage`.
    pub include_usage: bool,
    pub prompt_tokens: u64,
    /// The end of the prompt, bounded, for the echo.
    pub echo: String,
    pub call: Option<Call>,
    /// Whether visible thinking is asked for.
    pub thinking: bool,
    pub max_output: Option<u64>,
    pub choices: u64,
    /// An instance of the JSON schema that the text must follow.
    pub json: Option<Value>,
    pub inputs: Vec<Input>,
    pub base64: bool,
    pub dimensions: Option<usize>,
}

/// Why the provider would refuse a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl Reject {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid_request", message: message.into() }
    }
}

/// Reads the body of a request to `place`. `sse` is Gemini's `alt=sse`.
pub(crate) fn read(place: &Place, body: &[u8], sse: bool) -> Result<Ask, Reject> {
    if matches!(place.operation, Operation::ListModels | Operation::GetModel) {
        return Ok(Ask { model: place.model.clone().unwrap_or_default(), ..Ask::default() });
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Reject::invalid(format!("could not parse the JSON body: {error}")))?;
    if !body.is_object() {
        return Err(Reject::invalid("the body is not a JSON object"));
    }
    let mut ask = match place.dialect {
        Dialect::OpenAi => openai::read(place, &body)?,
        Dialect::Anthropic => anthropic::read(place, &body)?,
        Dialect::Gemini => gemini::read(place, &body)?,
    };
    if place.stream {
        ask.stream = if sse { Stream::Sse } else { Stream::Array };
    }
    ask.choices = ask.choices.clamp(1, MAX_CHOICES);
    Ok(ask)
}

/// Whether and which tool the caller lets the model call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Choice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    Never,
    /// Some tool.
    Required,
    /// This tool.
    Named(String),
}

/// A tool on offer.
pub(crate) struct Tool<'a> {
    pub name: &'a str,
    pub schema: Option<&'a Value>,
}

/// Decides on a tool call. The rule: a required or named tool is called
/// always; under `auto`, the first tool whose name the last user turn mentions,
/// or the first one if the turn mentions the word "tool", unless the
/// conversation already ends in a tool's result.
pub(crate) fn choose(tools: &[Tool<'_>], choice: &Choice, said: &str, answered: bool) -> Option<Call> {
    let said = said.to_ascii_lowercase();
    let tool = match choice {
        Choice::Never => None,
        Choice::Required => tools.first(),
        Choice::Named(name) => tools.iter().find(|tool| tool.name == name),
        Choice::Auto if answered => None,
        Choice::Auto => tools
            .iter()
            .find(|tool| said.contains(&tool.name.to_ascii_lowercase()))
            .or_else(|| tools.first().filter(|_| said.contains("tool"))),
    }?;
    let arguments = tool.schema.map_or_else(|| Value::Object(serde_json::Map::new()), sample::of);
    Some(Call { name: tool.name.to_owned(), arguments })
}

/// Tokens of a prompt of so many turns with these parts.
pub(crate) fn count(turns: usize, parts: &[&Value]) -> u64 {
    let weight: Weight = parts.iter().map(|part| weigh(part)).sum();
    3 * turns as u64 + weight.bytes.div_ceil(4) + weight.numbers
}

#[derive(Clone, Copy, Default)]
struct Weight {
    bytes: u64,
    numbers: u64,
}

impl std::iter::Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, item| Self {
            bytes: sum.bytes + item.bytes,
            numbers: sum.numbers + item.numbers,
        })
    }
}

fn weigh(value: &Value) -> Weight {
    match value {
        Value::String(text) => Weight { bytes: text.len() as u64, numbers: 0 },
        Value::Number(_) => Weight { bytes: 0, numbers: 1 },
        Value::Array(items) => items.iter().map(weigh).sum(),
        Value::Object(fields) => fields.values().map(weigh).sum(),
        Value::Null | Value::Bool(_) => Weight::default(),
    }
}

/// The text of a content that is a string or a list of parts with `text`.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// The first bytes of `text`, whole characters.
pub(crate) fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(ECHO_BYTES);
    text.get(..end).unwrap_or_default().to_owned()
}

/// The model that the body names.
pub(crate) fn model_of(place: &Place, body: &Value) -> Result<String, Reject> {
    if let Some(model) = &place.model {
        return Ok(model.clone());
    }
    let model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
    model.map(str::to_owned).ok_or_else(|| Reject::invalid("you must provide a model parameter"))
}

/// A whole number, or none.
pub(crate) fn number(body: &Value, name: &str) -> Option<u64> {
    body.get(name).and_then(Value::as_u64)
}

/// A list, or an empty one.
pub(crate) fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
