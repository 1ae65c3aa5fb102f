//! What becomes a span, what finds no room, and what is said of failures. Over sockets it is tested with the programs.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracerProvider, SimpleSpanProcessor, SpanData, SpanExporter};
use sidegate_telemetry::otlp::Resource;
use sidegate_telemetry::otlp::flags::OtlpFlags;
use sidegate_telemetry::{Author, ChangeKind};

use super::spans::MOST_WAITING;
use super::{ChangeSpans, Edit, Sent, Settings, export};
use crate::index::Change;
use crate::problem::{Kind, ObjectName};

/// Spans, kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Kept {
    /// What was told, and nothing of it any more.
    pub(crate) fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Spans of changes that are kept.
pub(crate) fn kept() -> (ChangeSpans, Kept) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_span_processor(SimpleSpanProcessor::new(kept.clone())).build();
    (ChangeSpans::new(provider.tracer_with_scope(super::scope()), Arc::<Sent>::default()), kept)
}

/// An attribute as text; empty if it is not there.
pub(crate) fn told(span: &SpanData, name: &str) -> String {
    let found = span.attributes.iter().find(|pair| pair.key.as_str() == name);
    found.map(|pair| pair.value.to_string()).unwrap_or_default()
}

fn edit(what: ChangeKind) -> Edit {
    let author = Author { manager: "kubectl".into(), operation: "Apply".into(), at: None };
    let change = Change {
        what,
        name: ObjectName::new(Kind::AiPolicy, "shop", "checkout"),
        uid: "u".into(),
        generation: Some(7),
        in_force: None,
        author: Some(author),
        fields: vec!["spec.models.deny".to_owned()],
        more_fields: 0,
        refusals: Vec::new(),
    };
    Edit { change: Arc::new(change), seen: Timestamp::from_second(1_000).unwrap() }
}

#[test]
fn a_span_says_of_which_object_it_is_who_wrote_it_and_how_many_enforce_it() {
    let (spans, kept) = kept();
    spans.programmed(&edit(ChangeKind::Changed), Timestamp::from_millisecond(1_002_500).unwrap(), 4);
    let span = kept.take().remove(0);
    assert_eq!(span.name, "AIPolicy shop/checkout");
    for (name, value) in [
        ("sidegate.object.kind", "AIPolicy"),
        ("sidegate.object.namespace", "shop"),
        ("sidegate.object.name", "checkout"),
        ("sidegate.object.uid", "u"),
        ("sidegate.object.generation", "7"),
        ("sidegate.change.kind", "changed"),
        ("sidegate.change.outcome", "programmed"),
        ("sidegate.change.manager", "kubectl"),
        ("sidegate.change.fields", "[\"spec.models.deny\"]"),
        ("sidegate.change.sidecars", "4"),
        ("error.type", ""),
    ] {
        assert_eq!(told(&span, name), value, "{name}");
    }
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap().as_millis(), 2_500);
    assert_eq!(span.status, Status::Unset);
}

#[test]
fn a_refusal_is_an_error_and_a_clock_that_was_set_back_makes_a_span_of_no_length() {
    let (spans, kept) = kept();
    let mut refused = edit(ChangeKind::Refused);
    Arc::get_mut(&mut refused.change).unwrap().refusals = vec!["ä".repeat(2_000)];
    spans.at_once(&refused);
    spans.superseded(&edit(ChangeKind::Changed), Timestamp::from_second(999).unwrap());
    let [refused, superseded] = &kept.take()[..] else { panic!("two") };
    assert!(matches!(refused.status, Status::Error { .. }));
    assert_eq!(told(refused, "error.type"), "refused");
    assert!(told(refused, "sidegate.change.refusals").len() < 1_100, "texts are cut");
    assert_eq!(
        (superseded.start_time, told(superseded, "sidegate.change.sidecars").as_str()),
        (superseded.end_time, "")
    );
}

#[test]
fn what_finds_no_room_is_counted_and_room_comes_back_when_a_request_ends() {
    let (spans, kept) = kept();
    (0..MOST_WAITING + 3).for_each(|_| spans.at_once(&edit(ChangeKind::Refused)));
    assert_eq!((kept.take().len(), spans.sent().lost()), (MOST_WAITING, [("queue_full", 3), ("failed", 0)]));
    spans.sent().ended(2, true);
    spans.sent().ended(1, false);
    (0..4).for_each(|_| spans.at_once(&edit(ChangeKind::Refused)));
    assert_eq!((kept.take().len(), spans.sent().exported()), (3, 2));
    assert_eq!(spans.sent().lost(), [("queue_full", 4), ("failed", 1)]);
}

#[test]
fn of_a_failure_a_code_is_said_and_no_word_of_anybody() {
    let said = |words: &str| export::what(&OTelSdkError::InternalFailure(words.to_owned()));
    for (words, expected) in [
        ("TonicTracesClient export failed with gRPC code: Unavailable: CANARY", "gRPC code Unavailable"),
        ("HTTP export failed with status code: 503 CANARY", "status 503"),
        ("HTTP export failed: network error CANARY", "no connection"),
        ("gRPC code: ", "no connection"),
    ] {
        assert_eq!(said(words), expected);
    }
    assert_eq!(export::what(&OTelSdkError::Timeout(super::LAST)), "no answer in time");
}

#[test]
fn nothing_is_sent_unless_that_is_said() {
    let read = |flags: &OtlpFlags| Settings::read(flags, Resource::named("sidegate-controller", "1")).unwrap();
    let to = OtlpFlags { endpoint: "http://c:4317".parse().ok(), ..OtlpFlags::default() };
    assert!(read(&OtlpFlags::default()).is_none());
    assert!(read(&OtlpFlags { disabled: Some("true".to_owned()), ..to.clone() }).is_none());
    let traces = read(&to).unwrap();
    assert!(traces.traces.is_some() && traces.metrics.is_none(), "metrics are there to be scraped");
    let none = |name: &str| OtlpFlags { metrics_exporter: Some(name.to_owned()), ..to.clone() };
    let both = OtlpFlags { traces_exporter: Some("none".to_owned()), ..none("otlp") };
    let metrics = read(&both).unwrap();
    assert!(metrics.traces.is_none() && metrics.metrics.is_some());
    assert!(read(&OtlpFlags { traces_exporter: Some("none".to_owned()), ..none("none") }).is_none());
}
