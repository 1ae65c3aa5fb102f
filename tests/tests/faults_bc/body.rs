//! Bodies that are wrongly framed, too large, too slow or encoded (BC2, BC5, BC6, BC7).

use std::time::Duration;

use sidegate_policy::{Snapshot, Unit};
use sidegate_proxy::config::CallBounds;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat as call, post, with};
use sidegate_tests::memory::PIPE;
use sidegate_tests::policy::{ladder, limit};
use sidegate_tests::raw::{Raw, body, chat};
use sidegate_tests::stage::Setting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::{on_a_socket, still_serves};

const CHUNKED: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

/// A body may have 64 KiB, all bodies together 256 KiB.
fn small() -> Setting {
    Setting { bounds: CallBounds { body_bytes: 64 << 10, held_bytes: 256 << 10, calls: 100 }, ..Setting::default() }
}

#[tokio::test]
async fn bc2_chunks_that_lie_end_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    for chunk in
        ["fffffffffffffffff\r\nx", "-1\r\nx", "10000000000000000\r\nx", "g\r\nx", "5 5\r\nhello", "1\r\nhello\r\n"]
    {
        let mut raw = Raw::connect(at).await;
        raw.send(format!("{CHUNKED}{chunk}")).await;
        assert!(raw.closes().await, "{chunk:?}");
        assert!([400, 413].contains(&raw.status()), "{chunk:?}: {}", raw.text());
    }
    assert!(stage.trail().is_empty());
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc2_an_extension_or_trailers_without_end_are_not_read_to_it() {
    let (mut stage, at) = on_a_socket().await;
    for beginning in ["1;", "1\r\nx\r\n0\r\nx-trailer: "] {
        let mut raw = Raw::connect(at).await;
        raw.send(format!("{CHUNKED}{beginning}")).await;
        let mut taken = 0;
        while taken < 200 && raw.send("e".repeat(64 * 1024)).await {
            taken += 1;
        }
        assert!(raw.closes().await);
        assert!(taken < 200, "12 MB of {beginning:?} were taken");
    }
    assert!(stage.trail().is_empty());
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc2_trailers_are_not_sent_on() {
    let (stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    let trailers = "authorization: Bearer theirs\r\nhost: evil.test\r\ncontent-length: 1\r\n";
    let mut raw = Raw::connect(at).await;
    raw.send(format!("{CHUNKED}{:x}\r\n{hello}\r\n0\r\n{trailers}\r\n", hello.len())).await;
    assert!(raw.until(|text| text.contains("HTTP/1.1 200")).await, "{}", raw.text());
    let bill = stage.sim.bill().settled(1).await;
    assert_eq!((bill[0].header("host"), bill[0].key.as_deref()), (Some("first.test"), Some("a")));
    assert_eq!(bill[0].header("trailer"), None);
    assert_eq!(bill[0].body.as_deref(), Some(hello.as_bytes()));
}

#[tokio::test(start_paused = true)]
async fn bc5_a_body_that_drips_is_408_and_takes_nothing_of_a_limit() {
    let limits = vec![limit("burst", Unit::Requests, 1, Duration::from_secs(3_600))];
    let mut stage = Stage::with(Snapshot { limits, ..ladder(&[1]) }.sealed());
    let (near, far) = tokio::io::duplex(PIPE);
    stage.serve(far);
    let (mut read, mut write) = tokio::io::split(near);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
    assert!(write.write_all(head.as_bytes()).await.is_ok());
    let began = Instant::now();
    let mut answer = Vec::new();
    while timeout(Duration::from_secs(1), read.read_to_end(&mut answer)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "it is still waited for");
        let _ = write.write_all(b" ").await;
    }
    let took = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(13)).contains(&took), "{took:?}");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_too_slow"), "{answer}");
    assert_eq!(stage.line().await["reason"], "body_too_slow");
    assert_eq!(stage.call(call("m", "")).await.status, 200, "the one request of the hour is still there");
}

