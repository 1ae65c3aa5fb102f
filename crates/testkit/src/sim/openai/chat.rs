//! Chat completions, plain and streamed.
//!
//! A stream is a chunk with the role, one for each piece, one with the finish
//! reason, and with `include_usage` one with no choices and the usage, while
//! the others then say `"usage": null`.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::CREATED;
use crate::sim::answer::{Answer, Event, data};
use crate::sim::ask::{Ask, Stream};
use crate::sim::reply::{Finish, Reply, Usage};

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    match ask.stream {
        Stream::No => plain(reply),
        Stream::Sse | Stream::Array => streamed(ask, reply),
    }
}

fn plain(reply: &Reply) -> Answer {
    let whole = reply.whole();
    let message = match &reply.call {
        None => json!({"role": "assistant", "content": whole, "refusal": null, "annotations": []}),
        Some(call) => json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [],
            "tool_calls": [{
                "id": call_id(reply), "type": "function",
                "function": {"name": call.name, "arguments": whole},
            }],
        }),
    };
    let choice = |index| {
        json!({
            "index": index, "message": message, "logprobs": null,
            "finish_reason": finish(reply.finish),
        })
    };
    let body = json!({
        "id": id(reply), "object": "chat.completion", "created": CREATED, "model": reply.model,
        "choices": (0..reply.choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(&reply.usage), "service_tier": "default", "system_fingerprint": "fp_sim",
    });
    Answer::json(StatusCode::OK, &body, reply.usage)
}

fn streamed(ask: &Ask, reply: &Reply) -> Answer {
    let chunks = Chunks { reply, include_usage: ask.include_usage };
    let mut events = Vec::with_capacity(reply.pieces.len() + 4);
    chunks.each(&mut events, &first(reply), None, reply.generated(0));
    for (index, piece) in reply.pieces.iter().enumerate() {
        let delta = match reply.call {
            None => json!({"content": piece}),
            Some(_) => json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
        };
        chunks.each(&mut events, &delta, None, reply.generated(index + 1));
    }
    chunks.each(&mut events, &json!({}), Some(finish(reply.finish)), reply.usage.output);
    if ask.include_usage {
        let mut last = chunks.chunk(json!([]));
        set(&mut last, "usage", usage(&reply.usage));
        events.push(data(&last, reply.usage.output));
    }
    events.push(Event { bytes: Bytes::from_static(b"data: [DONE]\n\n"), output: reply.usage.output });
    Answer::events(events, reply.usage)
}

fn first(reply: &Reply) -> Value {
    match &reply.call {
        None => json!({"role": "assistant", "content": "", "refusal": null}),
        Some(call) => json!({
            "role": "assistant", "content": null,
            "tool_calls": [{
                "index": 0, "id": call_id(reply), "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }],
        }),
    }
}

struct Chunks<'a> {
    reply: &'a Reply,
    include_usage: bool,
}

impl Chunks<'_> {
    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": id(self.reply), "object": "chat.completion.chunk", "created": CREATED,
            "model": self.reply.model, "service_tier": "default", "system_fingerprint": "fp_sim",
            "choices": choices,
        });
        if self.include_usage {
            set(&mut chunk, "usage", Value::Null);
        }
        chunk
    }

    /// One chunk for each choice; tokens count once the last of them is out.
    fn each(&self, events: &mut Vec<Event>, delta: &Value, finish: Option<&str>, output: u64) {
        for index in 0..self.reply.choices {
            let later = self.reply.choices - 1 - index;
            let choices = json!([{
                "index": index, "delta": delta, "logprobs": null, "finish_reason": finish,
            }]);
            events.push(data(&self.chunk(choices), output.saturating_sub(later)));
        }
    }
}

pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn id(reply: &Reply) -> String {
    format!("chatcmpl-sim{}", reply.id)
}

fn call_id(reply: &Reply) -> String {
    format!("call_sim{}", reply.id)
}

pub(super) fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
    }
}

pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}
