//! Providers that break HTTP/2 (HU14), frame by frame as RFC 9113 has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sidegate_testkit::sim::{Answers, Fault};
use sidegate_tests::client::{chat, post};
use sidegate_tests::memory::{Peer, Road};
use sidegate_tests::policy::ladder;
use sidegate_tests::{Answer, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u32 = 7;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn goaway(last: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), 0_u32.to_be_bytes()].concat())
}

/// A literal field (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap_or(0);
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

/// Reads frames until the head of a request; its stream.
async fn request(io: &mut DuplexStream) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        io.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        io.read_exact(&mut payload).await.ok()?;
        if head[3] == HEADERS {
            return Some(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}

/// Answers the first request with `answer`, and goes on listening.
async fn serve(mut io: DuplexStream, answer: fn(u32) -> Vec<u8>) {
    let mut preface = [0; 24];
    if io.read_exact(&mut preface).await.is_err() || io.write_all(&frame(SETTINGS, 0, 0, &[])).await.is_err() {
        return;
    }
    while let Some(stream) = request(&mut io).await {
        if io.write_all(&answer(stream)).await.is_err() {
            return;
        }
    }
}

/// A call to `first`, which speaks HTTP/2 and answers like that, with `second` behind it.
async fn with_first(answer: fn(u32) -> Vec<u8>) -> (Answer, serde_json::Value, usize) {
    let mut stage = Stage::with(ladder(&[1, 1]));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let peer = Peer::new(true, move |io| {
        counted.fetch_add(1, Ordering::Relaxed);
        serve(io, answer)
    });
    stage.memory.set_for("first.test", Road::To(peer));
    let answer = stage.call(chat("m", "")).await;
    let line = stage.line().await;
    (answer, line, connections.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn hu14_a_stream_that_is_refused_was_not_sent() {
    let (answer, line, _) = with_first(|stream| frame(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(line["provider"], "sidegate-system/second");
    let attempts = line["attempts"].as_array().cloned().unwrap_or_default();
    assert_eq!(attempts.len(), 2, "moved at once: {line}");
    assert_eq!((&attempts[0]["sent"], &attempts[0]["cost_nanodollars"]), (&false.into(), &0.into()));
}

#[tokio::test(start_paused = true)]
async fn hu14_a_connection_that_says_goodbye_with_a_call_in_flight_is_left() {
    for answer in [|_| goaway(0), |stream| goaway(stream)] {
        let (answer, line, _) = tokio::time::timeout(std::time::Duration::from_secs(3_600), with_first(answer))
            .await
            .unwrap_or_else(|_| panic!("it is waited for without end"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(line["provider"], "sidegate-system/second", "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu14_an_answer_without_a_status_is_none() {
    let (answer, line, _) = with_first(|stream| frame(HEADERS, END_HEADERS, stream, &field("x-no", "status"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(line["attempts"][0]["class"], "provider_transient", "{line}");
}

#[tokio::test(start_paused = true)]
async fn hu14_over_http2_calls_go_as_over_http1() {
    let mut stage = Stage::with(ladder(&[1]));
    let sim = stage.sim.clone();
    let serve = move |io| {
        let sim = sim.clone();
        async move { sim.serve_connection(io).await }
    };
    stage.memory.set(Road::To(Peer::new(true, serve)));
    for more in ["", r#","stream":true"#] {
        let answer = stage.call(chat("m", more)).await;
        assert!(answer.status == 200 && answer.complete, "{}", answer.text());
        assert_eq!(stage.line().await["usage_source"], "provider");
    }
    assert_eq!(stage.memory.opened(), 1, "one connection for all");
}

#[tokio::test(start_paused = true)]
async fn hu6_a_caller_over_http2_is_told_too() {
    for after_event in [2, 3, 50] {
        let mut stage = Stage::with(ladder(&[1]));
        stage.sim.set_answers(Answers { events: Some(100), ..Answers::default() });
        stage.fail("first", 9, Fault::Cut { after_event: Some(after_event), at_byte: None, reset: false });
        let (near, far) = tokio::io::duplex(64 * 1024);
        stage.serve(far);
        let handshake = http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(near)).await;
        let (mut sender, connection) = handshake.unwrap_or_else(|e| panic!("{e}"));
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        let body = sidegate_tests::raw::body("hello", r#","stream":true"#);
        let mut request = post("/v1/chat/completions", body);
        *request.uri_mut() = "http://localhost/v1/chat/completions".parse().unwrap_or_default();
        request.headers_mut().remove("host");
        let response = sender.send_request(request).await.unwrap_or_else(|e| panic!("{e}"));
        let answer = Answer::read(response).await;
        assert!(!answer.complete, "{after_event}");
        assert!(answer.text().contains("truncated"), "{after_event}: {}", answer.text());
        assert_eq!(stage.line().await["class"], "truncated");
    }
}
