//! From records to the spans of OTLP, encoded.
//!
//! It only translates what [`crate::span`] tells, and bounds each text that is not bounded where it was gathered. Spans
//! are written as they are told and not built as messages first: each consists of a hundred small texts, and each call
//! that is traced has two.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::protobuf::{Message, sized};
use super::{Resource, nanos, scope};
use crate::record::CallRecord;
use crate::span::{Attributes, Event, Kind, Span, Value};

/// Bytes of a text at most; content has its own bound.
const MAX_TEXT: usize = 1024;
/// Entries of a list at most.
const MAX_ENTRIES: usize = 32;
/// Flags of a span beside the sampled one: it is known whether the parent is another process's,
const PARENT_IS_KNOWN: u32 = 0x100;
/// and it is.
const PARENT_IS_REMOTE: u32 = 0x200;

/// Appends the spans of a call, encoded.
pub(crate) fn write(record: &CallRecord, into: &mut Vec<u8>) {
    let mut into = Message(into);
    for span in Span::all_of(record) {
        into.message(field::SPANS, |into| write_span(&span, record, into));
    }
}

/// The request that hands over these spans, encoded as [`write`] did.
#[must_use]
pub fn request(spans: &[u8], resource: &Resource) -> Vec<u8> {
    // An encoded message goes on where it ended: what all spans have in common is put before them.
    let scope = ScopeSpans { scope: Some(scope()), ..ScopeSpans::default() }.encode_to_vec();
    let resource = ResourceSpans { resource: Some(resource.to_proto()), ..ResourceSpans::default() }.encode_to_vec();
    let in_scope = scope.len() + spans.len();
    let mut head = Vec::new();
    Message(&mut head).head(field::SCOPE_SPANS, in_scope);
    let in_resource = resource.len() + head.len() + in_scope;
    let mut request = Vec::with_capacity(in_resource + 16);
    Message(&mut request).head(field::RESOURCE_SPANS, in_resource);
    for part in [&resource, &head, &scope, spans] {
        request.extend_from_slice(part);
    }
    request
}

fn write_span(span: &Span<'_>, record: &CallRecord, into: &mut Message<'_>) {
    let remote = span.parent.is_some_and(|parent| parent.remote);
    let flags = u32::from(record.sampled) | PARENT_IS_KNOWN | if remote { PARENT_IS_REMOTE } else { 0 };
    let kind = match span.kind {
        Kind::Server => ProtoKind::Server,
        Kind::Client { .. } => ProtoKind::Client,
    };
    into.bytes(field::TRACE_ID, &record.trace_id().to_be_bytes());
    into.bytes(field::SPAN_ID, &span.id.to_be_bytes());
    if let Some(detail) = record.detail.as_ref().filter(|detail| !detail.trace_state.is_empty()) {
        into.bytes(field::TRACE_STATE, detail.trace_state.as_bytes());
    }
    if let Some(parent) = span.parent {
        into.bytes(field::PARENT_SPAN_ID, &parent.id.to_be_bytes());
    }
    into.text(field::NAME, MAX_TEXT, |name| {
        // Writing to memory does not fail.
        let _ = write!(name, "{}", span.name());
    });
    into.number(field::KIND, kind as u64);
    into.fixed64(field::START_TIME, nanos(span.start, Duration::ZERO));
    into.fixed64(field::END_TIME, nanos(span.start, span.duration));
    span.attributes(&mut Pairs { field: field::ATTRIBUTES, into });
    for happened in span.events() {
        into.message(field::EVENTS, |into| event(&happened, into));
    }
    into.message(field::STATUS, |status| {
        // What happened is in `error.type`; a message would be somebody's words.
        if span.failed {
            status.number(field::STATUS_CODE, StatusCode::Error as u64);
        }
    });
    into.fixed32(field::FLAGS, flags);
}

fn event(happened: &Event<'_>, into: &mut Message<'_>) {
    into.fixed64(field::EVENT_TIME, nanos(happened.at, Duration::ZERO));
    into.bytes(field::EVENT_NAME, happened.name.as_bytes());
    happened.attributes(&mut Pairs { field: field::EVENT_ATTRIBUTES, into });
}

