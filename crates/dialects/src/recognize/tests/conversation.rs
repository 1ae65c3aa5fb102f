use super::*;

fn chat(messages: Value) -> Conversation {
    call(CHAT, &json!({"model": "m", "messages": messages})).conversation
}

#[test]
fn the_turns_of_a_conversation_have_the_same_opening() {
    let system = json!({"role": "system", "content": "be brief"});
    let user = json!({"role": "user", "content": "hello"});
    let answer = json!({"role": "assistant", "content": "hi"});
    let first = chat(json!([system, user]));
    let second = chat(json!([system, user, answer, {"role": "user", "content": "more"}]));
    assert_eq!(first.opening, second.opening);
    assert_eq!(first.earlier(), None);
    assert_eq!(second.earlier(), first.opening);
    assert_ne!(first.opening, chat(json!([system, {"role": "user", "content": "other"}])).opening);
    assert_ne!(first.opening, chat(json!([user])).opening);
    assert_eq!(chat(json!([system])).opening, None);
}

#[test]
fn a_cache_mark_that_moves_does_not_change_the_opening() {
    let body = |mark: bool| {
        let mut part = json!({"type": "text", "text": "hello"});
        if mark {
            part["cache_control"] = json!({"type": "ephemeral"});
        }
        json!({"model": "m", "max_tokens": 1, "system": "s", "messages": [{"role": "user", "content": [part]}]})
    };
    let opening = call(MESSAGES, &body(true)).conversation.opening;
    assert!(opening.is_some());
    assert_eq!(opening, call(MESSAGES, &body(false)).conversation.opening);
}

#[test]
fn an_earlier_response_is_named() {
    let body = json!({"model": "m", "input": "x", "previous_response_id": "resp_1"});
    let conversation = call(RESPONSES, &body).conversation;
    assert_eq!(conversation.named, Some(named_key("resp_1")));
    assert_eq!(conversation.earlier(), conversation.named);
    assert_ne!(named_key("resp_1"), named_key("resp_2"));
    let stored = |conversation: Value| {
        call(RESPONSES, &json!({"model": "m", "input": "x", "conversation": conversation})).conversation.named
    };
    assert_eq!(stored(json!("conv_1")), stored(json!({"id": "conv_1"})));
    assert_eq!(stored(json!("conv_1")), Some(named_key("conv_1")));
}

#[test]
fn every_dialect_knows_its_openings() {
    let input = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    let responses = call(RESPONSES, &json!({"model": "m", "instructions": "s", "input": input})).conversation;
    assert!(responses.opening.is_some() && responses.answered);
    let plain = call(RESPONSES, &json!({"model": "m", "instructions": "s", "input": "a"})).conversation;
    assert_eq!(plain.opening, responses.opening);
    let contents = json!([{"parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]);
    let gemini = call(GENERATE, &json!({"contents": contents})).conversation;
    assert!(gemini.opening.is_some() && gemini.answered);
}

#[test]
fn a_long_opening_is_hashed_within_bounds() {
    let long = |end: &str| chat(json!([{"role": "user", "content": "x".repeat(100_000) + end}])).opening;
    assert_eq!(long("a"), long("b"));
}

#[test]
fn embedding_and_counting_are_no_turns() {
    let embed = call("/v1/embeddings", &json!({"model": "m", "input": "a"})).conversation;
    let count =
        call("/v1/messages/count_tokens", &json!({"model": "m", "messages": [{"role": "user", "content": "a"}]}));
    assert_eq!((embed, count.conversation), (Conversation::default(), Conversation::default()));
}
