//! Request headers that were not sent on, by name. The names come from callers, so only those of this list
//! have a counter of their own; it is looked up without an allocation, because most calls strip a few.

use std::borrow::Cow;

use crate::instrument::{Capped, Counter, Register};
use crate::names::{label, metric};

/// Names with a counter of their own. Of mostly different lengths, so that a scan beats a search.
const NAMES: [&str; 28] = [
    "accept-encoding",
    "api-key",
    "authorization",
    "baggage",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-api-key",
    "x-forwarded-for",
    "x-goog-api-key",
    "x-real-ip",
    "x-request-id",
];

/// A counter for each name, and one for all others.
#[derive(Debug)]
pub(super) struct Headers {
    known: [Counter; NAMES.len()],
    other: Counter,
}

impl Headers {
    pub(super) fn register(register: &mut Register) -> Self {
        let family = Capped::new([label::HEADER], NAMES.len() + 1, Counter::default);
        let family = register.add(metric::STRIPPED_HEADERS, "Request headers that were not sent on, by name", family);
        let of = |name: &'static str| family.get([Cow::Borrowed(name)]);
        Self { known: NAMES.map(of), other: of(label::OTHER) }
    }

    pub(super) fn stripped(&self, name: &str) {
        let known = NAMES.iter().position(|known| *known == name).and_then(|at| self.known.get(at));
        known.unwrap_or(&self.other).inc();
    }
}
