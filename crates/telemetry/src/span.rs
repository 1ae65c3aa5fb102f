//! The facts of a call's spans, as plain values: one SERVER span for the call, one CLIENT span for each attempt.
//!
//! Names and attributes follow [`crate::names`]; [`crate::otlp`] only translates. Sampling and sending are not
//! here. Tokens and cost stand on the attempts alone, so that a sum over spans counts them once. The
//! sidecar's admin socket shows the same facts as JSON.

mod attempt;
mod call;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_policy::{Dialect, Operation};

use crate::json::Json;
use crate::names::{attribute, event};
use crate::record::{CallRecord, Tool, ToolUse};

/// Which side of a request a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// The call, as its caller made it.
    Server,
    /// A request to a provider.
    Client,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A text; not bounded yet.
    Text(Cow<'a, str>),
    /// Several texts.
    Texts(Vec<Cow<'a, str>>),
    /// A whole number.
    Number(i64),
    /// A time, told in seconds.
    Seconds(Duration),
    /// Yes or no.
    Flag(bool),
}

/// What a span is a child of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its id.
    pub id: u64,
    /// It is another process's.
    pub remote: bool,
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// What.
    pub name: &'static str,
    /// When.
    pub at: Timestamp,
    /// What is known of it, by name.
    pub attributes: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanFacts<'a> {
    /// Its id, never 0.
    pub id: u64,
    /// What it is a child of; none for the first span of its trace.
    pub parent: Option<Parent>,
    /// Its name.
    pub name: String,
    /// Which side it tells of.
    pub kind: SpanKind,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// It did not succeed; what happened is in `error.type`.
    pub failed: bool,
    /// What is known, by name, each name once.
    pub attributes: Vec<(Cow<'a, str>, Value<'a>)>,
    /// What happened within it, in its order.
    pub events: Vec<Event<'a>>,
}

/// All spans of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSpans<'a> {
    /// The trace that they belong to, never 0.
    pub trace_id: u128,
    /// What the vendors along the way told each other (`tracestate`); empty if nothing.
    pub trace_state: &'a str,
    /// The call.
    pub call: SpanFacts<'a>,
    /// Its attempts, in their order.
    pub attempts: Vec<SpanFacts<'a>>,
}

impl<'a> CallSpans<'a> {
    /// The spans of a record.
    #[must_use]
    pub fn of(record: &'a CallRecord) -> Self {
        let last = record.attempts.len().saturating_sub(1);
        let attempts = record.attempts.iter().enumerate();
        Self {
            trace_id: record.trace_id(),
            trace_state: record.detail.as_ref().map_or("", |d| &d.trace_state),
            call: call::facts(record),
            attempts: attempts.map(|(index, a)| attempt::facts(record, (index, a), index == last)).collect(),
        }
    }
}

/// The spans of a record as one JSON object: `{"call": span, "attempts": [span, …]}`.
#[must_use]
pub fn to_json(record: &CallRecord) -> Vec<u8> {
    let spans = CallSpans::of(record);
    let mut out = Vec::with_capacity(2048);
    Json::new(&mut out).object(|json| {
        json.name("call").object(|json| span(&spans.call, json));
        json.name("attempts").array(|json| spans.attempts.iter().for_each(|a| json.object(|json| span(a, json))));
    });
    out
}

fn span(facts: &SpanFacts<'_>, json: &mut Json<'_>) {
    json.name("name").text(&facts.name);
    json.name("kind").word(match facts.kind {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
    });
    json.name("start").time(facts.start);
    json.name("duration_seconds").seconds(facts.duration);
    json.name("failed").flag(facts.failed);
    json.name("attributes").object(|json| attributes(&facts.attributes, json));
    if !facts.events.is_empty() {
        json.name("events").array(|json| {
            for event in &facts.events {
                json.object(|json| {
                    json.name("name").text(event.name);
                    json.name("time").time(event.at);
                    json.name("attributes").object(|json| attributes(&event.attributes, json));
                });
            }
        });
    }
}

fn attributes(told: &[(Cow<'_, str>, Value<'_>)], json: &mut Json<'_>) {
    for (name, told) in told {
        value(told, json.named(name));
    }
}

fn value(value: &Value<'_>, json: &mut Json<'_>) {
    match value {
        Value::Text(text) => json.text(text),
        Value::Texts(texts) => json.array(|json| texts.iter().for_each(|t| json.text(t))),
        Value::Number(number) => json.signed(i128::from(*number)),
        Value::Seconds(time) => json.seconds(*time),
        Value::Flag(flag) => json.flag(*flag),
    }
}

/// What the conventions call an operation; their list is open, and counting or listing has no word there.
pub(crate) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::ChatCompletions | Operation::Responses | Operation::Messages => "chat",
        Operation::Completions => "text_completion",
        Operation::GenerateContent => "generate_content",
        Operation::Embeddings | Operation::EmbedContent | Operation::BatchEmbedContents => "embeddings",
        Operation::InputTokens | Operation::CountTokens => "count_tokens",
        Operation::ListModels => "list_models",
        Operation::GetModel => "get_model",
    }
}

/// What the conventions call a provider, as far as its dialect tells.
pub(crate) fn provider_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gcp.gemini",
    }
}

/// A list of attributes in the making; what is not known is not told.
struct Attributes<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Attributes<'a> {
    fn push(&mut self, name: &'static str, value: Value<'a>) {
        self.0.push((Cow::Borrowed(name), value));
    }

    fn text(&mut self, name: &'static str, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        if !text.is_empty() {
            self.push(name, Value::Text(text));
        }
    }

    fn texts(&mut self, name: &'static str, texts: Vec<Cow<'a, str>>) {
        if !texts.is_empty() {
            self.push(name, Value::Texts(texts));
        }
    }

    fn number(&mut self, name: &'static str, number: impl TryInto<i64>) {
        self.push(name, Value::Number(number.try_into().unwrap_or(i64::MAX)));
    }

    fn some(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// What policy wants told of the call.
    fn named_by_policy(&mut self, record: &'a CallRecord) {
        for (name, value) in &record.attributes {
            self.0.push((format!("{}{name}", attribute::OF_POLICY).into(), Value::Text((&**value).into())));
        }
    }
}

/// What happened with a tool, at that moment.
fn tool_event(used: &ToolUse, at: Timestamp) -> Event<'_> {
    let mut list = Attributes(Vec::with_capacity(2));
    list.text(attribute::TOOL_NAME, &*used.name);
    list.text(attribute::TOOL_CALL_ID, &*used.id);
    let name = match used.what {
        Tool::Result => event::TOOL_RESULT,
        Tool::Call => event::TOOL_CALL,
    };
    Event { name, at, attributes: list.0 }
}

/// The events of a record about what happened with tools in that way.
fn tool_events(record: &CallRecord, what: Tool, at: Timestamp) -> Vec<Event<'_>> {
    let all = record.detail.iter().flat_map(|d| &d.tools);
    all.filter(|used| used.what == what).map(|used| tool_event(used, at)).collect()
}
