//! The facts of a call's spans: one SERVER span for the call, one CLIENT span for each attempt.
//!
//! Names and attributes follow [`crate::names`]. They are told one by one to whoever writes them down
//! ([`Attributes`]): [`crate::otlp`] for a back-end, and here, as JSON, for the sidecar's admin socket. Sampling and
//! sending are not here. Tokens and cost stand on the attempts alone, so that a sum over spans counts them once.

mod attempt;
mod call;
mod event;
mod json;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::iter::once;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_policy::{Dialect, Operation};

pub(crate) use self::event::Event;
pub use self::json::to_json;
use crate::names::attribute;
use crate::record::{AttemptRecord, CallRecord};

/// Which side of a request a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// The call, as its caller made it.
    Server,
    /// A request to a provider. What the answer said of itself is told on the one that `answered`.
    Client { attempt: &'a AttemptRecord, answered: bool },
}

/// What a span is a child of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    /// Its id.
    pub(crate) id: u64,
    /// It is another process's.
    pub(crate) remote: bool,
}

/// One span.
pub(crate) struct Span<'a> {
    /// Its id, never 0.
    pub(crate) id: u64,
    /// What it is a child of; none for the first span of its trace.
    pub(crate) parent: Option<Parent>,
    /// What is done, and to what.
    what: [&'a str; 2],
    /// Which side it tells of.
    pub(crate) kind: Kind<'a>,
    /// When it began.
    pub(crate) start: Timestamp,
    /// How long it took.
    pub(crate) duration: Duration,
    /// It did not succeed; what happened is in `error.type`.
    pub(crate) failed: bool,
    record: &'a CallRecord,
}

impl<'a> Span<'a> {
    /// All spans of a call: its own, and those of its attempts in their order.
    pub(crate) fn all_of(record: &'a CallRecord) -> impl Iterator<Item = Self> {
        let attempts = record.attempts.iter().enumerate();
        once(call::span(record)).chain(attempts.map(|attempt| attempt::span(record, attempt)))
    }

    /// Its name.
    pub(crate) fn name(&self) -> impl Display {
        let [what, to] = self.what;
        fmt::from_fn(move |f| write!(f, "{what} {to}"))
    }

    /// Tells what is known of it.
    pub(crate) fn attributes(&self, into: &mut impl Attributes) {
        match self.kind {
            Kind::Server => call::attributes(self.record, into),
            Kind::Client { attempt, answered } => attempt::attributes(self.record, (attempt, answered), into),
        }
        for (name, value) in &self.record.attributes {
            into.put(&format!("{}{name}", attribute::OF_POLICY), Value::Text(value));
        }
    }

    /// What happened within it, in its order.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'a>> {
        event::of(self)
    }
}

/// The value of an attribute. Its texts are not bounded yet, but for content.
pub(crate) enum Value<'a> {
    Text(&'a str),
    /// A text that is still to be made.
    Shown(&'a dyn Display),
    /// What was said to a model or by it; bounded where it was gathered.
    Content(&'a str),
    Texts(&'a [Cow<'a, str>]),
    Number(i64),
    /// A time, told in seconds.
    Seconds(Duration),
    Flag(bool),
}

/// Writes down what is told of a span. Each name is told once.
pub(crate) trait Attributes {
    fn put(&mut self, name: &str, value: Value<'_>);

    /// A text; an empty one says nothing.
    #[expect(clippy::inline_always, reason = "a name whose length is known is written without a call")]
    #[inline(always)]
    fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.put(name, Value::Text(text));
        }
    }

    /// What was said; nothing if it was not captured.
    #[inline]
    fn content(&mut self, name: &'static str, content: &str) {
        if !content.is_empty() {
            self.put(name, Value::Content(content));
        }
    }

    /// Several texts, if there are any.
    #[inline]
    fn texts(&mut self, name: &'static str, texts: &[Cow<'_, str>]) {
        if !texts.is_empty() {
            self.put(name, Value::Texts(texts));
        }
    }

    /// A whole number, or the largest that can be told.
    #[inline]
    fn number(&mut self, name: &'static str, number: impl TryInto<i64>) {
        self.put(name, Value::Number(number.try_into().unwrap_or(i64::MAX)));
    }

    /// A number, where it is known.
    #[inline]
    fn some(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
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
