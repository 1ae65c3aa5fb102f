//! What the beginning of an answer means that came with a good status: the gate before anything is committed
//! to the caller asks here.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use sidegate_policy::{Dialect, Operation};

use super::{Verdict, body};
use crate::meter::{Framing, Meter, Seen, Terminal};

/// The verdict on the beginning of a stream; none while no whole meaningful event is in it.
///
/// Meaningful is text, reasoning or a call of a tool, and a reason for the end. What only opens a stream (a
/// role, an id, a ping, a filter's result) is not: an error may still follow it.
#[must_use]
pub fn first_event_verdict(dialect: Dialect, operation: Operation, head_of_stream: &[u8]) -> Option<Verdict> {
    let head = head_of_stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head_of_stream);
    let start = head.iter().position(|b| !b.is_ascii_whitespace())?;
    match head.get(start)? {
        b'<' => Some(Verdict::Transient),
        b'{' => of_body(dialect, head),
        b'[' => of_seen(&metered(dialect, operation, Framing::JsonArray, head), || body::error(head)),
        _ => of_seen(&metered(dialect, operation, Framing::Sse, head), || error_event(head)),
    }
}

/// The verdict on a stream that came to its end before it said anything; the operation is not known.
pub(super) fn whole_stream(dialect: Dialect, stream: &[u8]) -> Verdict {
    let operations: &[Operation] = match dialect {
        Dialect::OpenAi => &[Operation::ChatCompletions, Operation::Responses],
        Dialect::Anthropic => &[Operation::Messages],
        Dialect::Gemini => &[Operation::GenerateContent],
    };
    let verdicts = operations.iter().filter_map(|op| first_event_verdict(dialect, *op, stream));
    verdicts.reduce(|a, b| if a == Verdict::Transient { b } else { a }).unwrap_or(Verdict::Transient)
}

fn metered(dialect: Dialect, operation: Operation, framing: Framing, head: &[u8]) -> Seen {
    let mut meter = Meter::new(dialect, operation, framing, false);
    meter.feed(Bytes::copy_from_slice(head), &mut |_| ());
    meter.seen().clone()
}

fn of_seen(seen: &Seen, error: impl Fn() -> Option<body::Said>) -> Option<Verdict> {
    if seen.meaningful > 0 {
        return Some(Verdict::Good);
    }
    if let Some(first) = &seen.first_error {
        let said = error().unwrap_or_else(|| body::Said::words(&first.kind, &first.code));
        return Some(body::meaning(&said).unwrap_or(Verdict::Transient));
    }
    if seen.finish.is_some() {
        return Some(Verdict::Good);
    }
    // It came to its end and said nothing.
    (seen.terminal != Terminal::None).then_some(Verdict::Transient)
}

/// One JSON body where a stream was asked for.
fn of_body(dialect: Dialect, head: &[u8]) -> Option<Verdict> {
    match serde_json::from_slice::<Value>(head) {
        Ok(value) => Some(body::of_success(dialect, &value).unwrap_or(Verdict::Good)),
        Err(error) if error.is_eof() => None,
        Err(_) => Some(Verdict::Transient),
    }
}

/// The error in the first event that has one.
fn error_event(head: &[u8]) -> Option<body::Said> {
    let lines = head.split(|b| matches!(b, b'\n' | b'\r'));
    lines.filter_map(|line| line.strip_prefix(b"data:")).find_map(body::error)
}

/// A page for people where an API's answer was expected.
pub(super) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    has_type(headers, b"text/html") || body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<')
}

/// Whether an answer says that it is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    has_type(headers, b"text/event-stream")
}

fn has_type(headers: &HeaderMap, mime: &[u8]) -> bool {
    let value = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    value.get(..mime.len()).is_some_and(|start| start.eq_ignore_ascii_case(mime))
}
