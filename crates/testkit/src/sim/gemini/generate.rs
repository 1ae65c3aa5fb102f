//! `generateContent`, plain, as server-sent events (CRLF, as the real one
//! writes them) and as a JSON array that arrives element by element.
//!
//! Usage is cumulative in every element, thoughts lie outside the candidates'
//! count, and a function call arrives whole, with the finish reason `STOP`.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::answer::{Answer, Event};
use crate::sim::ask::{Ask, Stream};
use crate::sim::reply::{Finish, Reply, Usage};

/// What stands for a signature; it proves nothing and is never checked.
const SIGNATURE: &str = "c2lt";

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    match ask.stream {
        Stream::No => plain(reply),
        Stream::Sse => Answer::events(elements(reply).map(sse).collect(), reply.usage),
        Stream::Array => array(reply),
    }
}

/// One element of a stream, with the tokens generated once it is out.
type Element = (Value, u64);

fn plain(reply: &Reply) -> Answer {
    let mut parts = Vec::new();
    if !reply.thought.is_empty() {
        parts.push(thought(&reply.thought.concat()));
    }
    parts.push(said(reply, &reply.whole()));
    let body = element(reply, &parts, Some(finish(reply)), reply.usage.output);
    Answer::json(StatusCode::OK, &body, reply.usage)
}

fn elements(reply: &Reply) -> impl Iterator<Item = Element> {
    let thoughts = reply.thought.iter().enumerate().map(move |(n, piece)| {
        let output = n as u64 + 1;
        (element(reply, &[thought(piece)], None, output), output)
    });
    // A function call is one piece, whatever its arguments weigh.
    let pieces: Vec<String> = match (&reply.call, reply.pieces.is_empty()) {
        (None, false) => reply.pieces.clone(),
        _ => vec![reply.whole()],
    };
    let last = pieces.len() - 1;
    let pieces = pieces.into_iter().enumerate().map(move |(n, piece)| {
        let end = n == last;
        let output = if end { reply.usage.output } else { reply.generated(n + 1) };
        let parts = [said(reply, &piece)];
        (element(reply, &parts, end.then(|| finish(reply)), output), output)
    });
    thoughts.chain(pieces)
}

fn sse((value, output): Element) -> Event {
    Event { bytes: Bytes::from(format!("data: {value}\r\n\r\n")), output }
}

fn array(reply: &Reply) -> Answer {
    let mut events: Vec<Event> = Vec::new();
    for (value, output) in elements(reply) {
        let opening = if events.is_empty() { "[" } else { ",\r\n" };
        events.push(Event { bytes: Bytes::from(format!("{opening}{value}")), output });
    }
    events.push(Event { bytes: Bytes::from_static(b"]"), output: reply.usage.output });
    Answer::events(events, reply.usage).with("content-type", "application/json; charset=UTF-8")
}

fn said(reply: &Reply, text: &str) -> Value {
    match &reply.call {
        None => json!({"text": text}),
        Some(call) => json!({
            "functionCall": {"name": call.name, "args": call.arguments},
            "thoughtSignature": SIGNATURE,
        }),
    }
}

fn thought(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

fn element(reply: &Reply, parts: &[Value], finish: Option<&str>, output: u64) -> Value {
    let candidate = |index: u64| {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": index});
        if let (Some(fields), Some(finish)) = (candidate.as_object_mut(), finish) {
            fields.insert("finishReason".to_owned(), finish.into());
        }
        candidate
    };
    json!({
        "candidates": (0..reply.choices).map(candidate).collect::<Vec<_>>(),
        "usageMetadata": usage(&reply.usage, output),
        "modelVersion": reply.model,
        "responseId": format!("sim{}", reply.id),
    })
}

fn finish(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop | Finish::Tool => "STOP",
        Finish::Length => "MAX_TOKENS",
    }
}

fn usage(usage: &Usage, output: u64) -> Value {
    let thoughts = usage.reasoning.min(output);
    let mut metadata = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": output - thoughts,
        "totalTokenCount": usage.prompt + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt}],
    });
    if let Some(fields) = metadata.as_object_mut() {
        if usage.cached > 0 {
            fields.insert("cachedContentTokenCount".to_owned(), usage.cached.into());
        }
        if thoughts > 0 {
            fields.insert("thoughtsTokenCount".to_owned(), thoughts.into());
        }
    }
    metadata
}
