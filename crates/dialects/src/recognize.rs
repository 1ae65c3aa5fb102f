//! Which call it is: by path and shape first, then by one pass over the body.
//!
//! What is found is the vocabulary of policy ([`Call`]) and, beside it, where in the body the few values stand
//! that may have to be replaced. The body itself is neither copied nor built into a tree. Fields that nobody
//! acts on are not looked at; of those that somebody acts on, nothing may be said twice.

mod anthropic;
mod fallbacks;
mod fields;
mod gemini;
mod openai;
mod path;
mod reader;

use std::ops::Range;
use std::sync::Arc;

use http::HeaderMap;
use sidegate_policy::{Bounds, Call, Conversation, Dialect, Fallbacks, Operation, Refusal, Streaming};

pub use path::{allowed_methods, endpoint};
use reader::Reader;
pub use reader::named_key;

use crate::tools::Notes;

/// The longest value of a header that policy may look at, in bytes; a longer one counts as absent.
const MAX_HEADER: usize = 1024;

/// What the path says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The language of the caller.
    pub dialect: Dialect,
    /// What it does.
    pub operation: Operation,
    /// The model, where the path names it (Gemini, a deployment of Azure's, and one model of a list).
    pub model: Option<Arc<str>>,
    /// How the answer is wanted, where the path says it; [`Streaming::No`] where the body may still say otherwise.
    pub streaming: Streaming,
}

/// Where in the body the values stand that an edit may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    /// Where it names its model.
    pub model: ModelSpan,
    /// What it takes to ask for a stream's usage.
    pub usage_option: UsageOption,
}

/// Where a body names its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSpan {
    /// Nowhere: the path does, upstream too.
    Nowhere,
    /// In this value of `model`: a string with its quotes, or anything at all where the path names the model.
    Token(Range<usize>),
    /// Only the path does, and upstream the body has to: `model` is inserted here, after the opening brace.
    Into {
        /// Offset of the insertion.
        at: usize,
        /// No member follows.
        empty: bool,
    },
}

/// What it takes to make a body ask for its stream's usage (`stream_options.include_usage: true`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageOption {
    /// The operation has no such option, or the answer is not streamed.
    NotApplicable,
    /// It asks already.
    Asked,
    /// This value of `include_usage` becomes `true`.
    Value(Range<usize>),
    /// `stream_options` is an object without the member: it is inserted here, after the opening brace.
    Into {
        /// Offset of the insertion.
        at: usize,
        /// No other member follows.
        empty: bool,
    },
    /// `stream_options` is this `null`: it is replaced whole.
    Null(Range<usize>),
    /// There is no `stream_options`: it is inserted here, after the body's opening brace; other members follow.
    Absent(usize),
}

/// A call and where its values stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    /// The call.
    pub call: Call,
    /// Where its values stand in the body.
    pub spans: Spans,
}

/// What a reader of a dialect finds in a body.
#[derive(Debug)]
struct Found {
    model: Option<Arc<str>>,
    fallbacks: Fallbacks,
    streaming: Streaming,
    bounds: Bounds,
    conversation: Conversation,
    spans: Spans,
    notes: Notes,
}

/// Reads the body of a call, in one pass.
///
/// `header_names` are the names, in lower case, whose values policy looks at.
///
/// # Errors
/// A body that is no JSON object, that names no model where the path does not either, or in which a field that is
/// acted on has an impossible value or stands twice, is refused with [`sidegate_policy::Class::RequestInvalid`].
pub fn recognize(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    body: &[u8],
    header_names: &[Arc<str>],
) -> Result<Recognized, Refusal> {
    read(endpoint, headers, (body, false), header_names).map(|(recognized, _)| recognized)
}

/// The same, and what only a trace tells of the call.
///
/// # Errors
/// As [`recognize`].
pub fn recognize_noting(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    body: &[u8],
    header_names: &[Arc<str>],
) -> Result<(Recognized, Notes), Refusal> {
    read(endpoint, headers, (body, true), header_names)
}

fn read(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    (body, noting): (&[u8], bool),
    header_names: &[Arc<str>],
) -> Result<(Recognized, Notes), Refusal> {
    let reader = Reader::new(body, noting);
    let found = match (endpoint.operation, endpoint.dialect) {
        (Operation::ListModels | Operation::GetModel, _) => nothing(endpoint),
        (_, Dialect::OpenAi) => openai::read(endpoint, body, reader)?,
        (_, Dialect::Anthropic) => anthropic::read(body, reader)?,
        (_, Dialect::Gemini) => gemini::read(endpoint, body, reader)?,
    };
    let asked_usage = matches!(found.spans.usage_option, UsageOption::Asked);
    let call = Call {
        dialect: endpoint.dialect,
        operation: endpoint.operation,
        model: found.model.or_else(|| endpoint.model.clone()).unwrap_or_default(),
        fallbacks: found.fallbacks,
        streaming: found.streaming,
        asked_usage,
        bounds: found.bounds,
        // Embedding or counting is no turn of a conversation.
        conversation: if endpoint.operation.generates() { found.conversation } else { Conversation::default() },
        headers: named_headers(headers, header_names),
    };
    Ok((Recognized { call, spans: found.spans }, found.notes))
}

/// A call without a body.
fn nothing(endpoint: &Endpoint) -> Found {
    Found {
        model: endpoint.model.clone(),
        fallbacks: Fallbacks::default(),
        streaming: Streaming::No,
        bounds: Bounds { choices: 1, ..Bounds::default() },
        conversation: Conversation::default(),
        spans: Spans { model: ModelSpan::Nowhere, usage_option: UsageOption::NotApplicable },
        notes: Notes::default(),
    }
}

fn named_headers(headers: &HeaderMap, names: &[Arc<str>]) -> Vec<(Arc<str>, String)> {
    names
        .iter()
        .filter_map(|name| {
            let value = std::str::from_utf8(headers.get(&**name)?.as_bytes()).ok()?;
            (value.len() <= MAX_HEADER).then(|| (name.clone(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
