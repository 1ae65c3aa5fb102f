//! The same request with a few values replaced: slices of the original bytes with small pieces between them.
//!
//! Only what an edit names changes; every other byte reaches the provider as the caller wrote it. Where the
//! path names the model, the path is written afresh, or the name into the body: nothing of the caller's path is copied.

use std::ops::Range;

use bytes::Bytes;
use sidegate_policy::{Call, Dialect, Operation, Streaming};

use crate::recognize::{Endpoint, ModelSpan, Spans, UsageOption};
use crate::text::quote;

/// What changes in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edits<'a> {
    /// The name to ask for; none leaves what stands there.
    pub model: Option<&'a str>,
    /// Ask for the stream's usage, where the operation knows how.
    pub include_usage: bool,
}

/// A body in at most five pieces.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    pieces: [Bytes; 5],
    used: usize,
    next: usize,
}

impl Pieces {
    /// A body in one piece.
    #[must_use]
    pub fn whole(body: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(body);
        pieces
    }

    /// Bytes that are left, all pieces together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.get(self.next..self.used).unwrap_or_default().iter().map(Bytes::len).sum()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next >= self.used
    }

    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if let Some(place) = self.pieces.get_mut(self.used) {
            *place = piece;
            self.used += 1;
        }
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.next >= self.used {
            return None;
        }
        let piece = self.pieces.get_mut(self.next).map(std::mem::take);
        self.next += 1;
        piece
    }
}

/// One replacement.
struct Edit {
    span: Range<usize>,
    with: Bytes,
}

/// `body`, whose values stand at `spans`, with `edits`.
#[must_use]
pub fn body(spans: &Spans, body: &Bytes, edits: &Edits<'_>) -> Pieces {
    let model = edits.model.and_then(|name| model_edit(name, &spans.model));
    let usage = if edits.include_usage { usage_edit(&spans.usage_option) } else { None };
    let (first, second) = match (model, usage) {
        (Some(m), Some(u)) if u.span.start < m.span.start => (Some(u), Some(m)),
        (m, u) => (m, u),
    };
    let mut pieces = Pieces::default();
    let mut from = 0;
    for edit in first.into_iter().chain(second) {
        if edit.span.start < from || edit.span.end > body.len() || edit.span.start > edit.span.end {
            continue;
        }
        pieces.push(body.slice(from..edit.span.start));
        pieces.push(edit.with);
        from = edit.span.end;
    }
    pieces.push(body.slice(from..));
    pieces
}

