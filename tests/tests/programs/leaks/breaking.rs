//! Every way that an answer can go wrong, with canaries in all that the provider says.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sidegate_testkit::sim::{Fault, Rule, Simulator};

use super::{ANSWER, KEY, inputs};
use crate::http::call;

/// The classes that calls and attempts end with here; the others are not raised by anything yet.
pub const CLASSES: [&str; 10] = [
    "request_invalid",
    "model_not_allowed",
    "rate_limited",
    "provider_transient",
    "provider_quota",
    "provider_auth",
    "provider_invalid",
    "upstream_timeout",
    "truncated",
    "control_plane_unavailable",
];

/// A provider that says what it was sent, and more.
fn faults() -> Vec<Value> {
    let quoting = json!({"error": {"message": format!("{ANSWER} {KEY}"), "type": ANSWER, "param": ANSWER}}).to_string();
    let headers = json!([
        ["x-note", ANSWER],
        ["www-authenticate", ANSWER],
        ["set-cookie", format!("a={ANSWER}")],
        ["retry-after", ANSWER],
        ["x-should-retry", ANSWER],
        ["x-ratelimit-reset-tokens", ANSWER],
        ["location", ANSWER]
    ]);
    let status = |code: u16| json!({"kind": "status", "status": code, "body": quoting, "headers": headers});
    let mut all: Vec<Value> = [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529].map(status).to_vec();
    let patch = |at: &str, value: Value| json!({"kind": "patch", "at": at, "value": value});
    let call = json!([{"index": 0, "id": "call_9", "type": "function",
        "function": {"name": "look", "arguments": format!("{{\"a\": \"{}\"}}", ANSWER.replace('"', "'"))}}]);
    let chunk = |data: &str| format!("data: {data}\n\n");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let error = chunk(&json!({"error": {"message": ANSWER}}).to_string());
    let parted = chunk(&json!({"choices": [{"index": 0, "delta": {"content": ANSWER}}]}).to_string());
    let (first, second) = parted.split_at(parted.find("canary").unwrap() + 3);
    let trailers = format!("0\r\nx-trailer: {ANSWER}\r\nx-canary: {KEY}\r\n\r\n");
    all.extend([
        json!({"kind": "redirect", "location": format!("https://elsewhere.test/{}", ANSWER.replace(['"', ' '], "-"))}),
        json!({"kind": "raw", "text": format!("{ANSWER} {KEY}\r\n\r\n")}),
        json!({"kind": "raw", "text": format!("HTTP/1.1 200 OK\r\n{ANSWER}\r\n\r\n")}),
        json!({"kind": "raw", "text": format!("HTTP/1.1 200 {ANSWER}\r\ncontent-length: {ANSWER}\r\n\r\n")}),
        json!({"kind": "raw", "text": format!("HTTP/1.1 101 {ANSWER}\r\nupgrade: {ANSWER}\r\n\r\n")}),
        json!({"kind": "raw", "text": format!("{head}\r\n{error}")}),
        json!({"kind": "raw", "text": format!("{head}\r\n{parted}{error}")}),
        // Cut in the middle of the text, by the edge of a chunk and then for good.
        json!({"kind": "raw", "text": format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n{trailers}",
            first.len(), second.len())}),
        json!({"kind": "raw", "text": format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n", first.len())}),
        json!({"kind": "headers", "headers": headers, "filler": 100_000}),
        json!({"kind": "headers", "headers": headers}),
        patch("/error", json!({"message": ANSWER, "type": ANSWER})),
        patch("/usage", ANSWER.into()),
        patch("/usage/prompt_tokens", ANSWER.into()),
        patch("/system_fingerprint", ANSWER.into()),
        patch("/choices/0/message/content", ANSWER.into()),
        patch("/choices/0/delta/content", ANSWER.into()),
        patch("/choices/0/message/tool_calls", call.clone()),
        patch("/choices/0/delta/tool_calls", call),
        patch("/choices", ANSWER.into()),
        json!({"kind": "error_body"}),
        json!({"kind": "error_event", "after_event": 1}),
        json!({"kind": "garbage_event", "after_event": 1}),
        json!({"kind": "html"}),
        json!({"kind": "empty_choices"}),
        json!({"kind": "gzip", "corrupt": true}),
        json!({"kind": "content_length", "delta": 10}),
        json!({"kind": "content_length", "delta": -10}),
        json!({"kind": "trailing", "text": chunk(ANSWER)}),
        json!({"kind": "cut", "at_byte": 40}),
        json!({"kind": "cut", "after_event": 2}),
        json!({"kind": "cut"}),
        json!({"kind": "stall"}),
        json!({"kind": "stall", "after_event": 1}),
        json!({"kind": "delay", "ms": 5_000}),
    ]);
    all
}

/// Lets the provider break in every way, for an answer in one body and for a stream.
pub async fn provider(sim: &Simulator, at: SocketAddr) {
    for fault in faults() {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        for request in [inputs::plain(), inputs::streamed()] {
            // Whatever is tried again fails again.
            sim.add_faults(vec![Rule::times(4, fault.clone())]);
            // How it ends is told by the sidecar.
            let _ = call(at, request).await;
            sim.clear_faults();
        }
    }
}

/// The ways to a provider that lead nowhere.
pub async fn ways(at: SocketAddr) {
    for model in ["way-dns", "way-closed", "way-tls", "way-missing"] {
        let status = call(at, inputs::asking_for(model)).await.unwrap().status;
        assert!(status.is_server_error(), "{model}: {status}");
    }
}
