//! Money and the audit trail: one line a call whatever happens, and its cost against the simulator's own bill.

mod audit;
mod bill;
mod partial;
mod states;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use sidegate_policy::Dialect;
use sidegate_testkit::sim::Entry;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message, post};
use sidegate_tests::policy::{provider, snapshot};

/// A provider of each dialect.
fn three() -> Stage {
    Stage::with(snapshot(Dialect::ALL.map(|d| provider(&d.as_str().to_lowercase(), d, 1)).to_vec()))
}

/// Each way to ask for generated text, by name.
fn ways() -> Vec<(&'static str, Request<Full<Bytes>>)> {
    let asked = r#","stream":true,"stream_options":{"include_usage":true}"#;
    let input = r#"{"model":"gpt-4o","input":"hello there"}"#;
    let prompt = r#"{"model":"gpt-4o","prompt":"hello there"}"#;
    vec![
        ("chat", chat("gpt-4o", "")),
        ("chat, streamed", chat("gpt-4o", r#","stream":true"#)),
        ("chat, streamed with usage", chat("gpt-4o", asked)),
        ("responses", post("/v1/responses", input)),
        ("responses, streamed", post("/v1/responses", input.replace('}', r#","stream":true}"#))),
        ("completions", post("/v1/completions", prompt)),
        ("completions, streamed", post("/v1/completions", prompt.replace('}', r#","stream":true}"#))),
        ("messages", message("claude-haiku-4-5", "")),
        ("messages, streamed", message("claude-haiku-4-5", r#","stream":true"#)),
        ("content", generate("gemini-2.5-flash", "generateContent")),
        ("content, streamed", generate("gemini-2.5-flash", "streamGenerateContent?alt=sse")),
        ("content, streamed as an array", generate("gemini-2.5-flash", "streamGenerateContent")),
    ]
}

/// What a request costs by the tests' price, in nano-dollars: no rounding anywhere.
fn price(entry: &Entry) -> u64 {
    let fresh = entry.prompt_tokens - entry.cached_tokens;
    fresh * 150 + entry.cached_tokens * 75 + entry.output_tokens * 600
}

/// What the simulator bills for all it has seen.
fn billed(stage: &Stage) -> u64 {
    stage.sim.bill().entries().iter().map(price).sum()
}

fn cost(told: &Value) -> Option<u64> {
    told["cost_nanodollars"].as_u64()
}
