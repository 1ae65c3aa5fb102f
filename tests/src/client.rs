//! A plain HTTP client's view of an answer.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
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

/// A POST of JSON.
#[must_use]
pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert("host", http::HeaderValue::from_static("localhost:4777"));
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    headers.insert("authorization", http::HeaderValue::from_static("Bearer app-canary-key"));
    request
}

/// Reads a body of known bounds.
pub async fn whole(body: Incoming) -> Bytes {
    #[expect(clippy::disallowed_methods, reason = "it is limited")]
    Limited::new(body, MOST).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}
