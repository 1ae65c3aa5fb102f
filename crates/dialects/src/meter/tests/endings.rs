use super::*;

fn ending(spoken: (Dialect, Operation), stream: &[u8]) -> Terminal {
    seen(spoken, Framing::Sse, stream).terminal
}

#[test]
fn a_chat_ends_with_its_mark_and_with_nothing_else() {
    let finish = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let mut stream = events(&[delta("a"), finish, usage]);
    assert_eq!(ending(CHAT, &stream), Terminal::None);
    stream.extend_from_slice(b"data: [DONE]\n\n");
    assert_eq!(ending(CHAT, &stream), Terminal::Complete);
    stream.extend_from_slice(b"data: trailing\n\n");
    assert_eq!(ending(CHAT, &stream), Terminal::Complete);
    assert_eq!(ending(CHAT, &events(&[delta("[DONE]")])), Terminal::None);
}

#[test]
fn a_response_ends_with_its_last_event_whole() {
    for (last, terminal) in [
        ("response.completed", Terminal::Complete),
        ("response.incomplete", Terminal::Complete),
        ("response.failed", Terminal::Error),
        ("error", Terminal::Error),
        ("response.output_text.done", Terminal::None),
    ] {
        let stream = events(&[json!({"type": last, "response": {"id": "r", "output": []}})]);
        assert_eq!(ending(RESPONSES, &stream), terminal, "{last}");
        let short = &stream[..stream.len() - 5];
        assert_eq!(ending(RESPONSES, short), Terminal::None, "{last}");
    }
    assert_eq!(ending(RESPONSES, b"data: [DONE]\n\n"), Terminal::None);
}

#[test]
fn a_message_ends_with_its_last_event() {
    let stop = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}});
    let mut stream = events(&[stop]);
    assert_eq!(ending(MESSAGES, &stream), Terminal::None);
    stream.extend_from_slice(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    assert_eq!(ending(MESSAGES, &stream), Terminal::Complete);
}

#[test]
fn gemini_ends_with_a_reason_and_an_array_with_its_bracket() {
    let text = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]});
    let stop = json!({"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]});
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
    assert_eq!(ending(GEMINI, &events(std::slice::from_ref(&text))), Terminal::None);
    assert_eq!(ending(GEMINI, &events(&[text.clone(), stop.clone()])), Terminal::Complete);
    assert_eq!(ending(GEMINI, &events(&[blocked])), Terminal::Complete);
    let array = json!([text, stop]).to_string();
    let end = |text: &str| seen(GEMINI, Framing::JsonArray, text.as_bytes());
    assert_eq!((end(&array).terminal, end(&array).events, end(&array).meaningful), (Terminal::Complete, 2, 1));
    assert_eq!(end(array.trim_end_matches(']')).terminal, Terminal::None);
    assert_eq!(end(&json!([text]).to_string()).terminal, Terminal::None);
}

#[test]
fn an_error_in_the_stream_is_its_end() {
    let chat = events(&[delta("a"), json!({"error": {"type": "server_error", "code": 500, "message": "x"}})]);
    let found = seen(CHAT, Framing::Sse, &[&chat[..], b"data: [DONE]\n\n"].concat());
    assert_eq!(found.terminal, Terminal::Error);
    assert_eq!(found.first_error.as_deref(), Some(&ErrorInfo { kind: "server_error".into(), code: "500".into() }));
    let message =
        b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
    assert_eq!(&*seen(MESSAGES, Framing::Sse, message).first_error.expect("an error").kind, "overloaded_error");
    let flat = events(&[json!({"type": "error", "code": "server_error", "message": "x"})]);
    assert_eq!(ending(RESPONSES, &flat), Terminal::Error);
    let gemini = json!([{"error": {"code": 503, "status": "UNAVAILABLE"}}]).to_string();
    assert_eq!(
        &*seen(GEMINI, Framing::JsonArray, gemini.as_bytes()).first_error.expect("an error").kind,
        "UNAVAILABLE"
    );
    assert_eq!(ending(CHAT, &events(&[json!({"error": null, "choices": [{"delta": {}}]})])), Terminal::None);
}

#[test]
fn a_body_is_complete_with_its_last_bracket() {
    let body = br#"{"id":"x","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
    let seen = seen(CHAT, Framing::Json, body);
    assert_eq!((seen.terminal, seen.finish.as_deref(), seen.content_bytes), (Terminal::Complete, Some("stop"), 5));
    for short in 0..body.len() {
        assert_eq!(super::seen(CHAT, Framing::Json, &body[..short]).terminal, Terminal::None, "{short}");
    }
    assert_eq!(super::seen(CHAT, Framing::Json, br#"{"error":{"code":"x"}}"#).terminal, Terminal::Error);
}

#[test]
fn what_is_meaningful_is_text_reasoning_and_calls() {
    let counted = |spoken, data: serde_json::Value| {
        let seen = seen(spoken, Framing::Sse, &events(&[data]));
        (seen.meaningful, seen.content_bytes, seen.tool_calls)
    };
    let chat = |delta: serde_json::Value| counted(CHAT, json!({"choices": [{"index": 0, "delta": delta}]}));
    assert_eq!(chat(json!({"role": "assistant", "content": ""})), (0, 0, 0));
    assert_eq!(chat(json!({"content": "abc"})), (1, 3, 0));
    assert_eq!(chat(json!({"reasoning_content": "abc"})), (1, 3, 0));
    assert_eq!(
        chat(json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "ab"}]}]})),
        (1, 2, 0)
    );
    assert_eq!(chat(json!({"tool_calls": [{"function": {"name": "f", "arguments": ""}}]})), (1, 1, 1));
    assert_eq!(chat(json!({"tool_calls": [{"function": {"arguments": "{}"}}]})), (1, 2, 0));
    assert_eq!(counted(CHAT, json!({"choices": [], "prompt_filter_results": []})), (0, 0, 0));
    assert_eq!(counted(MESSAGES, json!({"type": "ping"})), (0, 0, 0));
    assert_eq!(counted(MESSAGES, json!({"type": "content_block_delta", "delta": {"partial_json": "{}"}})), (1, 2, 0));
    let block =
        |kind: &str| counted(MESSAGES, json!({"type": kind, "content_block": {"type": "tool_use", "name": "f"}}));
    assert_eq!((block("content_block_start"), block("content_block_stop")), ((1, 0, 1), (0, 0, 0)));
    assert_eq!(counted(RESPONSES, json!({"type": "response.created", "response": {"id": "r"}})), (0, 0, 0));
    assert_eq!(counted(RESPONSES, json!({"type": "response.output_text.delta", "delta": "ab"})), (1, 2, 0));
    let part = |part: serde_json::Value| counted(GEMINI, json!({"candidates": [{"content": {"parts": [part]}}]}));
    assert_eq!(part(json!({"functionCall": {"name": "f", "args": {"a": 1}}})), (1, 8, 1));
    assert_eq!(part(json!({"inlineData": {"mimeType": "image/png", "data": "AA"}})).0, 1);
}
