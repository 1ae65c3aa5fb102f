//! Hostile or broken providers, row by row: what the caller then sees, and what the books say.

mod ending;
mod errors;
mod frames;
mod http2;
mod silence;
mod usage;
mod wire;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sidegate_policy::Dialect;
use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message, post};
use sidegate_tests::policy::{provider, snapshot};

/// `include_usage`, so that nothing is dropped of a stream.
const ASKED: &str = r#","stream":true,"stream_options":{"include_usage":true}"#;

/// A provider of each dialect.
fn three() -> Stage {
    Stage::with(snapshot(Dialect::ALL.map(|d| provider(&d.as_str().to_lowercase(), d, 1)).to_vec()))
}

/// Each way to ask for a stream, by name.
fn streams() -> Vec<(&'static str, Request<Full<Bytes>>)> {
    vec![
        ("chat", chat("gpt-4o", ASKED)),
        ("chat without usage", chat("gpt-4o", r#","stream":true"#)),
        ("responses", post("/v1/responses", r#"{"model":"gpt-4o","input":"hello","stream":true}"#)),
        ("messages", message("claude-haiku-4-5", r#","stream":true"#)),
        ("content", generate("gemini-2.5-flash", "streamGenerateContent?alt=sse")),
        ("content as an array", generate("gemini-2.5-flash", "streamGenerateContent")),
    ]
}

fn always(stage: &Stage, fault: Fault) {
    stage.sim.add_faults(vec![Rule::always(fault)]);
}

/// Exactly this answer, then the end of the connection.
fn raw(head: &str, body: &str) -> Fault {
    Fault::Raw { text: format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}") }
}

/// These events in one well-formed, chunked answer.
fn events(body: &str) -> Fault {
    let head = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
    raw(head, &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
}

/// This JSON in one well-formed answer.
fn json(body: &str) -> Fault {
    raw(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()), body)
}
