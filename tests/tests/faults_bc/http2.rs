//! HTTP/2 clients that flood (BC16), frame by frame as RFC 9113 has them.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_tests::raw::Raw;
use tokio::time::Instant;

use super::{on_a_socket, still_serves};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Frames that a flood has at most; far more than any limit.
const MANY: u32 = 200_000;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A field without indexing (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0, u8::try_from(name.len()).unwrap_or(0)];
    field.extend_from_slice(name.as_bytes());
    field.push(u8::try_from(value.len()).unwrap_or(0));
    field.extend_from_slice(value.as_bytes());
    field
}

/// The head of a chat completions request.
fn head() -> Vec<u8> {
    [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/v1/chat/completions"),
        field(":authority", "localhost"),
    ]
    .concat()
}

async fn open(at: SocketAddr) -> Raw {
    let mut raw = Raw::connect(at).await;
    raw.send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()).await;
    raw
}

/// Sends what `frames` makes of 1, 3, 5, … until the connection is closed; whether it was.
async fn flood(raw: &mut Raw, frames: impl Fn(u32) -> Vec<u8>) -> bool {
    let began = Instant::now();
    for batch in 0..MANY / 100 {
        let bytes: Vec<u8> = (0..100).flat_map(|n| frames((batch * 100 + n) * 2 + 1)).collect();
        if !raw.send(bytes).await {
            return true;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the flood is still taken");
    }
    raw.closes_within(Duration::from_secs(1)).await
}

#[tokio::test]
async fn bc16_a_flood_of_resets_ends_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = open(at).await;
    let reset = |stream| {
        [frame(HEADERS, END_HEADERS, stream, &head()), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    assert!(flood(&mut raw, reset).await);
    still_serves(&mut stage).await;
    assert_eq!(stage.trail().len(), 1, "no body had come: nothing was sent for any of them");
}

#[tokio::test]
async fn bc16_a_flood_of_continuations_ends_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = open(at).await;
    raw.send(frame(HEADERS, 0, 1, &head())).await;
    let more = field("x-more", "and more");
    assert!(flood(&mut raw, |_| frame(CONTINUATION, 0, 1, &more)).await);
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc16_a_flood_of_empty_data_ends_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = open(at).await;
    raw.send(frame(HEADERS, END_HEADERS, 1, &head())).await;
    assert!(flood(&mut raw, |_| frame(DATA, 0, 1, &[])).await);
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc16_streams_made_to_be_reset_end_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = open(at).await;
    // An increment of 0 is an error of the stream, which the server itself then resets.
    let made =
        |stream| [frame(HEADERS, END_HEADERS, stream, &head()), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat();
    assert!(flood(&mut raw, made).await);
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc16_settings_and_pings_that_are_never_read_back_are_not_taken_without_end() {
    for (kind, payload) in [(SETTINGS, &[][..]), (PING, &[0; 8][..])] {
        let (mut stage, at) = on_a_socket().await;
        let mut raw = open(at).await;
        let batch: Vec<u8> = (0..10_000).flat_map(|_| frame(kind, 0, 0, payload)).collect();
        let mut taken = 0;
        while taken < 200 && tokio::time::timeout(Duration::from_millis(300), raw.send(&batch)).await == Ok(true) {
            taken += 1;
        }
        assert!(taken < 200, "two million frames of kind {kind} were taken, and their answers kept");
        still_serves(&mut stage).await;
    }
}

#[tokio::test]
async fn bc16_too_long_a_head_over_http2_is_refused() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = open(at).await;
    let long: Vec<u8> = (0..400).flat_map(|n| field(&format!("x-{n}"), &"y".repeat(120))).collect();
    let all = [head(), long].concat();
    let (first, rest) = all.split_at(16_000);
    let mut bytes = frame(HEADERS, END_STREAM, 1, first);
    let mut parts = rest.chunks(16_000).peekable();
    while let Some(part) = parts.next() {
        bytes.extend(frame(CONTINUATION, if parts.peek().is_none() { END_HEADERS } else { 0 }, 1, part));
    }
    raw.send(bytes).await;
    let _ = raw.closes_within(Duration::from_millis(200)).await;
    assert!(stage.trail().is_empty());
    still_serves(&mut stage).await;
}
