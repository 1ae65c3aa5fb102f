//! Step 4, reserve: room under every limit, all or none, before anything is sent.
//!
//! What a call takes once (a request, a place among the concurrent ones) is held at the door; what an
//! attempt takes (tokens) is held for each attempt. Holds belong to the [`Settlement`], which brings each to
//! exactly one end.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use sidegate_ledger::{Hold, Room, Shortfall, Tokens};
use sidegate_policy::{Call, Class, Refusal, Unit};

use crate::armed::{Armed, Place};
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// Holds what the call takes once.
///
/// # Errors
/// [`Class::RateLimited`], with the limit and the time when there will be room.
pub fn admit(sidecar: &Sidecar, armed: &Armed, settlement: &mut Settlement) -> Result<(), Refusal> {
    if !armed.limited {
        return Ok(());
    }
    let limits = &armed.snapshot.limits;
    let hold = sidecar.book().admit(limits, settlement.now()).map_err(|short| refusal(armed, short))?;
    settlement.hold_call(hold, &armed.snapshot);
    Ok(())
}

/// Holds what one attempt takes; none where no limit applies.
///
/// # Errors
/// As [`admit`].
pub fn hold_attempt(
    sidecar: &Sidecar,
    armed: &Armed,
    call: &Call,
    place: &Place,
    settlement: &mut Settlement,
) -> Result<Option<Hold>, Refusal> {
    let bound = bound(call, place);
    settlement.estimated(bound);
    if !armed.limited {
        return Ok(None);
    }
    let limits = &armed.snapshot.limits;
    sidecar.book().reserve(limits, bound, settlement.now()).map(Some).map_err(|short| refusal(armed, short))
}

/// An upper bound on the tokens of one attempt.
fn bound(call: &Call, place: &Place) -> Tokens {
    let output = if call.operation.generates() { call.bounds.output_tokens(place.max_output) } else { 0 };
    Tokens { input: call.bounds.input_tokens(place.context_window), output }
}

fn refusal(armed: &Armed, short: Shortfall) -> Refusal {
    let Some(limit) = armed.snapshot.limits.get(short.limit) else {
        return Refusal::new(Class::RateLimited, None, "A limit of this workload is used up.");
    };
    let what = match limit.unit {
        Unit::Requests => "requests",
        Unit::InputTokens => "input tokens",
        Unit::OutputTokens => "output tokens",
        Unit::TotalTokens => "tokens",
        Unit::ConcurrentRequests => "requests at once",
    };
    let over = if limit.unit == Unit::ConcurrentRequests { String::new() } else { format!(" in {:?}", limit.window) };
    let message = format!("The limit of {} {what}{over} for each pod is used up ({}).", limit.amount, limit.meta);
    let mut refusal = Refusal::new(Class::RateLimited, None, message).by(&limit.meta);
    refusal.retry_after = short.retry_after;
    refusal
}

/// Tells the room that is left, in the headers that SDKs read.
pub fn tell_headroom(sidecar: &Sidecar, armed: &Armed, now: Duration, headers: &mut HeaderMap) {
    if !armed.limited {
        return;
    }
    let headroom = sidecar.book().tightest(&armed.snapshot.limits, now);
    if let Some(room) = headroom.requests {
        tell(headers, &REQUESTS, &room);
    }
    if let Some(room) = headroom.tokens {
        tell(headers, &TOKENS, &room);
    }
}

/// Names of the headers about one unit: limit, remaining, reset.
type Names = [HeaderName; 3];
const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

fn tell(headers: &mut HeaderMap, names: &Names, room: &Room) {
    let [limit, remaining, reset] = names;
    let mut digits = itoa::Buffer::new();
    put(headers, limit, digits.format(room.limit).as_bytes());
    put(headers, remaining, digits.format(room.remaining).as_bytes());
    let mut text = Vec::with_capacity(32);
    duration(room.reset, &mut text);
    put(headers, reset, &text);
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: &[u8]) {
    // Digits and letters always make one.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name.clone(), value);
    }
}

/// As the providers write it: `120ms`, or seconds with a fraction (`1.5s`), rounded up, so that nobody comes back too
/// early.
fn duration(time: Duration, text: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let millis = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    if millis < 1000 {
        text.extend_from_slice(digits.format(millis).as_bytes());
        text.extend_from_slice(b"ms");
        return;
    }
    text.extend_from_slice(digits.format(millis / 1000).as_bytes());
    // With its leading zeros.
    let fraction = digits.format(1000 + millis % 1000).get(1..).unwrap_or_default().trim_end_matches('0');
    if !fraction.is_empty() {
        text.push(b'.');
        text.extend_from_slice(fraction.as_bytes());
    }
    text.push(b's');
}

#[cfg(test)]
mod tests;
