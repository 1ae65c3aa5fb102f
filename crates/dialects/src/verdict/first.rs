//! What the beginning of an answer means that came with a good status.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use sidegate_policy::{Dialect, Operation};

use super::Verdict;
use super::body;

/// The verdict on the beginning of a stream; none while no whole meaningful event is in it.
#[must_use]
pub fn first_event_verdict(dialect: Dialect, _operation: Operation, head_of_stream: &[u8]) -> Option<Verdict> {
    let head = head_of_stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head_of_stream);
    let start = head.iter().position(|b| !b.is_ascii_whitespace())?;
    match head.get(start)? {
        b'<' => Some(Verdict::Transient),
        b'{' => {
            let value: Value = serde_json::from_slice(head).ok()?;
            Some(body::error_in(&value).and_then(|e| body::meaning(dialect, &e)).unwrap_or(Verdict::Transient))
        }
        b'[' => Some(Verdict::Good),
        _ => in_events(dialect, head),
    }
}

fn in_events(dialect: Dialect, head: &[u8]) -> Option<Verdict> {
    let text = String::from_utf8_lossy(head).replace("\r\n", "\n");
    let (whole, _) = text.rsplit_once("\n\n")?;
    for event in whole.split("\n\n") {
        let data: String = event.lines().filter_map(|l| l.strip_prefix("data:")).collect();
        let Ok(value) = serde_json::from_str::<Value>(data.trim()) else { continue };
        if let Some(error) = body::error_in(&value) {
            return Some(body::meaning(dialect, &error).unwrap_or(Verdict::Transient));
        }
        return Some(Verdict::Good);
    }
    None
}

/// A page for people where an API's answer was expected.
pub(super) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let html = headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    html || body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<')
}
