use serde_json::json;

use super::*;

mod endings;
mod hostile;
mod passing;
mod usages;

const CHAT: (Dialect, Operation) = (Dialect::OpenAi, Operation::ChatCompletions);
const RESPONSES: (Dialect, Operation) = (Dialect::OpenAi, Operation::Responses);
const MESSAGES: (Dialect, Operation) = (Dialect::Anthropic, Operation::Messages);
const GEMINI: (Dialect, Operation) = (Dialect::Gemini, Operation::GenerateContent);

/// What left and what was seen of a stream that came in pieces of `size` bytes.
fn cut(spoken: (Dialect, Operation), framing: Framing, drop: bool, bytes: &[u8], size: usize) -> (Vec<u8>, Seen) {
    let mut meter = Meter::new(spoken.0, spoken.1, framing, drop);
    let mut out = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        meter.feed(Bytes::copy_from_slice(piece), &mut |b| out.extend_from_slice(&b));
    }
    meter.end(&mut |b| out.extend_from_slice(&b));
    (out, meter.seen().clone())
}

/// What was seen of a stream, which is the same however it is cut.
fn seen(spoken: (Dialect, Operation), framing: Framing, bytes: &[u8]) -> Seen {
    let (out, whole) = cut(spoken, framing, false, bytes, bytes.len());
    assert_eq!(out, bytes);
    for size in 1..40 {
        let (out, other) = cut(spoken, framing, false, bytes, size);
        assert_eq!(out, bytes);
        assert_eq!(other, whole, "in pieces of {size}: {}", String::from_utf8_lossy(bytes));
    }
    whole
}

/// A stream of events with these data.
fn events(data: &[serde_json::Value]) -> Vec<u8> {
    data.iter().flat_map(|d| format!("data: {d}\n\n").into_bytes()).collect()
}

fn delta(content: &str) -> serde_json::Value {
    json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}], "usage": null})
}

#[test]
fn a_meter_is_small_and_owns_nothing_until_something_is_seen() {
    assert!(size_of::<Meter>() <= 400, "{}", size_of::<Meter>());
}
