//! A fault after the head of the answer has gone: said in the stream itself, and never followed by the
//! dialect's own good end.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use sidegate_policy::{Dialect, Fault, Operation};

use super::Failure;
use crate::meter::Framing;

/// The bytes that tell the caller of `fault` inside its stream. `mid_event` says that the last event that was
/// sent is not complete: it is ended first, so that what follows is an event of its own.
///
/// Empty for an answer that is one JSON body: nothing can be said inside it.
#[must_use]
#[expect(
    clippy::too_many_arguments,
    reason = "what the caller speaks is three of them, and a type for it would be used once"
)]
pub fn error_event(
    dialect: Dialect,
    operation: Operation,
    framing: Framing,
    fault: &Fault,
    request_id: &str,
    mid_event: bool,
) -> Bytes {
    let failure = Failure::of_fault(fault, request_id);
    let status = failure.status();
    let body = failure.body(dialect, status);
    match framing {
        Framing::Json => Bytes::new(),
        Framing::JsonArray if mid_event => format!("\n{body}").into(),
        Framing::JsonArray => format!(",\n{body}\n]").into(),
        Framing::Sse => {
            let end = if mid_event { "\n\n" } else { "" };
            match (dialect, operation) {
                (Dialect::OpenAi, Operation::Responses) => {
                    format!("{end}event: error\ndata: {}\n\n", of_responses(&failure, status, &body)).into()
                }
                (Dialect::Anthropic, _) => format!("{end}event: error\ndata: {body}\n\n").into(),
                _ => format!("{end}data: {body}\n\n").into(),
            }
        }
    }
}

/// The event is documented flat; with the same error as an object in it the SDKs raise instead of handing it on.
fn of_responses(failure: &Failure<'_>, status: StatusCode, body: &Value) -> Value {
    json!({
        "type": "error",
        "code": failure.class.as_str(),
        "message": failure.message,
        "param": null,
        "sequence_number": 0,
        "status": status.as_u16(),
        "error": body.get("error"),
    })
}
