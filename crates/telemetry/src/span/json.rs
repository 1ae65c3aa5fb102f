//! Spans as JSON, for whoever asks a sidecar about one call.

use super::{Attributes, Kind, Span, Value};
use crate::json::Json;
use crate::record::CallRecord;

/// The spans of a record as one JSON object: `{"call": span, "attempts": [span, …]}`.
#[must_use]
pub fn to_json(record: &CallRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    let mut spans = Span::all_of(record);
    Json::new(&mut out).object(|json| {
        if let Some(call) = spans.next() {
            json.name("call").object(|json| write_span(&call, json));
        }
        json.name("attempts").array(|json| spans.for_each(|attempt| json.object(|json| write_span(&attempt, json))));
    });
    out
}

fn write_span(span: &Span<'_>, json: &mut Json<'_>) {
    json.name("name").text(&span.name().to_string());
    json.name("kind").word(match span.kind {
        Kind::Server => "SERVER",
        Kind::Client { .. } => "CLIENT",
    });
    json.name("start").time(span.start);
    json.name("duration_seconds").seconds(span.duration);
    json.name("failed").flag(span.failed);
    json.name("attributes").object(|json| span.attributes(json));
    let mut events = span.events().peekable();
    if events.peek().is_some() {
        json.name("events").array(|json| {
            events.for_each(|event| {
                json.object(|json| {
                    json.name("name").text(event.name);
                    json.name("time").time(event.at);
                    json.name("attributes").object(|json| event.attributes(json));
                });
            });
        });
    }
}

impl Attributes for Json<'_> {
    fn put(&mut self, name: &str, value: Value<'_>) {
        let json = self.named(name);
        match value {
            Value::Text(text) | Value::Content(text) => json.text(text),
            Value::Shown(shown) => json.text(&shown.to_string()),
            Value::Texts(texts) => json.array(|json| texts.iter().for_each(|text| json.text(text))),
            Value::Number(number) => json.signed(i128::from(number)),
            Value::Seconds(time) => json.seconds(time),
            Value::Flag(flag) => json.flag(flag),
        }
    }
}
