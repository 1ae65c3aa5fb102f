//! Faults of what is said: events that are no answer, and answers retouched.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::{Spoilt, sends};
use crate::sim::answer::Event;
use crate::sim::ask::Reject;
use crate::sim::bill::Outcome;
use crate::sim::dialect::Dialect;
use crate::sim::fault::{LineEnd, UsageAs};
use crate::sim::reply::Usage;
use crate::sim::script::Step;
use crate::sim::{refusal, retouch};

impl Spoilt {
    /// Changes each event, or drops it; breaks and stalls stay where they are.
    fn each_event(&mut self, mut change: impl FnMut(&Event) -> Option<Event>) {
        let changed = self.play.steps.iter().filter_map(|step| match step {
            Step::Send(event) => change(event).map(Step::Send),
            Step::Stall(_) | Step::Break => Some(step.clone()),
        });
        self.play.steps = changed.collect();
        self.measure();
    }

    /// Changes the JSON of each event; the bill stays.
    fn each_json(&mut self, change: impl Fn(&mut Value)) {
        self.each_event(|event| {
            let bytes = retouch::json_in(&event.bytes, &change);
            Some(Event { bytes, output: event.output })
        });
    }

    pub(super) fn spoil_usage(&mut self, spoilt: UsageAs) {
        if spoilt == UsageAs::Missing {
            self.each_event(|event| (!only_usage(event)).then(|| event.clone()));
        }
        self.each_json(|value| retouch::usage(value, spoilt));
    }

    pub(super) fn patch(&mut self, at: &str, value: Option<&Value>) {
        self.each_json(|event| retouch::patch(event, at, value));
    }

    pub(super) fn overbill(&mut self, more: u64) {
        self.play.usage.output += more;
        let mut left = sends(&self.play.steps).count();
        self.each_event(|event| {
            left -= 1;
            let bytes = retouch::json_in(&event.bytes, |value| retouch::overbill(value, more));
            let more = if left == 0 { more } else { 0 };
            Some(Event { bytes, output: event.output + more })
        });
    }

    pub(super) fn silence(&mut self) {
        self.play.usage = Usage { output: 0, reasoning: 0, ..self.play.usage };
        self.play.end = Outcome::Error;
        self.each_event(|event| {
            let bytes = retouch::json_in(&event.bytes, retouch::silence);
            (!says_something(event)).then_some(Event { bytes, output: 0 })
        });
    }

    pub(super) fn reframe(&mut self, form: &Form) {
        let mut mark = if form.bom { "\u{feff}" } else { "" };
        self.each_event(|event| {
            let text = form.of(&event.bytes);
            let text = format!("{}{text}", std::mem::take(&mut mark));
            Some(Event { bytes: Bytes::from(text), output: event.output })
        });
    }

    /// Puts an event of this text after so many others, and ends there if it
    /// is the last.
    pub(super) fn insert(&mut self, at: usize, text: String, ends: bool) {
        self.steps(|steps| {
            let at = at.min(steps.len());
            let output = sends(steps.get(..at).unwrap_or_default()).last().map_or(0, |event| event.output);
            if ends {
                steps.truncate(at);
            }
            steps.insert(at, Step::Send(Event { bytes: Bytes::from(text), output }));
        });
        if ends {
            self.play.end = Outcome::Error;
        }
        self.measure();
    }
}

/// OpenAI's chunk for the usage: without it, it has nothing left to say.
fn only_usage(event: &Event) -> bool {
    retouch::read(&event.bytes).is_some_and(|value| {
        value.pointer("/choices/0").is_none()
            && value.get("usage").is_some_and(|usage| !usage.is_null())
            && value.get("choices").is_some()
    })
}

/// An event that an answer without content has not: Anthropic's blocks, the
/// responses API's items.
fn says_something(event: &Event) -> bool {
    let kinds = ["content_block", "response.output", "response.content", "response.reasoning"];
    retouch::read(&event.bytes).is_some_and(|value| {
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        kinds.iter().any(|begin| kind.starts_with(begin))
    })
}

/// The provider's error as an event.
pub(super) fn error_event(dialect: Dialect) -> String {
    let status = match dialect {
        Dialect::Anthropic => StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        Dialect::OpenAi | Dialect::Gemini => StatusCode::SERVICE_UNAVAILABLE,
    };
    let message = "Overloaded".to_owned();
    let body = refusal::body(dialect, &Reject { status, code: "", message });
    match dialect {
        Dialect::Anthropic => format!("event: error\ndata: {body}\n\n"),
        Dialect::OpenAi => format!("data: {body}\n\n"),
        Dialect::Gemini => format!("data: {body}\r\n\r\n"),
    }
}

/// The form of an event's lines.
pub(super) struct Form {
    pub line_end: LineEnd,
    pub comments: bool,
    pub bom: bool,
    pub tight: bool,
}

impl Form {
    fn of(&self, bytes: &Bytes) -> String {
        let mut text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        if self.tight {
            text = text.replace("data: ", "data:").replace("event: ", "event:");
        }
        if self.comments {
            text = format!(": a comment\n{text}");
        }
        match self.line_end {
            LineEnd::Lf => text,
            LineEnd::Crlf => text.replace('\n', "\r\n"),
            LineEnd::Cr => text.replace('\n', "\r"),
        }
    }
}
