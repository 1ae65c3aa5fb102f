use super::*;

fn only_usage() -> serde_json::Value {
    json!({"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}})
}

/// What the caller gets of a stream when usage was asked for on its behalf, which is the same however it is cut.
fn dropped(stream: &[u8]) -> Vec<u8> {
    let (whole, seen) = cut(CHAT, Framing::Sse, true, stream, stream.len());
    for size in 1..60 {
        let (other, same) = cut(CHAT, Framing::Sse, true, stream, size);
        assert_eq!(other, whole, "in pieces of {size}");
        assert_eq!(same, seen);
    }
    whole
}

#[test]
fn the_event_that_only_carries_usage_is_kept_from_a_caller_who_did_not_ask() {
    for end in ["\n", "\r\n", "\r"] {
        let write = |data: &[serde_json::Value]| -> String {
            data.iter().map(|d| format!("data: {d}{end}{end}")).collect::<String>()
        };
        let done = format!("data: [DONE]{end}{end}");
        let with = write(&[delta("a"), delta("b"), only_usage()]) + &done;
        let without = write(&[delta("a"), delta("b")]) + &done;
        assert_eq!(String::from_utf8_lossy(&dropped(with.as_bytes())), without, "{end:?}");
    }
}

#[test]
fn usage_is_read_although_it_is_dropped() {
    let (_, seen) = cut(CHAT, Framing::Sse, true, &events(&[delta("a"), only_usage()]), 7);
    assert_eq!(seen.usage.map(|u| u.output_total), Some(6));
    assert_eq!(seen.events, 2);
}

#[test]
fn other_events_pass_although_they_look_alike() {
    let mut stream = events(&[
        json!({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        json!({"choices": [], "usage": null}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}),
        json!({"usage": {"prompt_tokens": 5, "completion_tokens": 6}}),
    ]);
    stream.extend_from_slice(b": keep-alive\n\nevent: x\n\n");
    assert_eq!(dropped(&stream), stream);
}

#[test]
fn an_end_without_its_blank_line_is_handed_on() {
    let mut stream = events(&[delta("a")]);
    stream.extend_from_slice(b"data: [DONE]");
    assert_eq!(dropped(&stream), stream);
    let mut usage_last = events(&[delta("a")]);
    usage_last.extend_from_slice(format!("data: {}", only_usage()).as_bytes());
    assert_eq!(dropped(&usage_last), events(&[delta("a")]));
}

#[test]
fn an_event_is_handed_on_as_soon_as_it_is_whole() {
    let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Sse, true);
    let mut out = Vec::new();
    let event = events(&[delta("a")]);
    let (first, second) = event.split_at(20);
    meter.feed(Bytes::copy_from_slice(first), &mut |b| out.extend_from_slice(&b));
    assert!(out.is_empty() && !meter.is_mid_event());
    meter.feed(Bytes::copy_from_slice(second), &mut |b| out.extend_from_slice(&b));
    assert_eq!(out, event);
}

#[test]
fn bytes_pass_without_being_copied() {
    let stream = Bytes::from(events(&[delta("a"), delta("b"), only_usage(), delta("c")]));
    let range = stream.as_ptr_range();
    for drop in [false, true] {
        let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Sse, drop);
        let mut pieces = 0;
        meter.feed(stream.clone(), &mut |b| {
            assert!(range.contains(&b.as_ptr()));
            pieces += 1;
        });
        assert_eq!(pieces, if drop { 2 } else { 1 });
    }
}

#[test]
fn whether_the_caller_is_inside_an_event_is_known() {
    let event = events(&[delta("a")]);
    let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Sse, false);
    assert!(!meter.is_mid_event());
    for at in 0..event.len() {
        meter.feed(Bytes::copy_from_slice(&event[at..=at]), &mut |_| ());
        assert_eq!(meter.is_mid_event(), at + 1 < event.len(), "{at}");
    }
    let mut array = Meter::new(GEMINI.0, GEMINI.1, Framing::JsonArray, false);
    array.feed(Bytes::from_static(b"[{\"a\":1}"), &mut |_| ());
    assert!(!array.is_mid_event());
    array.feed(Bytes::from_static(b",{\"a\""), &mut |_| ());
    assert!(array.is_mid_event());
}

#[test]
fn events_alike_are_counted_alike() {
    // The second of a kind takes the short way; a change of model, of structure or of a value must be noticed.
    let with = |model: &str, content: &str, n: u32| json!({"id": "c", "model": model, "n": n, "choices": [{"delta": {"content": content}}]});
    let stream = events(&[
        with("a", "1", 1),
        with("a", "22", 1),
        with("a", "333", 2),
        with("a", "", 3),
        with("b", "4444", 4),
        with("a", "q\"\\", 5),
        json!({"id": "c", "model": "a", "n": 6, "choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}),
        with("a", "55555", 7),
    ]);
    let seen = seen(CHAT, Framing::Sse, &stream);
    assert_eq!((seen.events, seen.meaningful, seen.anomalies), (8, 7, 0));
    assert_eq!(seen.content_bytes, 1 + 2 + 3 + 4 + 5 + 1 + 5);
    assert_eq!((seen.model.as_deref(), seen.finish.as_deref()), (Some("a"), Some("stop")));
}
