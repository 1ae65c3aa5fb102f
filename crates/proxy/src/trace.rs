//! W3C Trace Context at both ends: taken from the caller, told to those upstream who may know it.
//!
//! <https://www.w3.org/TR/trace-context/>. A provider outside learns nothing of our traces unless policy names its host.
//! Baggage never leaves: an application may put anything into it.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use sidegate_policy::Glob;
use sidegate_telemetry::TraceContext;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `tracestate` that goes on; a longer one is left out whole, because its end may not be cut off.
const MAX_STATE: usize = 512;
/// Entries of it.
const MAX_ENTRIES: usize = 32;

/// Where the caller is; none where it says nothing, says it twice, or says it wrongly.
#[must_use]
pub fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let said = headers.get(TRACE_PARENT)?;
    let twice = headers.get_all(TRACE_PARENT).iter().nth(1).is_some();
    if twice { None } else { TraceContext::parse(said.as_bytes()) }
}

/// The caller's `tracestate`, its lines joined; none where there is none that may go on.
#[must_use]
pub fn state(headers: &HeaderMap) -> Option<Box<str>> {
    let mut joined = String::new();
    for line in headers.get_all(TRACE_STATE) {
        let line = line.to_str().ok()?.trim();
        if !line.is_empty() {
            joined.push_str(if joined.is_empty() { "" } else { "," });
            joined.push_str(line);
        }
        if joined.len() > MAX_STATE {
            return None;
        }
    }
    let entries = joined.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let well_formed = entries.clone().all(|entry| entry.split_once('=').is_some_and(|(key, _)| !key.is_empty()));
    (!joined.is_empty() && well_formed && entries.count() <= MAX_ENTRIES).then(|| joined.into())
}

/// Whether a host is told: those in the cluster, the pod itself, and those that policy names.
#[must_use]
pub fn goes_to(host: &str, named: &[Glob]) -> bool {
    let host = host.trim_end_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_loopback
        || host.ends_with(".svc")
        || host.ends_with(".svc.cluster.local")
        || named.iter().any(|glob| glob.matches(&host))
}

/// Whether a header is about the trace, and written anew where it goes on.
#[must_use]
pub fn is_context(name: &HeaderName) -> bool {
    name == TRACE_PARENT || name == TRACE_STATE
}

/// Writes a context into the head of a request.
pub fn tell(context: &TraceContext, state: Option<Box<str>>, headers: &mut HeaderMap) {
    // Digits and dashes always make one.
    if let Ok(value) = HeaderValue::from_bytes(&context.to_header()) {
        headers.insert(TRACE_PARENT, value);
    }
    if let Some(value) = state.and_then(|state| HeaderValue::from_str(&state).ok()) {
        headers.insert(TRACE_STATE, value);
    }
}
