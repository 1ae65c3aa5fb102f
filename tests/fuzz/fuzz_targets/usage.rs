//! Usage in any shape: never a panic, never more than a provider can mean, classes that add up to the totals,
//! and for plain shapes the numbers that a strict reader finds.
//!
//! Input: one byte for the dialect, then the usage object.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sidegate_dialects::meter::{Framing, Meter};
use sidegate_policy::{Dialect, Operation};

fuzz_target!(|input: &[u8]| {
    let Some((first, object)) = input.split_first() else { return };
    let (dialect, operation, key) = [
        (Dialect::OpenAi, Operation::ChatCompletions, "usage"),
        (Dialect::OpenAi, Operation::Responses, "usage"),
        (Dialect::OpenAi, Operation::Embeddings, "usage"),
        (Dialect::Anthropic, Operation::Messages, "usage"),
        (Dialect::Gemini, Operation::GenerateContent, "usageMetadata"),
    ][usize::from(*first) % 5];
    let body = [b"{\"", key.as_bytes(), b"\":", object, b"}"].concat();
    let mut meter = Meter::new(dialect, operation, Framing::Json, false);
    meter.feed(Bytes::from(body.clone()), &mut |_| ());
    meter.end(&mut |_| ());
    let seen = meter.seen();
    let strict = serde_json::from_slice::<Value>(&body).ok();
    if let Some(usage) = seen.usage {
        assert!(usage.input_total <= 3 << 48 && usage.output_total <= 3 << 48);
        let c = usage.classes();
        let input = c.input + c.cache_read + c.cache_write + c.cache_write_1h + c.audio_input;
        assert_eq!(input, usage.input_total);
        assert_eq!(c.output + c.audio_output, usage.output_total);
    }
    let Some(value) = strict.as_ref().map(|v| &v[key]) else { return };
    let two = |a: &str, b: &str| Some((value[a].as_u64()?, value[b].as_u64()?)).filter(|(a, b)| a.max(b) < &(1 << 40));
    let plain = value.as_object().is_some_and(|o| o.len() == 2) && colons(object) == 2;
    let expected = match dialect {
        Dialect::OpenAi => two("prompt_tokens", "completion_tokens"),
        Dialect::Anthropic => two("input_tokens", "output_tokens"),
        Dialect::Gemini => two("promptTokenCount", "candidatesTokenCount"),
    };
    if let Some((input, output)) = expected.filter(|_| plain) {
        let usage = seen.usage.expect("a plain report is read");
        assert_eq!((usage.input_total, usage.output_total), (input, output));
    }
});

/// Colons are an upper bound on keys.
fn colons(object: &[u8]) -> usize {
    object.iter().filter(|b| **b == b':').count()
}
