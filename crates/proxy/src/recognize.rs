//! Step 2, recognize: from a request to a [`Call`] and its capped, original body.
//!
//! The form of the head is judged before the body is read, and nothing is held or sent for a call that is
//! not understood.

mod body;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use hyper::Request;
use hyper::body::{Body, Incoming};
use sidegate_dialects::content;
use sidegate_dialects::recognize as dialects;
use sidegate_dialects::recognize::{Endpoint, Recognized, Spans};
use sidegate_policy::{Call, Class, Operation, Reason, Refusal};

use crate::armed::Armed;
use crate::refuse::Stop;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// A call with everything that is needed to send it on.
pub struct Asked {
    /// What was asked for.
    pub call: Call,
    /// The head as it came.
    pub head: Parts,
    /// By path and shape.
    pub endpoint: Endpoint,
    /// Where in the body the fields stand that may be edited.
    pub spans: Spans,
    /// The body as it came.
    pub body: Bytes,
    /// What only a trace tells of the call is wanted.
    pub noted: bool,
    /// Bytes of the answer that a trace may hold, where policy captures content.
    pub captured: Option<usize>,
}

/// Understands a request.
pub async fn recognize(
    sidecar: &Arc<Sidecar>,
    armed: Option<&Armed>,
    request: Request<Incoming>,
    settlement: &mut Settlement,
) -> Result<Box<Asked>, Stop> {
    let (head, body) = request.into_parts();
    check_head(&head)?;
    let endpoint = dialects::endpoint(&head.method, head.uri.path(), head.uri.query(), &head.headers)?;
    settlement.endpoint(&endpoint);
    check_encoding(&head)?;
    let Some(place) = sidecar.enter() else {
        return Err(overloaded("The sidecar is at its limit of calls at once (--max-calls).").into());
    };
    settlement.hold(place);
    let body = if matches!(endpoint.operation, Operation::ListModels | Operation::GetModel) {
        Bytes::new()
    } else {
        body::read(body, sidecar.bounds.body_bytes, settlement).await?
    };
    let header_names = armed.map_or(&[][..], |a| &a.header_names);
    let noted = settlement.is_sampled();
    let mut captured = None;
    let Recognized { call, spans } = if noted {
        let (recognized, notes) = dialects::recognize_noting(&endpoint, &head.headers, &body, header_names)?;
        let most = armed.map(|a| &a.snapshot.telemetry.content).filter(|c| c.capture).map(|c| c.max_bytes as usize);
        captured = most;
        let prompt = most.map(|most| content::prompt(endpoint.dialect, endpoint.operation, &body, most));
        settlement.noted(notes, prompt);
        recognized
    } else {
        dialects::recognize(&endpoint, &head.headers, &body, header_names)?
    };
    settlement.recognized(&call, body.len());
    if let Some(armed) = armed {
        settlement.attributed(&armed.snapshot, &call);
    }
    // Boxed, because it is handed through several futures.
    Ok(Box::new(Asked { call, head, endpoint, spans, body, noted, captured }))
}

/// What HTTP allows and a sidecar does not.
fn check_head(head: &Parts) -> Result<(), Refusal> {
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        let message = format!("The method {} is not served here.", head.method);
        return Err(Refusal::new(Class::RequestInvalid, Reason::MethodNotAllowed, message));
    }
    // Some clients offer h2c by default and go on in HTTP/1.1 when it is ignored; another protocol was meant.
    let other = |v: &HeaderValue| !v.as_bytes().eq_ignore_ascii_case(b"h2c");
    if head.version < Version::HTTP_2 && head.headers.get_all(UPGRADE).iter().any(other) {
        let message = "Protocol upgrades, such as websockets, are not served.";
        return Err(Refusal::new(Class::RequestInvalid, Reason::UpgradeNotSupported, message));
    }
    Ok(())
}

fn check_encoding(head: &Parts) -> Result<(), Refusal> {
    match head.headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let message = "The request body is compressed; send it without Content-Encoding.";
            Err(Refusal::new(Class::RequestInvalid, Reason::UnsupportedEncoding, message))
        }
        _ => Ok(()),
    }
}

fn overloaded(message: &str) -> Refusal {
    Refusal::new(Class::GatewayInternal, Reason::Overloaded, message)
}

/// The length that a body declares, if it does.
fn declared(body: &Incoming) -> Option<u64> {
    body.size_hint().exact()
}