#[tokio::test(start_paused = true)]
async fn bc5_a_slow_body_that_gets_on_is_taken() {
    let mut stage = Stage::with(ladder(&[1]));
    let (near, far) = tokio::io::duplex(PIPE);
    stage.serve(far);
    let (mut read, mut write) = tokio::io::split(near);
    let long = body(&"l".repeat(200_000), "");
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", long.len());
    assert!(write.write_all(head.as_bytes()).await.is_ok());
    for part in long.as_bytes().chunks(10_000) {
        assert!(write.write_all(part).await.is_ok());
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    let mut answer = vec![0; 64];
    let n = read.read(&mut answer).await.unwrap_or(0);
    assert!(answer[..n].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn bc6_a_body_declared_too_large_is_413_before_it_is_read() {
    let (mut stage, at) = on_a_socket().await;
    let mut raw = Raw::connect(at).await;
    raw.send("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 33554433\r\n\r\n").await;
    assert!(raw.closes().await);
    assert_eq!(raw.status(), 413);
    assert!(raw.text().contains("--max-body-bytes"), "the knob is named: {}", raw.text());
    assert_eq!(stage.line().await["reason"], "body_too_large");
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc6_an_undeclared_body_is_413_at_the_limit() {
    let mut stage = Stage::set(small(), ladder(&[1]));
    let at = stage.listen().await;
    let mut raw = Raw::connect(at).await;
    raw.send(CHUNKED).await;
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let mut taken = 0;
    while taken < 2_000 && raw.send(&chunk).await {
        taken += 1;
    }
    assert!(raw.closes().await);
    assert!(taken < 2_000, "16 MB were taken where 64 KiB are allowed");
    assert_eq!(stage.line().await["reason"], "body_too_large");
    assert!(stage.trail().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bc6_real_agents_bodies_pass() {
    let mut stage = Stage::with(ladder(&[1]));
    for size in [200_000, 2_000_000, 12_000_000] {
        let long = body(&"l".repeat(size), "");
        let answer = stage.call(post("/v1/chat/completions", long.clone())).await;
        assert_eq!(answer.status, 200, "{size}: {}", answer.text());
        let seen = stage.sim.bill().entries().pop().unwrap_or_else(|| panic!("nothing arrived"));
        assert!(seen.body.as_deref() == Some(long.as_bytes()), "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn bc6_all_bodies_together_are_bounded_too() {
    let mut stage = Stage::set(small(), ladder(&[1]));
    stage.fail("first", 100, sidegate_testkit::sim::Fault::Delay { ms: 1_000 });
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(stage.client().await);
    }
    let body = body(&"l".repeat(60 << 10), "");
    let calls = clients.iter_mut().map(|c| c.send(post("/v1/chat/completions", body.clone())));
    let answers = futures_util::future::join_all(calls).await;
    let mut statuses: Vec<u16> = answers.into_iter().flatten().map(|a| a.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 503, 503, 503, 503]);
    drop(clients);
    stage.settled().await;
    assert_eq!(stage.call(post("/v1/chat/completions", body)).await.status, 200, "the room is given back");
}

#[tokio::test(start_paused = true)]
async fn bc7_an_encoded_body_is_415() {
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "x-unknown"] {
        let mut stage = Stage::with(ladder(&[1]));
        let answer = stage.call(with(call("m", ""), "content-encoding", encoding)).await;
        assert_eq!(answer.status, 415, "{encoding}");
        assert_eq!(answer.json()["error"]["sidegate"]["reason"], "unsupported_encoding");
        assert!(stage.trail().is_empty());
        assert_eq!(stage.line().await["outcome"], "refused");
    }
    let mut stage = Stage::with(ladder(&[1]));
    assert_eq!(stage.call(with(call("m", ""), "content-encoding", "identity")).await.status, 200);
}

#[tokio::test]
async fn bc6_a_client_that_sends_on_after_413_still_reads_it() {
    let mut stage = Stage::set(small(), ladder(&[1]));
    let at = stage.listen().await;
    let mut raw = Raw::connect(at).await;
    raw.send(chat("", &body(&"x".repeat(100 << 10), ""))).await;
    assert!(raw.closes().await);
    assert_eq!(raw.status(), 413, "{}", raw.text());
    assert!(raw.text().contains("body_too_large"));
}
