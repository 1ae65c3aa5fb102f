//! The old text completions, plain and streamed.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::CREATED;
use super::chat::{finish, set, usage};
use crate::sim::answer::{Answer, Event, data};
use crate::sim::ask::{Ask, Stream};
use crate::sim::reply::Reply;

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    if ask.stream == Stream::No {
        return plain(reply);
    }
    let mut events = Vec::with_capacity(reply.pieces.len() + 2);
    for (position, piece) in reply.pieces.iter().enumerate() {
        let reason = (position + 1 == reply.pieces.len()).then(|| finish(reply.finish));
        for index in 0..reply.choices {
            let later = reply.choices - 1 - index;
            let chunk = chunk(ask, reply, json!([choice(index, piece, reason)]));
            let output = reply.generated(position + 1).saturating_sub(later);
            events.push(data(&chunk, output));
        }
    }
    if ask.include_usage {
        let mut last = chunk(ask, reply, json!([]));
        set(&mut last, "usage", usage(&reply.usage));
        events.push(data(&last, reply.usage.output));
    }
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    events.push(Event { bytes: done, output: reply.usage.output });
    Answer::events(events, reply.usage)
}

fn plain(reply: &Reply) -> Answer {
    let text = reply.whole();
    let reason = Some(finish(reply.finish));
    let body = json!({
        "id": format!("cmpl-sim{}", reply.id), "object": "text_completion",
        "created": CREATED, "model": reply.model,
        "choices": (0..reply.choices).map(|n| choice(n, &text, reason)).collect::<Vec<_>>(),
        "usage": usage(&reply.usage),
    });
    Answer::json(StatusCode::OK, &body, reply.usage)
}

fn chunk(ask: &Ask, reply: &Reply, choices: Value) -> Value {
    let mut chunk = json!({
        "id": format!("cmpl-sim{}", reply.id), "object": "text_completion",
        "created": CREATED, "model": reply.model, "choices": choices,
    });
    if ask.include_usage {
        set(&mut chunk, "usage", Value::Null);
    }
    chunk
}

fn choice(index: u64, text: &str, reason: Option<&str>) -> Value {
    json!({"index": index, "text": text, "logprobs": null, "finish_reason": reason})
}
