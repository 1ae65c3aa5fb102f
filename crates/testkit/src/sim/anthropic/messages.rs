//! Messages, plain and streamed.
//!
//! A stream opens with the input's usage and one output token, as the real one
//! does, and a ping after the first block has started; the usage of its
//! `message_delta` is cumulative. Input counts exclude the cached tokens.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::answer::{Answer, Event, named};
use crate::sim::ask::{Ask, Stream};
use crate::sim::reply::{Finish, Reply, Usage};

/// What stands for a signature; it proves nothing and is never checked.
const SIGNATURE: &str = "c2lt";

pub(super) fn render(ask: &Ask, reply: &Reply) -> Answer {
    let answer = match ask.stream {
        Stream::No => plain(reply),
        Stream::Sse | Stream::Array => streamed(reply),
    };
    answer.with("request-id", &format!("req_sim{}", reply.id))
}

fn plain(reply: &Reply) -> Answer {
    let mut content = Vec::new();
    if !reply.thought.is_empty() {
        let text = reply.thought.concat();
        content.push(json!({"type": "thinking", "thinking": text, "signature": SIGNATURE}));
    }
    let whole = reply.whole();
    content.push(match &reply.call {
        None => json!({"type": "text", "text": whole}),
        Some(call) => {
            // Arguments that the limit cut short are no JSON: the model's own are sent.
            let input = serde_json::from_str(&whole).unwrap_or(call.arguments.clone());
            json!({"type": "tool_use", "id": call_id(reply), "name": call.name, "input": input})
        }
    });
    let mut body = message(reply, content, usage(&reply.usage, reply.usage.output));
    if let Some(fields) = body.as_object_mut() {
        fields.insert("stop_reason".to_owned(), stop_reason(reply).into());
    }
    Answer::json(StatusCode::OK, &body, reply.usage)
}

fn streamed(reply: &Reply) -> Answer {
    let mut tape = Tape { events: Vec::with_capacity(reply.pieces.len() + 9), index: 0 };
    let first = reply.usage.output.min(1);
    let message = message(reply, Vec::new(), usage(&reply.usage, first));
    tape.push(&json!({"type": "message_start", "message": message}), first);
    if !reply.thought.is_empty() {
        tape.thought(reply, first);
    }
    tape.block(reply, first);
    tape.push(
        &json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
            "usage": delta_usage(&reply.usage),
        }),
        reply.usage.output,
    );
    tape.push(&json!({"type": "message_stop"}), reply.usage.output);
    Answer::events(tape.events, reply.usage)
}

struct Tape {
    events: Vec<Event>,
    /// Of the next content block.
    index: u64,
}

impl Tape {
    fn push(&mut self, event: &Value, output: u64) {
        self.events.push(named(event, output));
    }

    fn start(&mut self, block: &Value, output: u64) {
        let index = self.index;
        self.push(&json!({"type": "content_block_start", "index": index, "content_block": block}), output);
        if index == 0 {
            self.push(&json!({"type": "ping"}), output);
        }
    }

    fn delta(&mut self, delta: &Value, output: u64) {
        let index = self.index;
        self.push(&json!({"type": "content_block_delta", "index": index, "delta": delta}), output);
    }

    fn stop(&mut self, output: u64) {
        let index = self.index;
        self.push(&json!({"type": "content_block_stop", "index": index}), output);
        self.index += 1;
    }

    fn thought(&mut self, reply: &Reply, first: u64) {
        self.start(&json!({"type": "thinking", "thinking": "", "signature": ""}), first);
        for (n, piece) in reply.thought.iter().enumerate() {
            let delta = json!({"type": "thinking_delta", "thinking": piece});
            self.delta(&delta, first.max(n as u64 + 1));
        }
        let output = first.max(reply.usage.reasoning);
        self.delta(&json!({"type": "signature_delta", "signature": SIGNATURE}), output);
        self.stop(output);
    }

    fn block(&mut self, reply: &Reply, first: u64) {
        let block = match &reply.call {
            None => json!({"type": "text", "text": ""}),
            Some(call) => {
                json!({"type": "tool_use", "id": call_id(reply), "name": call.name, "input": {}})
            }
        };
        let start = first.max(reply.generated(0));
        self.start(&block, start);
        if reply.call.is_some() {
            self.delta(&json!({"type": "input_json_delta", "partial_json": ""}), start);
        }
        for (n, piece) in reply.pieces.iter().enumerate() {
            let delta = match reply.call {
                None => json!({"type": "text_delta", "text": piece}),
                Some(_) => json!({"type": "input_json_delta", "partial_json": piece}),
            };
            self.delta(&delta, start.max(reply.generated(n + 1)));
        }
        self.stop(reply.usage.output);
    }
}

fn message(reply: &Reply, content: Vec<Value>, usage: Value) -> Value {
    json!({
        "id": format!("msg_sim{}", reply.id), "type": "message", "role": "assistant",
        "model": reply.model, "content": content, "stop_reason": null, "stop_sequence": null,
        "usage": usage,
    })
}

fn call_id(reply: &Reply) -> String {
    format!("toolu_sim{}", reply.id)
}

fn stop_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
    }
}

fn usage(usage: &Usage, output: u64) -> Value {
    json!({
        "input_tokens": uncached(usage),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn delta_usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": uncached(usage),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    })
}

fn uncached(usage: &Usage) -> u64 {
    usage.prompt - usage.cached - usage.cache_write
}
