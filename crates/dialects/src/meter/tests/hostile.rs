use super::*;

fn with_usage(usage: &serde_json::Value) -> Seen {
    let good = json!({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 5, "completion_tokens": 6}});
    seen(CHAT, Framing::Sse, &events(&[good, json!({"choices": [], "usage": usage})]))
}

#[test]
fn usage_that_is_none_is_counted_and_the_last_good_one_stays() {
    for usage in [
        json!("many"),
        json!(5),
        json!(true),
        json!({"prompt_tokens": -5, "completion_tokens": 1}),
        json!({"prompt_tokens": 1, "completion_tokens": 1e30}),
        json!({"prompt_tokens": "1", "completion_tokens": 1}),
        json!({"prompt_tokens": 1.5, "completion_tokens": 1}),
        json!({"prompt_tokens": 18_446_744_073_709_551_615_u64, "completion_tokens": 1}),
        json!({}),
        json!({"other": 1}),
    ] {
        let seen = with_usage(&usage);
        assert_eq!(seen.usage.map(|u| (u.input_total, u.output_total)), Some((5, 6)), "{usage}");
        assert!(seen.anomalies > 0, "{usage}");
    }
    let none = with_usage(&json!(null));
    assert_eq!((none.usage.map(|u| u.input_total), none.anomalies), (Some(5), 0));
}

#[test]
fn an_odd_detail_does_not_spoil_the_totals() {
    let seen = with_usage(
        &json!({"prompt_tokens": 7, "completion_tokens": 8.0, "completion_tokens_details": {"reasoning_tokens": "x"}}),
    );
    assert_eq!(seen.usage.map(|u| (u.input_total, u.output_total, u.reasoning)), Some((7, 8, None)));
    assert_eq!(seen.anomalies, 1);
}

#[test]
fn an_event_that_is_no_json_is_counted_and_the_stream_goes_on() {
    let mut stream = events(&[delta("a")]);
    stream.extend_from_slice(b"data: {\"choices\": [}\n\ndata: hello\n\ndata: \n\n");
    stream.extend(events(&[delta("b")]));
    let seen = seen(CHAT, Framing::Sse, &stream);
    assert_eq!((seen.anomalies, seen.events, seen.meaningful, seen.content_bytes), (2, 4, 2, 2));
}

#[test]
fn every_way_of_writing_events_means_the_same() {
    let plain = format!("data: {}\n\ndata: [DONE]\n\n", delta("aé😀"));
    let other = [
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        plain.replace("data: ", "data:"),
        format!("\u{feff}{plain}"),
        format!(": comment\n\n: another\n{plain}"),
        plain.replace("data: {", "event: x\nid: 7\nretry: 10\ndata: {"),
        plain.replace(",\"usage\"", ",\ndata: \"usage\""),
        plain.replace("data: [DONE]\n\n", "data: [DONE]"),
        plain.replace("data: {", "\n\n\ndata\n\ndata:\n\ndatax: 1\nda: 2\ndata: {"),
    ];
    let wanted = seen(CHAT, Framing::Sse, plain.as_bytes());
    assert_eq!((wanted.terminal, wanted.meaningful, wanted.anomalies), (Terminal::Complete, 1, 0));
    for stream in &other {
        assert_eq!(seen(CHAT, Framing::Sse, stream.as_bytes()), wanted, "{stream}");
    }
}

#[test]
fn an_event_of_any_size_passes_and_is_read_without_being_kept() {
    let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Sse, true);
    let mut passed = 0;
    let mut feed =
        |meter: &mut Meter, bytes: &'static [u8]| meter.feed(Bytes::from_static(bytes), &mut |b| passed += b.len());
    feed(&mut meter, b"data: {\"choices\":[{\"delta\":{\"content\":\"");
    static BLOCK: [u8; 1 << 16] = [b'x'; 1 << 16];
    for _ in 0..256 {
        feed(&mut meter, &BLOCK);
    }
    assert!(passed > (255 << 16), "withheld {passed}");
    let mut rest = 0;
    meter.feed(Bytes::from_static(b"\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"), &mut |b| {
        rest += b.len()
    });
    assert!(rest > 0);
    assert_eq!(meter.seen().content_bytes, 256 << 16);
    assert_eq!(meter.seen().usage.map(|u| u.output_total), Some(2));
}

#[test]
fn a_usage_object_that_never_ends_is_given_up() {
    let mut meter = Meter::new(CHAT.0, CHAT.1, Framing::Json, false);
    meter.feed(Bytes::from_static(b"{\"usage\":{\"x\":\""), &mut |_| ());
    for _ in 0..40 {
        meter.feed(Bytes::from(vec![b'x'; 4096]), &mut |_| ());
    }
    meter.feed(Bytes::from_static(b"\",\"prompt_tokens\":1,\"completion_tokens\":1}}"), &mut |_| ());
    assert_eq!((meter.seen().usage, meter.seen().anomalies), (None, 1));
    assert_eq!(meter.seen().terminal, Terminal::Complete);
}

#[test]
fn nesting_without_end_is_no_json() {
    let body = "[".repeat(100_000);
    assert_eq!(seen(CHAT, Framing::Json, format!("{{\"a\":{body}").as_bytes()).terminal, Terminal::None);
}

#[test]
fn a_large_body_costs_no_memory() {
    let mut meter = Meter::new(Dialect::OpenAi, Operation::Embeddings, Framing::Json, false);
    let numbers = Bytes::from("-0.0123456789,".repeat(4096));
    meter.feed(Bytes::from_static(b"{\"data\":[{\"embedding\":["), &mut |_| ());
    for _ in 0..512 {
        meter.feed(numbers.clone(), &mut |_| ());
    }
    let end = b"1]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}";
    meter.feed(Bytes::from_static(end), &mut |_| ());
    assert_eq!(meter.seen().usage.map(|u| u.input_total), Some(2));
    assert_eq!(meter.seen().terminal, Terminal::Complete);
}
