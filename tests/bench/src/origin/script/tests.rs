//! The scripted answers are what a provider would send.

use serde_json::Value;

use super::{Script, Stream};

/// The JSON of each event in these bytes, in order; `[DONE]` left out.
fn events(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn closing(stream: &Stream) -> Vec<Value> {
    events(&stream.closing)
}

#[test]
fn the_whole_answer_is_json_of_its_length_with_usage() {
    let script = Script::default();
    let text = String::from_utf8(script.answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("content-length: {}", body.len())));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["usage"]["total_tokens"], 414);
}

#[test]
fn usage_comes_last_and_only_when_asked_for() {
    let script = Script::default();
    assert!(closing(script.stream(false)).iter().all(|e| e.get("usage").is_none()));
    let with = closing(script.stream(true));
    assert_eq!(with.last().unwrap()["usage"]["completion_tokens"], 200);
    assert!(with.last().unwrap()["choices"].as_array().unwrap().is_empty());
}

#[test]
fn every_event_is_json_and_carries_a_word() {
    let script = Script::default();
    for event in &script.stream(true).events {
        let parsed = events(event);
        assert!(parsed[0]["usage"].is_null());
        assert!(parsed[0]["choices"][0]["delta"]["content"].is_string());
    }
}
