//! The exit: every refusal and every fault, in the caller's own dialect.
//!
//! The words are the dialects' business; here they get the headers that are the same everywhere: the class,
//! our request id, whether a retry can help, and when.

use std::time::Duration;

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use sidegate_dialects::refuse::{self, Wording};
use sidegate_policy::{Class, Dialect, Fault, Reason, Refusal};

use crate::meter::CallBody;
use crate::reserve::tell_headroom;
use crate::settle::Settlement;

/// The class of a failure.
const ERROR: HeaderName = HeaderName::from_static("x-sidegate-error");
/// Whether an SDK's retry can help; `OpenAI`'s and Anthropic's SDKs obey it.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why a call stops without a provider's answer.
#[derive(Debug)]
pub enum Stop {
    /// Our policy, or the form of the call, says no.
    Refused(Refusal),
    /// Something broke.
    Failed(Fault),
    /// The caller is gone; nobody reads an answer.
    ClientLeft,
}

impl Stop {
    /// There is no policy to decide by.
    #[must_use]
    pub fn no_policy() -> Self {
        let message = "The sidecar has no policy yet: it has not heard from its control plane.";
        Self::Refused(Refusal::new(Class::ControlPlaneUnavailable, Reason::NoPolicy, message))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

/// The answer of a call that stops, settled.
pub fn refuse(stop: Stop, mut settlement: Settlement) -> Response<CallBody> {
    let (dialect, id) = match settlement.record() {
        Some(record) => (record.dialect.unwrap_or(Dialect::OpenAi), record.request_id.to_string()),
        None => (Dialect::OpenAi, String::new()),
    };
    let mut headers = HeaderMap::new();
    settlement.mark(&mut headers);
    let wording = match stop {
        Stop::ClientLeft => {
            settlement.cancelled();
            return Response::new(CallBody::whole(bytes::Bytes::new()));
        }
        Stop::Refused(refusal) => {
            let wording = refuse::refusal(dialect, &refusal, &id);
            describe(&mut headers, refusal.class, refusal.retry_after, &wording);
            if refusal.reason == Some(Reason::MethodNotAllowed) {
                headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
            }
            if refusal.class == Class::RateLimited {
                tell_room(&settlement, &mut headers);
            }
            settlement.refused(refusal, wording.status);
            wording
        }
        Stop::Failed(fault) => {
            let wording = refuse::fault(dialect, &fault, &id);
            describe(&mut headers, fault.class, fault.retry_after, &wording);
            settlement.failed(fault, wording.status);
            wording
        }
    };
    answer(wording, headers)
}

/// What room is left, for SDKs that pace themselves by it.
fn tell_room(settlement: &Settlement, headers: &mut HeaderMap) {
    if let Some(sidecar) = settlement.sidecar()
        && let Some(armed) = sidecar.armed.load_full()
    {
        tell_headroom(&sidecar, &armed, settlement.now(), headers);
    }
}

fn answer(wording: Wording, headers: HeaderMap) -> Response<CallBody> {
    let close = closes(wording.status);
    let mut response = Response::new(CallBody::whole(wording.body));
    *response.status_mut() = wording.status;
    *response.headers_mut() = headers;
    if close {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn describe(headers: &mut HeaderMap, class: Class, retry_after: Option<Duration>, wording: &Wording) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ERROR, HeaderValue::from_static(class.as_str()));
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(if wording.retry { "true" } else { "false" }));
    if let Some(wait) = retry_after {
        // Whole seconds, rounded up: earlier would be refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.max(1).into());
    }
}

/// After these the rest of the request is not read, so that the connection cannot be used again.
fn closes(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::METHOD_NOT_ALLOWED)
}