fn model_edit(name: &str, place: &ModelSpan) -> Option<Edit> {
    let (span, before, after): (_, &[u8], &[u8]) = match place {
        ModelSpan::Nowhere => return None,
        ModelSpan::Token(span) => (span.clone(), b"", b""),
        ModelSpan::Into { at, empty: true } => (*at..*at, br#""model":"#, b""),
        ModelSpan::Into { at, empty: false } => (*at..*at, br#""model":"#, b","),
    };
    let mut with = Vec::with_capacity(before.len() + name.len() + 2 + after.len());
    with.extend_from_slice(before);
    quote(name, &mut with);
    with.extend_from_slice(after);
    Some(Edit { span, with: with.into() })
}

fn usage_edit(option: &UsageOption) -> Option<Edit> {
    let (span, with): (Range<usize>, &'static [u8]) = match option {
        UsageOption::NotApplicable | UsageOption::Asked => return None,
        UsageOption::Value(span) => (span.clone(), b"true"),
        UsageOption::Into { at, empty: true } => (*at..*at, br#""include_usage":true"#),
        UsageOption::Into { at, empty: false } => (*at..*at, br#""include_usage":true,"#),
        UsageOption::Null(span) => (span.clone(), br#"{"include_usage":true}"#),
        UsageOption::Absent(at) => (*at..*at, br#""stream_options":{"include_usage":true},"#),
    };
    Some(Edit { span, with: Bytes::from_static(with) })
}

/// The path and query of the request upstream: the provider's base path, then the dialect's own path.
///
/// A base path that has a version segment already (`/v1`, `/openai/v1`, `/v1beta/openai`) gets no second one.
/// Of the caller's query only what is known to be harmless and meant goes along; a key never does.
#[must_use]
pub fn path_and_query(endpoint: &Endpoint, call: &Call, model: &str, base_path: &str, query: Option<&str>) -> String {
    let mut out = base(endpoint.dialect, base_path, model.len() + 64);
    match fixed_path(endpoint.dialect, endpoint.operation) {
        Some(path) => out.push_str(path),
        None => push_model_path(&mut out, endpoint, call, model),
    }
    push_query(&mut out, endpoint, query);
    out
}

/// Operations whose path may be the same for every call.
const FIXED: [Operation; 7] = [
    Operation::ChatCompletions,
    Operation::Responses,
    Operation::InputTokens,
    Operation::Embeddings,
    Operation::Completions,
    Operation::Messages,
    Operation::CountTokens,
];

/// The paths upstream that are the same for every call of an operation, because no model is in them.
pub fn fixed_paths(dialect: Dialect, base_path: &str) -> impl Iterator<Item = (Operation, String)> {
    FIXED.into_iter().filter_map(move |operation| {
        let path = fixed_path(dialect, operation)?;
        Some((operation, base(dialect, base_path, path.len()) + path))
    })
}

/// What goes before the dialect's own path, with room for `more` bytes.
fn base(dialect: Dialect, base_path: &str, more: usize) -> String {
    let base = base_path.trim_end_matches('/');
    let mut out = String::with_capacity(base.len() + more + 8);
    out.push_str(base);
    if !base.split('/').any(is_version) {
        out.push_str(if dialect == Dialect::Gemini { "/v1beta" } else { "/v1" });
    }
    out
}

/// `v1`, `v1beta`, `v4`, `v1alpha1`
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    rest.starts_with(|c: char| c.is_ascii_digit()) && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// The path of an operation; none if it names the model.
fn fixed_path(dialect: Dialect, operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::ChatCompletions => "/chat/completions",
        Operation::Responses => "/responses",
        Operation::InputTokens => "/responses/input_tokens",
        Operation::Embeddings => "/embeddings",
        Operation::Completions => "/completions",
        Operation::Messages => "/messages",
        Operation::CountTokens if dialect == Dialect::Anthropic => "/messages/count_tokens",
        Operation::ListModels => "/models",
        Operation::CountTokens
        | Operation::GenerateContent
        | Operation::EmbedContent
        | Operation::BatchEmbedContents
        | Operation::GetModel => return None,
    })
}

fn push_model_path(out: &mut String, endpoint: &Endpoint, call: &Call, model: &str) {
    let method = match endpoint.operation {
        Operation::CountTokens => ":countTokens",
        Operation::GenerateContent if call.streaming == Streaming::No => ":generateContent",
        Operation::GenerateContent => ":streamGenerateContent",
        Operation::EmbedContent => ":embedContent",
        Operation::BatchEmbedContents => ":batchEmbedContents",
        _ => "",
    };
    out.push('/');
    let (family, name) = match model.split_once('/') {
        Some((family @ ("models" | "tunedModels"), name)) => (family, name),
        _ => ("models", model),
    };
    out.push_str(family);
    out.push('/');
    push_segment(out, name);
    out.push_str(method);
}

/// A name as one segment of a path: whatever could end the segment, or be read twice, is encoded.
fn push_segment(out: &mut String, name: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let dots = name.bytes().all(|b| b == b'.');
    for byte in name.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'@') || (byte == b'.' && !dots);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].iter().filter_map(|n| HEX.get(usize::from(*n))).map(|b| char::from(*b)));
        }
    }
}

fn push_query(out: &mut String, endpoint: &Endpoint, query: Option<&str>) {
    match endpoint.dialect {
        Dialect::Gemini if endpoint.streaming == Streaming::Sse => out.push_str("?alt=sse"),
        Dialect::Anthropic if query.is_some_and(|q| q.split('&').any(|pair| pair == "beta=true")) => {
            out.push_str("?beta=true");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
