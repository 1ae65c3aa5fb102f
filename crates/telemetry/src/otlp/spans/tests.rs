//! What goes over the wire.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use sidegate_policy::Class;

use super::super::Resource;
use super::{cut, request, write};
use crate::record::{Content, Detail, RequestId, Tool, ToolUse};
use crate::testing::{attempt, caller, record};

/// What a back-end reads. Whatever does not stand where the schema has it would be lost on the way.
fn read(request: &[u8]) -> ExportTraceServiceRequest {
    let read = ExportTraceServiceRequest::decode(request).unwrap();
    assert!(read.encode_to_vec() == request, "every byte is understood, and as the library writes it");
    read
}

fn export(records: &[crate::CallRecord], resource: &Resource) -> Vec<u8> {
    let mut spans = Vec::new();
    records.iter().for_each(|record| write(record, &mut spans));
    request(&spans, resource)
}

fn told(record: &crate::CallRecord) -> Vec<Span> {
    let mut request = read(&export(std::slice::from_ref(record), &Resource::default()));
    request.resource_spans.remove(0).scope_spans.remove(0).spans
}

fn value<'a>(span: &'a Span, name: &str) -> Option<&'a Any> {
    span.attributes.iter().find(|a| a.key == name)?.value.as_ref()?.value.as_ref()
}

#[test]
fn the_calls_span_is_a_child_of_its_callers_and_attempts_are_its_own_children() {
    let mut record = record();
    record.sampled = true;
    record.attempts.push(attempt());
    let spans = told(&record);
    assert_eq!(spans.len(), 3);
    let trace = 0xa1_u128.to_be_bytes().to_vec();
    assert!(spans.iter().all(|s| s.trace_id == trace));
    assert_eq!((spans[0].parent_span_id.clone(), spans[0].flags), (0xb2_u64.to_be_bytes().to_vec(), 0x301));
    assert!(spans[1..].iter().all(|s| s.parent_span_id == spans[0].span_id && s.flags == 0x101));
    let ids: BTreeSet<_> = spans.iter().map(|s| &s.span_id).collect();
    assert_eq!(ids.len(), 3, "each has its own");
    assert_eq!(spans.iter().map(|s| s.kind).collect::<Vec<_>>(), [2, 3, 3]);
}

#[test]
fn without_a_caller_the_trace_has_the_request_id_and_the_calls_span_no_parent() {
    let mut record = record();
    (record.trace, record.request_id) = (None, RequestId::new(0xfeed));
    let spans = told(&record);
    assert_eq!(spans[0].trace_id, 0xfeed_u128.to_be_bytes());
    assert!(spans[0].parent_span_id.is_empty());
    record.request_id = RequestId::new(0);
    assert_ne!(told(&record)[0].trace_id, [0; 16], "an id of zeros is none");
}

#[test]
fn times_are_nanoseconds_and_failures_are_told_without_words() {
    let mut record = record();
    record.attempts[0].class = Some(Class::Truncated);
    let spans = told(&record);
    assert_eq!(spans[0].start_time_unix_nano, 1_795_168_800_123_456_789);
    assert_eq!(spans[0].end_time_unix_nano - spans[0].start_time_unix_nano, 451_000_000);
    let status = spans[1].status.clone().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, ""));
    assert_eq!(spans[0].status.clone().unwrap().code, 0);
    assert_eq!(value(&spans[1], "gen_ai.response.time_to_first_chunk"), Some(&Any::DoubleValue(0.12)));
    assert_eq!(value(&spans[1], "sidegate.cost.nanodollars"), Some(&Any::IntValue(123_000)));
}

#[test]
fn what_policy_names_is_told_on_every_span() {
    let mut record = record();
    record.attributes = vec![("purpose".into(), "checkout".into())];
    for span in told(&record) {
        let told = value(&span, "sidegate.attribute.purpose");
        assert_eq!(told, Some(&Any::StringValue("checkout".to_owned())), "{}", span.name);
    }
}

