use super::*;

fn body(spoken: (Dialect, Operation), body: &serde_json::Value) -> Option<Usage> {
    seen(spoken, Framing::Json, body.to_string().as_bytes()).usage
}

fn totals(usage: Option<Usage>) -> (u64, u64) {
    usage.map(|u| (u.input_total, u.output_total)).expect("usage")
}

#[test]
fn chat_usage_is_read_with_its_details() {
    let usage = body(
        CHAT,
        &json!({"usage": {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 1, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 3}}}),
    )
    .expect("usage");
    let wanted = Usage {
        input_total: 20,
        output_total: 9,
        cache_read: Some(8),
        cache_write: Some(2),
        cache_write_1h: None,
        audio_input: Some(1),
        audio_output: Some(3),
        reasoning: Some(4),
    };
    assert_eq!(usage, wanted);
}

#[test]
fn output_that_only_the_total_shows_is_output() {
    let xai = json!({"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 334, "completion_tokens_details": {"reasoning_tokens": 320}});
    assert_eq!(totals(body(CHAT, &json!({"usage": xai}))), (12, 322));
    let gemini = json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109});
    assert_eq!(totals(body(CHAT, &json!({"usage": gemini}))), (35, 74));
    let low = json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 0});
    assert_eq!(totals(body(CHAT, &json!({"usage": low}))), (35, 12));
}

#[test]
fn usage_is_found_where_each_provider_puts_it() {
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3});
    for place in [json!({"usage": usage}), json!({"x_groq": {"usage": usage}}), json!({"choices": [{"usage": usage}]})]
    {
        assert_eq!(totals(body(CHAT, &place)), (1, 2), "{place}");
    }
    for other in [
        json!({"choices": [{"message": {"usage": usage}}]}),
        json!({"metadata": {"usage": usage}}),
        json!([{"usage": usage}]),
    ] {
        assert_eq!(body(CHAT, &other), None, "{other}");
    }
}

#[test]
fn embeddings_may_report_the_total_alone() {
    let spoken = (Dialect::OpenAi, Operation::Embeddings);
    assert_eq!(totals(body(spoken, &json!({"usage": {"total_tokens": 3}}))), (3, 0));
    assert_eq!(totals(body(spoken, &json!({"usage": {"prompt_tokens": 3, "total_tokens": 4}}))), (3, 0));
}

#[test]
fn anthropic_counts_its_cache_beside_the_input() {
    let usage = json!({"input_tokens": 3, "cache_creation_input_tokens": 418, "cache_read_input_tokens": 1111, "output_tokens": 33,
        "cache_creation": {"ephemeral_5m_input_tokens": 18, "ephemeral_1h_input_tokens": 400}, "output_tokens_details": {"thinking_tokens": 9}});
    let usage = body(MESSAGES, &json!({"usage": usage})).expect("usage");
    assert_eq!((usage.input_total, usage.output_total), (1532, 33));
    assert_eq!((usage.cache_read, usage.cache_write, usage.cache_write_1h), (Some(1111), Some(418), Some(400)));
    assert_eq!(usage.reasoning, Some(9));
}

#[test]
fn anthropic_restates_what_it_tells_again_and_keeps_the_rest() {
    let stream = events(&[
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 4, "cache_creation_input_tokens": 1167, "cache_read_input_tokens": 0, "output_tokens": 1}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 9, "cache_creation_input_tokens": null, "output_tokens": 12}}),
    ]);
    assert_eq!(totals(seen(MESSAGES, Framing::Sse, &stream).usage), (1176, 12));
    let cut_off = seen(MESSAGES, Framing::Sse, &stream[..stream.len() / 2]).usage;
    assert_eq!(totals(cut_off), (1171, 1));
}

#[test]
fn geminis_last_object_counts_as_a_whole() {
    let first =
        json!({"usageMetadata": {"promptTokenCount": 9, "cachedContentTokenCount": 5, "thoughtsTokenCount": 34}});
    let last = json!({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 2}});
    for (framing, stream) in [
        (Framing::Sse, events(&[first.clone(), last.clone()])),
        (Framing::JsonArray, json!([first, last]).to_string().into_bytes()),
    ] {
        let usage = seen(GEMINI, framing, &stream).usage;
        assert_eq!(totals(usage), (11, 34));
        assert_eq!(usage.and_then(|u| u.cache_read), None);
    }
}

#[test]
fn geminis_audio_is_told_by_modality() {
    let details = json!([{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 6}]);
    let usage = json!({"promptTokenCount": 9, "candidatesTokenCount": 1, "promptTokensDetails": details});
    assert_eq!(body(GEMINI, &json!({"usageMetadata": usage})).and_then(|u| u.audio_input), Some(6));
}

#[test]
fn the_usage_of_a_response_is_in_its_last_event() {
    let usage = json!({"input_tokens": 31, "input_tokens_details": {"cached_tokens": 7}, "output_tokens": 70, "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 101});
    let stream = events(&[
        json!({"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress", "usage": null}}),
        json!({"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "error": null, "usage": usage}}),
    ]);
    let seen = seen(RESPONSES, Framing::Sse, &stream);
    assert_eq!(totals(seen.usage), (31, 70));
    assert_eq!((seen.response_id.as_deref(), seen.finish.as_deref()), (Some("r"), Some("completed")));
}

#[test]
fn counting_tokens_has_no_usage() {
    assert_eq!(body((Dialect::Anthropic, Operation::CountTokens), &json!({"input_tokens": 8})), None);
    assert_eq!(body((Dialect::Gemini, Operation::CountTokens), &json!({"totalTokens": 8})), None);
    assert_eq!(
        body((Dialect::OpenAi, Operation::InputTokens), &json!({"object": "response.input_tokens", "input_tokens": 8})),
        None
    );
}
