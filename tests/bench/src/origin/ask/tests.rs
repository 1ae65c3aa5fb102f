//! What requests want, whole and cut anywhere.

use std::time::Duration;

use super::{Ask, Wanted};

fn post(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn wanted(bytes: &[u8]) -> Option<Wanted> {
    let mut ask = Ask::default();
    assert!(ask.feed(bytes).unwrap());
    ask.take()
}

#[test]
fn a_plain_body_wants_one_answer() {
    let request = post("/v1/chat/completions", r#"{"model":"m","stream":false}"#);
    assert_eq!(wanted(&request), Some(Wanted::Answer));
}

#[test]
fn a_stream_is_told_from_one_with_usage() {
    let plain = post("/", r#"{"stream": true}"#);
    assert_eq!(wanted(&plain), Some(Wanted::Stream { usage: false }));
    let usage = post("/", r#"{"stream":true,"stream_options":{"include_usage":true}}"#);
    assert_eq!(wanted(&usage), Some(Wanted::Stream { usage: true }));
}

#[test]
fn words_are_found_wherever_the_bytes_are_cut() {
    let long = "x".repeat(100);
    let body = format!(r#"{{"a":"{long}","stream":true,"o":{{"include_usage":true}},"b":"{long}"}}"#);
    let request = post("/", &body);
    for cut in 1..request.len() {
        let mut ask = Ask::default();
        ask.feed(&request[..cut]).unwrap();
        assert_eq!(ask.take(), None, "cut at {cut}");
        ask.feed(&request[cut..]).unwrap();
        assert_eq!(ask.take(), Some(Wanted::Stream { usage: true }), "cut at {cut}");
    }
}

#[test]
fn words_are_found_when_bytes_come_one_by_one() {
    let mut ask = Ask::default();
    for byte in post("/", r#"{"stream":true,"stream_options":{"include_usage":true}}"#) {
        ask.feed(&[byte]).unwrap();
    }
    assert_eq!(ask.take(), Some(Wanted::Stream { usage: true }));
}

#[test]
fn nothing_is_carried_into_the_next_request() {
    let mut ask = Ask::default();
    ask.feed(&post("/", r#"{"stream":true}"#)).unwrap();
    ask.take();
    ask.feed(&post("/", "{}")).unwrap();
    assert_eq!(ask.take(), Some(Wanted::Answer));
}

#[test]
fn the_pace_is_set_by_query() {
    let request = post("/bench/stream?events=7&pause-ms=10", "");
    let pause = Duration::from_millis(10);
    assert_eq!(wanted(&request), Some(Wanted::Pace { events: 7, pause }));
}

#[test]
fn a_peer_may_close_between_requests_and_not_within_one() {
    let mut ask = Ask::default();
    assert!(!ask.feed(b"").unwrap());
    ask.feed(b"POST / HTTP/1.1\r\n").unwrap();
    assert!(ask.feed(b"").is_err());
}

#[test]
fn more_body_than_announced_is_refused() {
    let mut request = post("/", "{}");
    request.push(b'x');
    assert!(Ask::default().feed(&request).is_err());
}