#[test]
fn tools_are_events_results_on_the_call_and_calls_on_the_attempt_that_answered() {
    let mut record = record();
    record.attempts.insert(0, attempt());
    let used = |what, name: &str, id: &str| ToolUse { what, name: name.into(), id: id.into() };
    let tools = vec![used(Tool::Result, "", "c1"), used(Tool::Call, "weather", "c2")];
    record.detail = Some(Box::new(Detail { tools, ..Detail::default() }));
    let spans = told(&record);
    let [call, failed, answered] = &spans[..] else { panic!("{}", spans.len()) };
    assert!(failed.events.is_empty());
    assert_eq!((call.events.len(), answered.events.len()), (1, 1));
    assert_eq!(call.events[0].name, "sidegate.tool_result");
    assert_eq!(call.events[0].attributes.len(), 1, "a name that is not known is not told");
    assert_eq!(answered.events[0].name, "sidegate.tool_call");
    let names: Vec<_> = answered.events[0].attributes.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(names, ["gen_ai.tool.name", "gen_ai.tool.call.id"]);
    assert_eq!(answered.events[0].time_unix_nano, answered.end_time_unix_nano);
}

#[test]
fn texts_are_cut_at_a_character() {
    assert_eq!(cut("abcdef", 3), "abc");
    assert_eq!(cut("aäö", 2), "a");
    let mut record = record();
    record.attempts[0].model = "ä".repeat(5000).into();
    for span in told(&record) {
        assert!(
            span.name.len() <= 1024
                && span.attributes.iter().all(|a| match &a.value.as_ref().unwrap().value {
                    Some(Any::StringValue(text)) => text.len() <= 1024,
                    _ => true,
                })
        );
    }
}

#[test]
fn a_resource_is_the_pod_and_what_is_told_wins() {
    let mut resource = Resource::of(&caller(), "1.2.3");
    for (name, value) in [
        ("service.name", "sidegate-proxy"),
        ("service.version", "1.2.3"),
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "checkout-7d9f-x2x4z"),
        ("k8s.deployment.name", "checkout"),
    ] {
        assert_eq!(resource.get(name), Some(value), "{name}");
    }
    resource.set("service.name", "mine");
    assert_eq!(resource.get("service.name"), Some("mine"));
    let request = read(&export(&[], &resource));
    assert_eq!(request.resource_spans[0].resource.as_ref().unwrap().attributes.len(), 5);
}

#[test]
fn a_duration_beyond_all_bounds_ends_at_the_end_of_time() {
    let mut record = record();
    record.duration = Duration::MAX;
    assert_eq!(told(&record)[0].end_time_unix_nano, u64::MAX);
}

#[test]
fn many_calls_are_one_request() {
    let mut records = vec![record(); 200];
    records[3].detail = Some(Box::new(Detail { trace_state: "a=b".into(), ..Detail::default() }));
    let request = read(&export(&records, &Resource::of(&caller(), "1")));
    let [resource] = &request.resource_spans[..] else { panic!("{}", request.resource_spans.len()) };
    let [scope] = &resource.scope_spans[..] else { panic!("{}", resource.scope_spans.len()) };
    assert_eq!(scope.scope.as_ref().unwrap().name, "sidegate");
    assert_eq!(scope.spans.len(), 400);
    assert_eq!(scope.spans[6].trace_state, "a=b");
}

#[test]
fn texts_of_any_length_are_as_the_library_writes_them() {
    let mut record = record();
    for length in (0..300).chain(1_000..1_030) {
        record.attributes = vec![("a".into(), "x".repeat(length).into())];
        let spans = told(&record);
        let value = value(&spans[0], "sidegate.attribute.a");
        assert_eq!(value, Some(&Any::StringValue("x".repeat(length.min(1_024)))));
    }
    for length in (1..300).chain(16_330..16_390).chain([200_000]) {
        let content = Content { input: "x".repeat(length).into(), ..Content::default() };
        record.detail = Some(Box::new(Detail { content: Some(Box::new(content)), ..Detail::default() }));
        let spans = told(&record);
        let value = value(&spans[1], "gen_ai.input.messages");
        assert!(matches!(value, Some(Any::StringValue(text)) if text.len() == length), "{length}");
    }
}
