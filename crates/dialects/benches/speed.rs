//! How long reading takes: `cargo bench -p sidegate-dialects [-- PART_OF_NAME]`. Prints the
//! best of repeated batches, which is what a busy machine disturbs least.

#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]
#![expect(clippy::panic, reason = "a wrong fixture must stop the run")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use sidegate_dialects::meter::{Framing, Meter};
use sidegate_dialects::recognize::{endpoint, recognize};
use sidegate_dialects::splice::{self, Edits};
use sidegate_dialects::verdict::{Answer, verdict};
use sidegate_policy::{Dialect, Operation};

fn main() {
    let headers = HeaderMap::new();
    let chat = endpoint(&Method::POST, "/v1/chat/completions", None, &headers).unwrap_or_else(|r| panic!("{r:?}"));
    measure("endpoint", 1, || {
        let _ = black_box(endpoint(&Method::POST, black_box("/v1/chat/completions"), None, &headers));
    });
    let question = json!({"model": "gpt-4o-mini", "messages": [{"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What did the fox do, and why? ".repeat(30)}], "temperature": 0.2, "max_tokens": 256});
    let question = Bytes::from(question.to_string());
    measure("recognize one question of 1 KiB", question.len(), || {
        let _ = black_box(recognize(&chat, &headers, black_box(&question), &[]));
    });
    for size in [1, 8, 128] {
        let body = Bytes::from(conversation(size * 1024));
        measure(&format!("recognize chat {size} KiB"), body.len(), || {
            let _ = black_box(recognize(&chat, &headers, black_box(&body), &[]));
        });
        measure(&format!("serde_json Value {size} KiB"), body.len(), || {
            let _ = black_box(serde_json::from_slice::<Value>(black_box(&body)));
        });
    }
    let body = Bytes::from(conversation(1024));
    let spans = recognize(&chat, &headers, &body, &[]).unwrap_or_else(|r| panic!("{r:?}")).spans;
    measure("splice model and usage", 1, || {
        let edits = Edits { model: Some("gpt-4o-mini-2024-07-18"), include_usage: true };
        black_box(splice::body(&spans, &body, &edits)).for_each(|p| drop(black_box(p)));
    });
    let delta = Bytes::from_static(DELTA);
    let event = Bytes::from_static(TEXT_DELTA);
    for (name, dialect, operation, bytes, drop) in [
        ("meter one chat delta", Dialect::OpenAi, Operation::ChatCompletions, &delta, false),
        ("meter one chat delta, dropping usage", Dialect::OpenAi, Operation::ChatCompletions, &delta, true),
        ("meter one anthropic delta", Dialect::Anthropic, Operation::Messages, &event, false),
    ] {
        let mut meter = Meter::new(dialect, operation, Framing::Sse, drop);
        measure(name, bytes.len(), || meter.feed(bytes.clone(), &mut |b| drop_bytes(black_box(b))));
    }
    let answer = Bytes::from(json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word ".repeat(120)}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 120, "total_tokens": 132,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}}).to_string());
    measure("meter one chat body", answer.len(), || {
        let mut meter = Meter::new(Dialect::OpenAi, Operation::ChatCompletions, Framing::Json, false);
        meter.feed(answer.clone(), &mut |b| drop_bytes(black_box(b)));
        black_box(meter.seen());
    });
    let floats = Bytes::from(format!("{{\"data\":[{{\"embedding\":[{}]}}]}}", "-0.0123456789,".repeat(80_000) + "1"));
    measure("meter 1 MiB of embeddings", floats.len(), || {
        let mut meter = Meter::new(Dialect::OpenAi, Operation::Embeddings, Framing::Json, false);
        meter.feed(floats.clone(), &mut |b| drop_bytes(black_box(b)));
    });
    measure("verdict on a good body", answer.len(), || {
        let answer = Answer { status: StatusCode::OK, headers: &headers, body: &answer };
        black_box(verdict(Dialect::OpenAi, &answer));
    });
    println!("Meter is {} bytes", size_of::<Meter>());
}

const DELTA: &[u8] = b"data: {\"id\":\"chatcmpl-CGVx1y2z3\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_51db84afab\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" river\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"x8Jd\"}\n\n";
const TEXT_DELTA: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" river\"}}\n\n";

fn drop_bytes(bytes: Bytes) {
    drop(bytes);
}

/// A conversation of about `size` bytes: turns of prose with line breaks and quotes, and a tool or two.
fn conversation(size: usize) -> String {
    let prose = "The quick brown fox said \"no\", and then\nwent on over the lazy dog, which did not mind. ";
    let mut messages = vec![json!({"role": "system", "content": "You are a careful assistant."})];
    let mut length = 400;
    while length < size {
        let content = prose.repeat(((size - length) / 90).clamp(1, 16));
        length += content.len() + 40;
        messages.push(json!({"role": if messages.len() % 2 == 1 { "user" } else { "assistant" }, "content": content}));
    }
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters":
        {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}}]);
    json!({"model": "gpt-4o-mini", "stream": true, "temperature": 0.7, "max_tokens": 512, "tools": tools, "messages": messages})
        .to_string()
}

fn measure(name: &str, bytes: usize, mut run: impl FnMut()) {
    if std::env::args().nth(1).is_some_and(|only| !only.starts_with('-') && !name.contains(&only)) {
        return;
    }
    let mut batch = 1_u32;
    let mut rounds = Vec::new();
    while rounds.len() < 25 {
        let start = Instant::now();
        (0..batch).for_each(|_| run());
        let took = start.elapsed();
        if took.as_millis() < 10 {
            batch *= 2;
            continue;
        }
        rounds.push(took.as_secs_f64() / f64::from(batch));
    }
    let best = rounds.into_iter().fold(f64::INFINITY, f64::min);
    #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
    let rate = bytes as f64 / best / 1e9;
    println!("{name:<40} {:>10.1} ns {rate:>7.2} GB/s", best * 1e9);
}
