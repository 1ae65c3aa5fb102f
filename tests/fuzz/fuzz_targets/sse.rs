//! The meter under every way of cutting a stream: the same bytes leave it and the same things are seen.
//! Without dropping, what leaves is what came; with it, what leaves lacks whole events only.
//!
//! Input: one byte for the dialect, one for the framing, four to seed the cuts, then the stream.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sidegate_dialects::meter::{Framing, Meter, Seen};
use sidegate_policy::{Dialect, Operation};

const SPOKEN: [(Dialect, Operation); 6] = [
    (Dialect::OpenAi, Operation::ChatCompletions),
    (Dialect::OpenAi, Operation::Responses),
    (Dialect::OpenAi, Operation::Completions),
    (Dialect::OpenAi, Operation::Embeddings),
    (Dialect::Anthropic, Operation::Messages),
    (Dialect::Gemini, Operation::GenerateContent),
];

fuzz_target!(|input: &[u8]| {
    let Some((head, stream)) = input.split_at_checked(6) else { return };
    let spoken = SPOKEN[usize::from(head[0]) % SPOKEN.len()];
    let framing = [Framing::Sse, Framing::Sse, Framing::Json, Framing::JsonArray][usize::from(head[1]) % 4];
    let mut seed = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
    let mut cut = |left: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        (seed as usize % 64).clamp(1, left)
    };
    for drop in [false, true] {
        let whole = run(spoken, framing, drop, stream, &mut |left| left);
        let single = run(spoken, framing, drop, stream, &mut |_| 1);
        let random = run(spoken, framing, drop, stream, &mut cut);
        assert_eq!(whole, single);
        assert_eq!(whole, random);
        if !drop || framing != Framing::Sse {
            assert_eq!(whole.0, stream);
        } else {
            assert!(whole.0.len() <= stream.len());
        }
    }
});

fn run(
    (dialect, operation): (Dialect, Operation),
    framing: Framing,
    drop: bool,
    stream: &[u8],
    cut: &mut dyn FnMut(usize) -> usize,
) -> (Vec<u8>, Seen) {
    let mut meter = Meter::new(dialect, operation, framing, drop);
    let mut rest = Bytes::copy_from_slice(stream);
    let mut out = Vec::new();
    while !rest.is_empty() {
        let chunk = rest.split_to(cut(rest.len()));
        meter.feed(chunk, &mut |b| out.extend_from_slice(&b));
    }
    meter.end(&mut |b| out.extend_from_slice(&b));
    (out, meter.seen().clone())
}
