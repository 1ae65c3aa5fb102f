//! A plain HTTP client's view of an answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;

/// Bytes of an answer that a test reads at most.
const MOST: usize = 256 << 20;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Head.
    pub headers: HeaderMap,
    /// Body, as far as it came.
    pub body: Bytes,
    /// The body came to its end.
    pub complete: bool,
}

impl Answer {
    /// Reads an answer to its end, or to where it breaks.
    pub async fn read(response: Response<Incoming>) -> Self {
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let complete = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |d| d)),
            }
            assert!(bytes.len() < MOST, "the answer does not end");
        };
        Self { status: head.status, headers: head.headers, body: bytes.into(), complete }
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or("(not UTF-8)")
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The data of each event of a stream, in order.
    #[must_use]
    pub fn events(&self) -> Vec<&str> {
        self.text().lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).collect()
    }

    /// The class of the failure that the sidecar tells; empty if it tells none.
    #[must_use]
    pub fn class(&self) -> &str {
        self.header("x-sidegate-error")
    }

    /// A header's value; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }
}

/// A chat completions request for `model`; `more` are further members, each with a leading comma.
#[must_use]
pub fn chat(model: &str, more: &str) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]{more}}}"#);
    post("/v1/chat/completions", body)
}

/// A messages request for `model`; `more` are further members, each with a leading comma.
#[must_use]
pub fn message(model: &str, more: &str) -> Request<Full<Bytes>> {
    let turn = r#"{"role":"user","content":"hello"}"#;
    let body = format!(r#"{{"model":"{model}","max_tokens":200,"messages":[{turn}]{more}}}"#);
    let mut request = post("/v1/messages", body);
    request.headers_mut().insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    request
}

/// A request to generate content with `model`; `verb` is what stands behind the colon.
#[must_use]
pub fn generate(model: &str, verb: &str) -> Request<Full<Bytes>> {
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}"#;
    post(&format!("/v1beta/models/{model}:{verb}"), body)
}

/// The same request with one more header.
///
/// # Panics
/// When it is no header.
#[must_use]
pub fn with(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap_or_else(|e| panic!("{e}"));
    request.headers_mut().append(name, value);
    request
}

/// A POST of JSON.
#[must_use]
pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("localhost:4777"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("authorization", HeaderValue::from_static("Bearer app-canary-key"));
    request
}

/// Reads a body of known bounds.
pub async fn whole(body: Incoming) -> Bytes {
    #[expect(clippy::disallowed_methods, reason = "it is limited")]
    Limited::new(body, MOST).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}
