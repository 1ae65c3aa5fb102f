//! From records to the spans of OTLP, encoded.
//!
//! It only translates what [`crate::span`] says, and bounds each text on its way out. Spans are written as they are made
//! and not built as messages first: each consists of a hundred small texts, and each call that is traced has two.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use super::protobuf::Message;
use super::{Resource, nanos, scope};
use crate::names::attribute;
use crate::record::CallRecord;
use crate::span::{CallSpans, Event, SpanFacts, SpanKind, Value};

/// Bytes of a text at most; content has its own bound.
const MAX_TEXT: usize = 1024;
/// Entries of a list at most.
const MAX_ENTRIES: usize = 32;
/// Flags of a span beside the sampled one: it is known whether the parent is another process's,
const PARENT_IS_KNOWN: u32 = 0x100;
/// and it is.
const PARENT_IS_REMOTE: u32 = 0x200;
/// Bytes of most calls, encoded.
const CALL_BYTES: usize = 4096;

/// The request that hands over the spans of these calls, encoded.
#[must_use]
pub fn export(records: &[CallRecord], resource: &Resource) -> Vec<u8> {
    let mut spans = Vec::with_capacity(records.len() * CALL_BYTES);
    for record in records {
        let told = CallSpans::of(record);
        for facts in std::iter::once(&told.call).chain(&told.attempts) {
            Message(&mut spans).message(field::SPANS, |into| span(facts, &told, record.sampled, into));
        }
    }
    // An encoded message goes on where it ended: what all spans have in common is put before them.
    let scope = ScopeSpans { scope: Some(scope()), ..ScopeSpans::default() };
    let scope_spans = [scope.encode_to_vec(), spans].concat();
    let resource = ResourceSpans { resource: Some(resource.to_proto()), ..ResourceSpans::default() };
    let mut resource_spans = resource.encode_to_vec();
    Message(&mut resource_spans).bytes(field::SCOPE_SPANS, &scope_spans);
    let mut request = Vec::with_capacity(resource_spans.len() + 16);
    Message(&mut request).bytes(field::RESOURCE_SPANS, &resource_spans);
    request
}

fn span(facts: &SpanFacts<'_>, call: &CallSpans<'_>, sampled: bool, into: &mut Message<'_>) {
    let remote = facts.parent.is_some_and(|parent| parent.remote);
    let flags = u32::from(sampled) | PARENT_IS_KNOWN | if remote { PARENT_IS_REMOTE } else { 0 };
    let kind = match facts.kind {
        SpanKind::Server => ProtoKind::Server,
        SpanKind::Client => ProtoKind::Client,
    };
    into.bytes(field::TRACE_ID, &call.trace_id.to_be_bytes());
    into.bytes(field::SPAN_ID, &facts.id.to_be_bytes());
    if !call.trace_state.is_empty() {
        into.bytes(field::TRACE_STATE, call.trace_state.as_bytes());
    }
    if let Some(parent) = facts.parent {
        into.bytes(field::PARENT_SPAN_ID, &parent.id.to_be_bytes());
    }
    into.bytes(field::NAME, cut(&facts.name, MAX_TEXT).as_bytes());
    into.number(field::KIND, kind as u64);
    into.fixed64(field::START_TIME, nanos(facts.start, Duration::ZERO));
    into.fixed64(field::END_TIME, nanos(facts.start, facts.duration));
    attributes(&facts.attributes, field::ATTRIBUTES, into);
    for told in &facts.events {
        into.message(field::EVENTS, |into| event(told, into));
    }
    into.message(field::STATUS, |status| {
        // What happened is in `error.type`; a message would be somebody's words.
        if facts.failed {
            status.number(field::STATUS_CODE, StatusCode::Error as u64);
        }
    });
    into.fixed32(field::FLAGS, flags);
}

fn event(event: &Event<'_>, into: &mut Message<'_>) {
    into.fixed64(field::EVENT_TIME, nanos(event.at, Duration::ZERO));
    into.bytes(field::EVENT_NAME, event.name.as_bytes());
    attributes(&event.attributes, field::EVENT_ATTRIBUTES, into);
}

fn attributes(told: &[(Cow<'_, str>, Value<'_>)], field: u32, into: &mut Message<'_>) {
    for (name, told) in told {
        into.message(field, |pair| {
            pair.bytes(field::KEY, name.as_bytes());
            pair.message(field::VALUE, |any| value(name, told, any));
        });
    }
}

fn value(name: &str, told: &Value<'_>, into: &mut Message<'_>) {
    match told {
        Value::Text(text) if is_content(name) => into.bytes(field::STRING, text.as_bytes()),
        Value::Text(text) => into.bytes(field::STRING, cut(text, MAX_TEXT).as_bytes()),
        Value::Texts(texts) => into.message(field::ARRAY, |list| {
            for text in texts.iter().take(MAX_ENTRIES) {
                let text = cut(text, MAX_TEXT).as_bytes();
                list.message(field::ARRAY_VALUES, |any| any.bytes(field::STRING, text));
            }
        }),
        Value::Number(number) => into.number(field::INT, number.cast_unsigned()),
        Value::Seconds(time) => into.fixed64(field::DOUBLE, time.as_secs_f64().to_bits()),
        Value::Flag(flag) => into.number(field::BOOL, u64::from(*flag)),
    }
}

fn is_content(name: &str) -> bool {
    [attribute::SYSTEM_INSTRUCTIONS, attribute::INPUT_MESSAGES, attribute::OUTPUT_MESSAGES].contains(&name)
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
