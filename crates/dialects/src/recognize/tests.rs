use http::Method;
use serde_json::{Value, json};
use sidegate_policy::{Class, Reason};

use super::*;

mod bodies;
mod bounds;
mod conversation;
mod paths;

/// The endpoint of a POST to `path`.
fn at(path: &str) -> Endpoint {
    endpoint(&Method::POST, path, None, &HeaderMap::new()).unwrap_or_else(|r| panic!("{path}: {r:?}"))
}

fn read(path: &str, body: &str) -> Result<Recognized, Refusal> {
    recognize(&at(path), &HeaderMap::new(), body.as_bytes(), &[])
}

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";
const GENERATE: &str = "/v1beta/models/gemini-2.5-flash:generateContent";

fn call(path: &str, body: &Value) -> Call {
    read(path, &body.to_string()).unwrap_or_else(|r| panic!("{body}: {r:?}")).call
}

fn reason(path: &str, body: &str) -> Option<Reason> {
    match read(path, body) {
        Ok(_) => None,
        Err(refusal) => {
            assert_eq!(refusal.class, Class::RequestInvalid);
            refusal.reason
        }
    }
}
