//! A spliced body, read by a strict reader, is the original with exactly the edits that were asked for.
//!
//! Input: one byte (which edits, which operation), a model's name up to a NUL, then the body.

#![no_main]

use bytes::Bytes;
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sidegate_dialects::recognize::{UsageOption, endpoint, recognize};
use sidegate_dialects::splice::{self, Edits};

const PATHS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/messages",
    "/openai/deployments/d/chat/completions",
];

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let Some(nul) = rest.iter().position(|b| *b == 0) else { return };
    let (Ok(name), body) = (std::str::from_utf8(&rest[..nul]), &rest[nul + 1..]) else { return };
    let path = PATHS[usize::from(first >> 2) % PATHS.len()];
    let headers = HeaderMap::new();
    let endpoint = endpoint(&Method::POST, path, None, &headers).expect("a served path");
    let Ok(found) = recognize(&endpoint, &headers, body, &[]) else { return };
    let Ok(mut expected) = serde_json::from_slice::<Value>(body) else { return };
    let body = Bytes::copy_from_slice(body);
    let edits = Edits { model: (first & 1 != 0).then_some(name), include_usage: first & 2 != 0 };
    let pieces = splice::body(&found.spans, &body, &edits);
    let length = pieces.len();
    let spliced: Vec<u8> = pieces.flat_map(|piece| piece.to_vec()).collect();
    assert_eq!(length, spliced.len());
    if let Some(model) = edits.model {
        expected["model"] = json!(model);
    }
    if edits.include_usage && found.spans.usage_option != UsageOption::NotApplicable {
        if !expected["stream_options"].is_object() {
            expected["stream_options"] = json!({});
        }
        expected["stream_options"]["include_usage"] = json!(true);
    }
    let got: Value = serde_json::from_slice(&spliced).expect("still JSON");
    assert_eq!(got, expected);
});
