//! Recognition against a strict reader of the same body: it never panics, refuses what is no JSON object with
//! a model, and where it agrees to a body, both read the same model, stream and limits.
//!
//! Input: one byte for the endpoint, then the body.

#![no_main]

use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sidegate_dialects::recognize::{Endpoint, endpoint, recognize};
use sidegate_dialects::verdict::{first_event_verdict, retry_after};
use sidegate_policy::{Dialect, Operation};

const PATHS: [&str; 9] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1beta/models/gemini-2.5-flash:generateContent",
    "/v1beta/models/gemini-2.5-flash:batchEmbedContents",
    "/v1/messages/count_tokens",
    "/openai/deployments/d/chat/completions",
];

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    if let Ok(path) = std::str::from_utf8(body) {
        let _ = endpoint(&Method::POST, path, Some(path), &HeaderMap::new());
        let _ = endpoint(&Method::GET, path, None, &HeaderMap::new());
    }
    let path = PATHS[usize::from(*first) % PATHS.len()];
    let headers = HeaderMap::new();
    let endpoint = endpoint(&Method::POST, path, None, &headers).expect("a served path");
    let _ = first_event_verdict(endpoint.dialect, endpoint.operation, body);
    let _ = retry_after(&headers, body, 0);
    let found = recognize(&endpoint, &headers, body, &[]);
    let strict = serde_json::from_slice::<Value>(body).ok();
    match (found, strict) {
        (Ok(found), Some(value)) => {
            let object = value.as_object().expect("only objects are recognised");
            if endpoint.dialect != Dialect::Gemini {
                let of_path = endpoint.model.as_deref();
                assert_eq!(of_path.or_else(|| object["model"].as_str()), Some(&*found.call.model));
                let streamed = object.get("stream").and_then(Value::as_bool).unwrap_or(false);
                assert_eq!(found.call.streaming.is_streamed(), streamed);
            }
            let limit = limit(&endpoint, &value);
            if let Some(limit) = limit {
                assert!(found.call.bounds.max_output >= Some(limit));
            }
        }
        (Err(_), Some(value)) if endpoint.dialect != Dialect::Gemini => {
            // What a strict reader takes is refused for a reason only.
            let plain = value.as_object().is_some_and(|o| o.len() == 1 && o.contains_key("model"));
            let name = value["model"].as_str().unwrap_or_default();
            let sound = !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
            let twice = colons(body) > 1;
            assert!(!(plain && sound) || twice);
        }
        _ => {}
    }
});

/// Colons are an upper bound on keys.
fn colons(body: &[u8]) -> usize {
    body.iter().filter(|b| **b == b':').count()
}

fn limit(endpoint: &Endpoint, value: &Value) -> Option<u64> {
    let field = match endpoint.operation {
        Operation::Messages => &value["max_tokens"],
        Operation::ChatCompletions => &value["max_completion_tokens"],
        Operation::Responses => &value["max_output_tokens"],
        Operation::GenerateContent => &value["generationConfig"]["maxOutputTokens"],
        _ => return None,
    };
    field.as_u64().filter(|n| *n > 0)
}