/// Attributes as pairs of a key and a value, each pair in that field.
struct Pairs<'a, 'b> {
    field: u32,
    into: &'a mut Message<'b>,
}

impl Attributes for Pairs<'_, '_> {
    // In place, because a name and a kind of value that are known are written without asking for them.
    #[expect(clippy::inline_always, reason = "measured: a quarter of what the spans of a call cost")]
    #[inline(always)]
    fn put(&mut self, name: &str, value: Value<'_>) {
        match value {
            Value::Text(text) => self.text(name, cut(text, MAX_TEXT)),
            Value::Content(text) => self.text(name, text),
            Value::Shown(shown) => self.pair(name, |value| {
                // Writing to memory does not fail.
                value.text(field::STRING, MAX_TEXT, |text| _ = write!(text, "{shown}"));
            }),
            Value::Texts(texts) => self.pair(name, |value| value.message(field::ARRAY, |list| array(texts, list))),
            Value::Number(number) => self.pair(name, |value| value.number(field::INT, number.cast_unsigned())),
            Value::Seconds(time) => {
                self.pair(name, |value| value.fixed64(field::DOUBLE, time.as_secs_f64().to_bits()));
            }
            Value::Flag(flag) => self.pair(name, |value| value.number(field::BOOL, u64::from(flag))),
        }
    }
}

impl Pairs<'_, '_> {
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn pair(&mut self, name: &str, value: impl FnOnce(&mut Message<'_>)) {
        self.into.message(self.field, |pair| {
            pair.bytes(field::KEY, name.as_bytes());
            pair.message(field::VALUE, value);
        });
    }

    /// A text, whose length is known before it is written.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn text(&mut self, name: &str, text: &str) {
        let value = sized(text.len());
        self.into.head(self.field, sized(name.len()) + sized(value));
        self.into.bytes(field::KEY, name.as_bytes());
        self.into.head(field::VALUE, value);
        self.into.bytes(field::STRING, text.as_bytes());
    }
}

fn array(texts: &[Cow<'_, str>], list: &mut Message<'_>) {
    for text in texts.iter().take(MAX_ENTRIES) {
        let text = cut(text, MAX_TEXT).as_bytes();
        list.message(field::ARRAY_VALUES, |any| any.bytes(field::STRING, text));
    }
}

/// The beginning of a text, never with half a character at its end.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Numbers of fields (<https://github.com/open-telemetry/opentelemetry-proto>, `trace.proto` and `common.proto` of 1.x).
mod field {
    // ExportTraceServiceRequest, ResourceSpans, ScopeSpans
    pub(super) const RESOURCE_SPANS: u32 = 1;
    pub(super) const SCOPE_SPANS: u32 = 2;
    pub(super) const SPANS: u32 = 2;
    // Span
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const TRACE_STATE: u32 = 3;
    pub(super) const PARENT_SPAN_ID: u32 = 4;
    pub(super) const NAME: u32 = 5;
    pub(super) const KIND: u32 = 6;
    pub(super) const START_TIME: u32 = 7;
    pub(super) const END_TIME: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
    pub(super) const EVENTS: u32 = 11;
    pub(super) const STATUS: u32 = 15;
    pub(super) const FLAGS: u32 = 16;
    // Span.Event, Status
    pub(super) const EVENT_TIME: u32 = 1;
    pub(super) const EVENT_NAME: u32 = 2;
    pub(super) const EVENT_ATTRIBUTES: u32 = 3;
    pub(super) const STATUS_CODE: u32 = 3;
    // KeyValue, AnyValue, ArrayValue
    pub(super) const KEY: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    pub(super) const STRING: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const INT: u32 = 3;
    pub(super) const DOUBLE: u32 = 4;
    pub(super) const ARRAY: u32 = 5;
    pub(super) const ARRAY_VALUES: u32 = 1;
}
