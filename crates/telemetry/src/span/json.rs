//! Spans as JSON, for whoever asks a sidecar about one call.

use super::{Attributes, Span, SpanKind, Value};
use crate::json::Json;
use crate::record::CallRecord;

/// The spans of a record as one JSON object: `{"call": span, "attempts": [span, …]}`.
#[must_use]
pub fn to_json(record: &CallRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    let mut spans = Span::all_of(record);
    Json::new(&mut out).object(|json| {
        if let Some(call) = spans.next() {
            json.name("call").object(|json| span(&call, json));
        }
        json.name("attempts").array(|json| spans.for_each(|attempt| json.object(|json| span(&attempt, json))));
    });
    out
}

fn span(of: &Span<'_>, json: &mut Json<'_>) {
    json.name("name").text(&of.name.join(" "));
    json.name("kind").word(match of.kind {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
    });
    json.name("start").time(of.start);
    json.name("duration_seconds").seconds(of.duration);
    json.name("failed").flag(of.failed);
    json.name("attributes").object(|json| of.attributes(json));
    let mut events = of.events().peekable();
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
