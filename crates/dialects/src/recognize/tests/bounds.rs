use super::*;

#[test]
fn the_callers_limit_is_the_larger_of_its_names_and_never_below_one() {
    let limit = |path, body: Value| call(path, &body).bounds.max_output;
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": 5, "max_completion_tokens": 9})), Some(9));
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": 5})), Some(5));
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": 5.0})), Some(5));
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": "5"})), Some(5));
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": 0})), None);
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": -3})), None);
    assert_eq!(limit(CHAT, json!({"model": "m", "max_tokens": null})), None);
    assert_eq!(limit(RESPONSES, json!({"model": "m", "max_output_tokens": 8})), Some(8));
    assert_eq!(limit(MESSAGES, json!({"model": "m", "max_tokens": 8})), Some(8));
    assert_eq!(limit(GENERATE, json!({"generationConfig": {"maxOutputTokens": 8}})), Some(8));
    assert_eq!(limit(GENERATE, json!({"generation_config": {"max_output_tokens": "8"}})), Some(8));
}

#[test]
fn choices_are_the_larger_of_what_is_made_and_what_is_shown() {
    let choices = |path, body: Value| call(path, &body).bounds.choices;
    assert_eq!(choices(CHAT, json!({"model": "m"})), 1);
    assert_eq!(choices(CHAT, json!({"model": "m", "n": 128})), 128);
    assert_eq!(choices(CHAT, json!({"model": "m", "n": -1})), 1);
    assert_eq!(choices("/v1/completions", json!({"model": "m", "n": 2, "best_of": 5})), 5);
    assert_eq!(choices(GENERATE, json!({"generationConfig": {"candidateCount": 3}})), 3);
}

#[test]
fn turns_parts_and_tools_are_counted() {
    let parts = |path, body: Value| call(path, &body).bounds.parts;
    let message = json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
    assert_eq!(parts(CHAT, json!({"model": "m", "messages": [message, {"role": "user", "content": "c"}]})), 4);
    assert_eq!(parts(CHAT, json!({"model": "m", "messages": [], "tools": [{"type": "function"}]})), 1);
    assert_eq!(parts("/v1/embeddings", json!({"model": "m", "input": ["a", "b", "c"]})), 3);
    assert_eq!(parts("/v1/embeddings", json!({"model": "m", "input": [1, 2, 3]})), 0);
    assert_eq!(parts(GENERATE, json!({"contents": [{"parts": [{"text": "a"}]}]})), 2);
    assert_eq!(parts(RESPONSES, json!({"model": "m", "input": "hi"})), 1);
}

#[test]
fn what_is_not_in_the_body_is_noticed() {
    let user = |part: Value| json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [part]}]});
    let item = |part: Value| json!({"model": "m", "input": [{"role": "user", "content": [part]}]});
    let gemini = |part: Value| json!({"contents": [{"parts": [part]}]});
    for (path, body) in [
        (CHAT, user(json!({"type": "image_url", "image_url": {"url": "https://x/y.png"}}))),
        (CHAT, user(json!({"type": "file", "file": {"file_id": "f"}}))),
        (CHAT, user(json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}))),
        (CHAT, json!({"model": "m", "web_search_options": {"search_context_size": "low"}})),
        (CHAT, json!({"model": "m", "plugins": [{"id": "web"}]})),
        (RESPONSES, item(json!({"type": "input_image", "image_url": "https://x/y.png"}))),
        (RESPONSES, item(json!({"type": "input_image", "file_id": "f"}))),
        (RESPONSES, json!({"model": "m", "input": [{"type": "item_reference", "id": "x"}]})),
        (RESPONSES, json!({"model": "m", "input": "x", "previous_response_id": "r"})),
        (RESPONSES, json!({"model": "m", "input": "x", "conversation": {"id": "c"}})),
        (RESPONSES, json!({"model": "m", "input": "x", "prompt": {"id": "p"}})),
        (RESPONSES, json!({"model": "m", "input": "x", "tools": [{"type": "web_search"}]})),
        (MESSAGES, user(json!({"type": "image", "source": {"type": "url", "url": "https://x"}}))),
        (MESSAGES, user(json!({"type": "document", "source": {"type": "file", "file_id": "f"}}))),
        (MESSAGES, user(json!({"type": "document", "source": {"type": "base64", "data": "AA"}}))),
        (MESSAGES, user(json!({"type": "container_upload", "file_id": "f"}))),
        (MESSAGES, json!({"model": "m", "tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
        (MESSAGES, json!({"model": "m", "mcp_servers": [{"url": "https://x"}]})),
        (GENERATE, gemini(json!({"fileData": {"fileUri": "gs://x"}}))),
        (GENERATE, gemini(json!({"inline_data": {"data": "AA", "mime_type": "application/pdf"}}))),
        (GENERATE, json!({"cachedContent": "cachedContents/x"})),
        (GENERATE, json!({"tools": [{"googleSearch": {}}]})),
    ] {
        assert!(call(path, &body).bounds.refers_elsewhere, "{body}");
    }
}

#[test]
fn what_is_in_the_body_or_the_callers_own_refers_to_nothing() {
    let user = |part: Value| json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [part]}]});
    let schema =
        json!({"type": "object", "properties": {"file_id": {"type": "string"}, "image_url": {"type": "string"}}});
    for (path, body) in [
        (CHAT, user(json!({"type": "text", "text": "see https://x/y.png"}))),
        (CHAT, user(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}))),
        (CHAT, json!({"model": "m", "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]})),
        (CHAT, json!({"model": "m", "previous_response_id": null, "web_search_options": null})),
        (RESPONSES, json!({"model": "m", "tools": [{"type": "function", "name": "f", "parameters": schema}]})),
        (RESPONSES, json!({"model": "m", "input": [{"type": "function_call_output", "output": "{\"file_id\":1}"}]})),
        (MESSAGES, user(json!({"type": "document", "source": {"type": "text", "data": "hello"}}))),
        (
            MESSAGES,
            user(json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}})),
        ),
        (MESSAGES, json!({"model": "m", "tools": [{"name": "f", "input_schema": schema}, {"type": "bash_20250124"}]})),
        (GENERATE, json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]})),
        (GENERATE, json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}]})),
    ] {
        assert!(!call(path, &body).bounds.refers_elsewhere, "{body}");
    }
}

#[test]
fn an_inline_image_is_bounded_by_what_an_image_may_cost_and_not_by_its_bytes() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [image]}]});
    let bounds = call(CHAT, &body).bounds;
    assert!(bounds.input_tokens(None) > 48_000);
    assert_eq!(bounds.input_tokens(Some(8_192)), 8_192);
}
