//! One span for each change of an object: from when the control plane saw it to when the last of its sidecars enforced
//! it.
//!
//! A span is made when it ends, from what the audit trail tells, so that nothing is kept for one that does not. It holds
//! names, paths and times as an audit line does, and never the value of a field.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use sidegate_telemetry::ChangeKind;
use sidegate_telemetry::names::attribute::ERROR_TYPE;
use sidegate_telemetry::names::control::attribute;

use crate::index::Change;

/// Spans that wait to be sent, those that are being sent among them.
pub(super) const MOST_WAITING: usize = 2_048;
/// Entries of a list at most.
const MAX_ENTRIES: usize = 16;
/// Bytes of a text at most.
const MAX_TEXT: usize = 1024;

/// What became of spans.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    waiting: AtomicUsize,
    exported: AtomicU64,
    failed: AtomicU64,
    full: AtomicU64,
}

impl Sent {
    /// So many that waited are gone: the back-end has them, or nobody.
    pub(super) fn ended(&self, spans: u64, taken: bool) {
        self.waiting.fetch_sub(usize::try_from(spans).unwrap_or(0), Ordering::Relaxed);
        let counter = if taken { &self.exported } else { &self.failed };
        counter.fetch_add(spans, Ordering::Relaxed);
    }

    /// Makes room for one, if there is any.
    fn admit(&self) -> bool {
        let room = |waiting: usize| (waiting < MOST_WAITING).then_some(waiting + 1);
        let admitted = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        self.full.fetch_add(u64::from(!admitted), Ordering::Relaxed);
        admitted
    }

    /// Spans that the back-end took.
    pub(crate) fn exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    /// Spans that are lost, by reason.
    pub(crate) fn lost(&self) -> [(&'static str, u64); 2] {
        [("queue_full", self.full.load(Ordering::Relaxed)), ("failed", self.failed.load(Ordering::Relaxed))]
    }
}

/// A change that the control plane saw happen.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// What happened, and to which object.
    pub change: Arc<Change>,
    /// When.
    pub seen: Timestamp,
}

/// How a change that was accepted ended.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// So many sidecars enforce it: all that it selects.
    Programmed(u64),
    /// Another version came, or it went, before all of them did.
    Superseded,
}

/// Tells changes as spans.
#[derive(Debug)]
pub(crate) struct ChangeSpans {
    tracer: SdkTracer,
    sent: Arc<Sent>,
}

impl ChangeSpans {
    pub(super) fn new(tracer: SdkTracer, sent: Arc<Sent>) -> Self {
        Self { tracer, sent }
    }

    /// What became of them.
    pub(crate) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// So many sidecars, all that it selects, enforce it since `at`.
    pub(crate) fn programmed(&self, edit: &Edit, at: Timestamp, sidecars: u64) {
        self.tell(edit, at, Some(Outcome::Programmed(sidecars)));
    }

    /// At `at` it was overtaken before that.
    pub(crate) fn superseded(&self, edit: &Edit, at: Timestamp) {
        self.tell(edit, at, Some(Outcome::Superseded));
    }

    /// It was over when it was seen: refused, gone, or a Secret that no acknowledgement speaks of.
    pub(crate) fn at_once(&self, edit: &Edit) {
        self.tell(edit, edit.seen, None);
    }

    fn tell(&self, edit: &Edit, end: Timestamp, outcome: Option<Outcome>) {
        if !self.sent.admit() {
            return;
        }
        let Edit { change, seen } = edit;
        let name = format!("{} {}/{}", change.name.kind.as_str(), change.name.namespace, change.name.name);
        let builder = self.tracer.span_builder(name).with_kind(SpanKind::Internal);
        let builder = builder.with_start_time(SystemTime::from(*seen)).with_attributes(attributes(change, outcome));
        let mut span = builder.start_with_context(&self.tracer, &Context::new());
        if change.what == ChangeKind::Refused {
            // Why is in the attributes; back-ends group by the words of a status.
            span.set_status(Status::error(""));
        }
        // A clock that was set back makes no span of less than nothing.
        span.end_with_timestamp(SystemTime::from(end.max(*seen)));
    }
}

fn attributes(change: &Change, outcome: Option<Outcome>) -> Vec<KeyValue> {
    let mut told = vec![
        text(attribute::OBJECT_KIND, change.name.kind.as_str()),
        text(attribute::OBJECT_NAMESPACE, &change.name.namespace),
        text(attribute::OBJECT_NAME, &change.name.name),
        text(attribute::CHANGE_KIND, change.what.as_str()),
    ];
    if !change.uid.is_empty() {
        told.push(text(attribute::OBJECT_UID, &change.uid));
    }
    if let Some(generation) = change.generation {
        told.push(KeyValue::new(attribute::OBJECT_GENERATION, generation));
    }
    if let Some(author) = &change.author {
        told.push(text(attribute::CHANGE_MANAGER, &author.manager));
    }
    if !change.fields.is_empty() {
        told.push(list(attribute::CHANGE_FIELDS, &change.fields));
    }
    if !change.refusals.is_empty() {
        told.push(list(attribute::CHANGE_REFUSALS, &change.refusals));
        told.push(text(ERROR_TYPE, change.what.as_str()));
    }
    match outcome {
        Some(Outcome::Programmed(sidecars)) => {
            told.push(text(attribute::CHANGE_OUTCOME, "programmed"));
            told.push(KeyValue::new(attribute::CHANGE_SIDECARS, i64::try_from(sidecars).unwrap_or(i64::MAX)));
        }
        Some(Outcome::Superseded) => told.push(text(attribute::CHANGE_OUTCOME, "superseded")),
        None => {}
    }
    told
}

fn text(name: &'static str, value: &str) -> KeyValue {
    KeyValue::new(name, cut(value).to_owned())
}

fn list(name: &'static str, texts: &[String]) -> KeyValue {
    let texts = texts.iter().take(MAX_ENTRIES).map(|text| StringValue::from(cut(text).to_owned()));
    KeyValue::new(name, Value::Array(Array::String(texts.collect())))
}

/// The beginning of a text, never with half a character at its end.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}
