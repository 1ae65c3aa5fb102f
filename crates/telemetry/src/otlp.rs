//! From records to the messages of OTLP (<https://opentelemetry.io/docs/specs/otlp/>).
//!
//! It only translates what [`crate::span`] says, and bounds each text on its way out; [`settings`] says where to.
//! Sending is not here.

pub mod flags;
pub mod metrics;
pub mod settings;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::span::{Event as ProtoEvent, SpanKind as ProtoKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use sidegate_policy::Caller;

use crate::names::{attribute, resource};
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

/// What all spans of a sidecar are of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource(Vec<(String, String)>);

impl Resource {
    /// The sidecar beside `caller`, of that version of the program.
    #[must_use]
    pub fn of(caller: &Caller, version: &str) -> Self {
        let mut resource = Self::named("sidegate-proxy", version);
        resource.set(resource::NAMESPACE, &caller.namespace);
        resource.set(resource::POD, &caller.pod);
        if let Some((kind, name)) = caller.workload.split_once('/')
            && let Some(attribute) = workload(kind)
        {
            resource.set(attribute, name);
        }
        resource
    }

    /// A program that is nobody's sidecar.
    #[must_use]
    pub fn named(service: &str, version: &str) -> Self {
        let mut resource = Self::default();
        resource.set(resource::SERVICE_NAME, service);
        resource.set(resource::SERVICE_VERSION, version);
        resource
    }

    /// Sets an attribute; an empty value says nothing.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(n, _)| n != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Its attributes, each with its value.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn to_proto(&self) -> ProtoResource {
        let attributes = self.0.iter().map(|(name, value)| key_value(name, Any::StringValue(value.clone())));
        ProtoResource { attributes: attributes.collect(), ..ProtoResource::default() }
    }
}

/// The convention's name for a kind of workload.
fn workload(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "deployment" => resource::DEPLOYMENT,
        "statefulset" => resource::STATEFUL_SET,
        "daemonset" => resource::DAEMON_SET,
        "job" => resource::JOB,
        "cronjob" => resource::CRON_JOB,
        _ => return None,
    })
}

/// The request that hands over the spans of these calls.
#[must_use]
pub fn export(records: &[CallRecord], resource: &Resource) -> ExportTraceServiceRequest {
    let spans = records.iter().flat_map(|record| {
        let spans = CallSpans::of(record);
        let told = std::iter::once(&spans.call).chain(&spans.attempts);
        told.map(|facts| span(facts, &spans, record.sampled)).collect::<Vec<_>>()
    });
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans: spans.collect(), schema_url: String::new() }];
    let all = ResourceSpans { resource: Some(resource.to_proto()), scope_spans, schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![all] }
}

/// Whose words these are.
fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "sidegate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn span(facts: &SpanFacts<'_>, call: &CallSpans<'_>, sampled: bool) -> Span {
    let remote = facts.parent.is_some_and(|parent| parent.remote);
    let flags = u32::from(sampled) | PARENT_IS_KNOWN | if remote { PARENT_IS_REMOTE } else { 0 };
    let code = if facts.failed { StatusCode::Error } else { StatusCode::Unset };
    let kind = match facts.kind {
        SpanKind::Server => ProtoKind::Server,
        SpanKind::Client => ProtoKind::Client,
    };
    Span {
        trace_id: call.trace_id.to_be_bytes().to_vec(),
        span_id: facts.id.to_be_bytes().to_vec(),
        trace_state: call.trace_state.to_owned(),
        parent_span_id: facts.parent.map(|parent| parent.id.to_be_bytes().to_vec()).unwrap_or_default(),
        flags,
        name: cut(&facts.name, MAX_TEXT).to_owned(),
        kind: kind.into(),
        start_time_unix_nano: nanos(facts.start, Duration::ZERO),
        end_time_unix_nano: nanos(facts.start, facts.duration),
        attributes: attributes(&facts.attributes),
        events: facts.events.iter().map(event).collect(),
        // What happened is in `error.type`; a message would be somebody's words.
        status: Some(Status { message: String::new(), code: code.into() }),
        ..Span::default()
    }
}

fn event(event: &Event<'_>) -> ProtoEvent {
    ProtoEvent {
        time_unix_nano: nanos(event.at, Duration::ZERO),
        name: event.name.to_owned(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: 0,
    }
}

fn attributes(told: &[(Cow<'_, str>, Value<'_>)]) -> Vec<KeyValue> {
    told.iter().map(|(name, told)| key_value(name, value(name, told))).collect()
}

fn value(name: &str, told: &Value<'_>) -> Any {
    match told {
        Value::Text(text) if is_content(name) => Any::StringValue(text.to_string()),
        Value::Text(text) => Any::StringValue(cut(text, MAX_TEXT).to_owned()),
        Value::Texts(texts) => {
            let texts = texts.iter().take(MAX_ENTRIES).map(|text| cut(text, MAX_TEXT).to_owned());
            let values = texts.map(|text| AnyValue { value: Some(Any::StringValue(text)) });
            Any::ArrayValue(ArrayValue { values: values.collect() })
        }
        Value::Number(number) => Any::IntValue(*number),
        Value::Seconds(time) => Any::DoubleValue(time.as_secs_f64()),
        Value::Flag(flag) => Any::BoolValue(*flag),
    }
}

fn is_content(name: &str) -> bool {
    [attribute::SYSTEM_INSTRUCTIONS, attribute::INPUT_MESSAGES, attribute::OUTPUT_MESSAGES].contains(&name)
}

fn key_value(name: &str, value: Any) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// The beginning of a text, never with half a character at its end.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Nanoseconds since 1970.
fn nanos(start: Timestamp, later: Duration) -> u64 {
    let start = u64::try_from(start.as_nanosecond()).unwrap_or(0);
    start.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX))
}
