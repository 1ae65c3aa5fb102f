//! One object, and what has to be said of it.

use serde_json::Value;

/// What has to be said of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Both take it.
    Taken,
    /// Both refuse it with these words.
    Refused(&'static str),
    /// Both refuse it: the server in its own words, because a bound or the shape is broken, the control plane in its.
    RefusedApart(&'static str, &'static str),
}

/// One object, and what has to be said of it.
#[derive(Debug, Clone)]
pub struct Case {
    pub namespace: &'static str,
    pub kind: &'static str,
    pub spec: Value,
    pub verdict: Verdict,
}

impl Case {
    pub fn provider(namespace: &'static str, spec: Value, verdict: Verdict) -> Self {
        Self { namespace, kind: "AIProvider", spec, verdict }
    }

    pub fn policy(namespace: &'static str, spec: Value, verdict: Verdict) -> Self {
        Self { namespace, kind: "AIPolicy", spec, verdict }
    }
}
