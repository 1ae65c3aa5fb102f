//! One attempt: a request sent to one target, and its answer judged before the caller sees a byte of it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use sidegate_dialects::meter::{Framing, Meter};
use sidegate_dialects::verdict::{self, Answer, Verdict};
use sidegate_policy::{Class, Dialect, Fault, Reason, Streaming};

use super::deadline::Deadline;
use super::gate::{Held, hold};
use super::pool::{Lease, Unsendable};
use crate::armed::Armed;
use crate::prepare::{Outgoing, Target, asks_usage};
use crate::recognize::Asked;
use crate::sidecar::Sidecar;

/// What kind of failure it was, as far as what comes next depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing of the request left: no name, no connection, no TLS, or a stream refused unprocessed.
    Unsent,
    /// It may pass.
    Transient,
    /// A rate or a quota.
    Quota {
        /// Used up for good: waiting does not help this key.
        spent: bool,
    },
    /// The key was turned down.
    Auth,
    /// A redirect, never followed.
    Redirect,
}

/// An attempt that failed before anything reached the caller.
pub struct Failure {
    /// What kind.
    pub kind: Kind,
    /// How it is told when there is no answer to pass on.
    pub fault: Fault,
    /// The provider's own answer, where the caller may see it.
    pub response: Option<Box<Response>>,
    /// Status of the provider's answer.
    pub status: Option<u16>,
}

/// The provider's answer.
pub struct Response {
    /// Its head.
    pub head: Parts,
    /// What was read of its body, in order.
    pub held: Vec<Bytes>,
    /// The rest of its body; none if all of it is held.
    pub rest: Option<Incoming>,
    /// The connection, unless it has been given back.
    pub lease: Option<Lease>,
    /// Has seen nothing yet.
    pub meter: Meter,
    /// How the answer is divided.
    pub framing: Framing,
    /// The meter keeps the usage chunk from the caller.
    pub drops_usage: bool,
    /// When the provider has taken too long.
    pub deadline: Deadline,
}

impl Failure {
    pub(super) fn unsent(fault: Fault) -> Self {
        Self { kind: Kind::Unsent, fault, response: None, status: None }
    }

    pub(super) fn transient(fault: Fault) -> Self {
        Self { kind: Kind::Transient, fault, response: None, status: None }
    }
}

/// Sends `request` and judges the answer. `gated`: another attempt is possible, so that the beginning of a
/// successful answer is held back until it proves to be one.
///
/// # Errors
/// A [`Failure`], when the answer is not one that the caller should get if there is another way.
pub async fn attempt(
    sidecar: &Sidecar,
    armed: &Armed,
    asked: &Asked,
    (target, request): (&Target, Box<Request<Outgoing>>),
    gated: bool,
) -> Result<Box<Response>, Failure> {
    let (provider, ready) = (&armed.snapshot.providers[target.provider], &armed.providers[target.provider]);
    let call = &asked.call;
    let mut deadline = Deadline::new(&provider.timeouts, call.streaming.is_streamed());
    let (response, lease) = ready.pool.send(request, provider.timeouts.connect, &mut deadline).await.map_err(failed)?;
    let (head, body) = response.into_parts();
    let framing = framing(&head.headers, call.streaming);
    let drops_usage = asks_usage(asked) && framing == Framing::Sse;
    let mut meter = Meter::new(call.dialect, call.operation, framing, drops_usage);
    if asked.noted {
        meter.note(asked.captured);
    }
    let readable = !head.headers.contains_key(CONTENT_ENCODING);
    let judged = Judged { dialect: call.dialect, operation: call.operation, framing, head: &head };
    let held = if !head.status.is_success() || (gated && readable) {
        hold(body, &judged, &mut deadline).await.map_err(Failure::transient)?
    } else {
        Held { frames: Vec::new(), rest: Some(body), verdict: Verdict::Good }
    };
    let lease = lease.keep_while(held.rest.is_some());
    let verdict = held.verdict;
    let (held, rest) = (held.frames, held.rest);
    // Boxed once, because it is handed on several times.
    let response = Response { head, held, rest, lease, meter, framing, drops_usage, deadline };
    judge(verdict, Box::new(response), sidecar)
}

/// What the gate needs to know of an answer.
pub struct Judged<'a> {
    pub(super) dialect: Dialect,
    pub(super) operation: sidegate_policy::Operation,
    pub(super) framing: Framing,
    pub(super) head: &'a Parts,
}

fn framing(headers: &HeaderMap, asked: Streaming) -> Framing {
    let sse = headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/event-stream"));
    match asked {
        _ if sse => Framing::Sse,
        Streaming::JsonArray => Framing::JsonArray,
        _ => Framing::Json,
    }
}

fn failed(unsendable: Unsendable) -> Failure {
    if unsendable.sent { Failure::transient(unsendable.fault) } else { Failure::unsent(unsendable.fault) }
}

/// The answer, or the failure that it is.
fn judge(verdict: Verdict, response: Box<Response>, sidecar: &Sidecar) -> Result<Box<Response>, Failure> {
    let status = response.head.status;
    let told = |class, reason: Option<Reason>, text: &str| {
        let mut fault = Fault::provider(class, reason, format!("The provider answered {status}: {text}."));
        fault.retry_after = retry_after(&response, sidecar);
        fault
    };
    let (kind, fault) = match verdict {
        Verdict::Good | Verdict::Passed | Verdict::ContextTooLong | Verdict::ContentRefused => return Ok(response),
        Verdict::Transient if status.is_success() => (
            Kind::Transient,
            told(Class::ProviderTransient, Some(Reason::ErrorInSuccess), "an error in the place of an answer"),
        ),
        Verdict::Transient => {
            let reason = status.is_informational().then_some(Reason::BadResponse);
            (Kind::Transient, told(Class::ProviderTransient, reason, "it failed"))
        }
        Verdict::Quota { insufficient, .. } => {
            let reason = insufficient.then_some(Reason::CredentialsExhausted);
            (Kind::Quota { spent: insufficient }, told(Class::ProviderQuota, reason, "its rate or quota is used up"))
        }
        Verdict::Auth => {
            (Kind::Auth, told(Class::ProviderAuth, Some(Reason::CredentialsExhausted), "it turned the key down"))
        }
        Verdict::Redirect => (
            Kind::Redirect,
            told(Class::ProviderTransient, Some(Reason::UnexpectedRedirect), "a redirect, which is never followed"),
        ),
    };
    // A body about our key or account, and where a redirect leads, are not the caller's business; a switch of
    // protocols would be about a connection that is not the caller's.
    let private = matches!(kind, Kind::Auth | Kind::Redirect | Kind::Quota { spent: true });
    let passes = !private && !status.is_informational();
    Err(Failure { kind, fault, status: Some(status.as_u16()), response: passes.then_some(response) })
}

fn retry_after(response: &Response, sidecar: &Sidecar) -> Option<std::time::Duration> {
    let body = response.held.first().map_or(&[][..], |b| b);
    let now = u64::try_from(sidecar.clock.wall().as_second()).unwrap_or(0);
    verdict::retry_after(&response.head.headers, body, now)
}

/// Judges a whole answer, or its beginning.
#[must_use]
pub(super) fn whole(judged: &Judged<'_>, body: &[u8]) -> Verdict {
    verdict::verdict(judged.dialect, &Answer { status: judged.head.status, headers: &judged.head.headers, body })
}
