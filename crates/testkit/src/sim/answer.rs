//! A rendered answer: a head, and a body that is whole or comes in events.
//!
//! Each event knows how many output tokens had been generated once it was out,
//! so that the bill of a stream that was cut short is exact.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::reply::Usage;

/// One piece of a streamed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub bytes: Bytes,
    /// Output tokens generated once this event is out.
    pub output: u64,
}

/// A body.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Sent at once, with its length.
    Whole(Bytes),
    /// Sent event by event.
    Events(Vec<Event>),
}

/// An answer, not yet sent.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
    /// What is billed if all of it is generated.
    pub usage: Usage,
}

impl Answer {
    /// A JSON body that costs `usage`.
    pub(crate) fn json(status: StatusCode, body: &Value, usage: Usage) -> Self {
        let mut answer = Self::whole(status, "application/json", body.to_string());
        answer.usage = usage;
        answer
    }

    /// A body of any type, which costs nothing.
    pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content = Content::Whole(body.into());
        Self { status, headers: typed(content_type), content, usage: Usage::default() }
    }

    /// A stream of server-sent events that costs `usage` when sent in full.
    pub(crate) fn events(events: Vec<Event>, usage: Usage) -> Self {
        let headers = typed("text/event-stream; charset=utf-8");
        Self { status: StatusCode::OK, headers, content: Content::Events(events), usage }
    }

    /// Sets a header that the simulator itself makes.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

fn typed(content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers
}

/// `data: …` and a blank line.
pub(crate) fn data(value: &Value, output: u64) -> Event {
    Event { bytes: Bytes::from(format!("data: {value}\n\n")), output }
}

/// `event: …`, `data: …` and a blank line; the name is the data's `type`.
pub(crate) fn named(value: &Value, output: u64) -> Event {
    let name = value.get("type").and_then(Value::as_str).unwrap_or("message");
    Event { bytes: Bytes::from(format!("event: {name}\ndata: {value}\n\n")), output }
}
