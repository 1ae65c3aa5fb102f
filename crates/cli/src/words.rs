//! Values in the words that people write in objects: durations, shares, units, who calls.

use std::time::Duration;

use serde::Serialize;
use sidegate_policy::{Caller, Endpoint, Limit, Unit};

/// A duration as an object has it: `1h30m`, `1s500ms`; `0s` for none.
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    let parts =
        [(millis / 3_600_000, "h"), (millis / 60_000 % 60, "m"), (millis / 1000 % 60, "s"), (millis % 1000, "ms")];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A share in percent with at most one decimal: `33.3%`.
pub fn share(part: u32, whole: u64) -> String {
    let tenths = (u64::from(part) * 1000 + whole / 2).checked_div(whole).unwrap_or(0);
    match tenths % 10 {
        0 => format!("{}%", tenths / 10),
        decimal => format!("{}.{decimal}%", tenths / 10),
    }
}

/// What a limit allows: `600 requests in 1m`, `50 calls at once`.
pub fn amount(limit: &Limit) -> String {
    let (amount, window) = (limit.amount, duration(limit.window));
    match limit.unit {
        Unit::Requests => format!("{amount} requests in {window}"),
        Unit::InputTokens => format!("{amount} input tokens in {window}"),
        Unit::OutputTokens => format!("{amount} output tokens in {window}"),
        Unit::TotalTokens => format!("{amount} tokens in {window}"),
        Unit::ConcurrentRequests => format!("{amount} calls at once"),
    }
}

/// An endpoint as an object has it, without a port that goes without saying.
pub fn endpoint(endpoint: &Endpoint) -> String {
    let (scheme, usual) = if endpoint.tls { ("https", 443) } else { ("http", 80) };
    let host = if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.to_string() };
    let port = if endpoint.port == usual { String::new() } else { format!(":{}", endpoint.port) };
    format!("{scheme}://{host}{port}{}", endpoint.path)
}

/// Who calls, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// Namespace of the pod.
    pub namespace: String,
    /// ServiceAccount of the pod.
    pub service_account: String,
    /// What the pod is part of; none when it stands alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workload: String,
    /// Name of the pod; none where a workload or files were asked about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod: String,
    /// Labels of the pod.
    pub labels: std::collections::BTreeMap<String, String>,
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self {
            namespace: caller.namespace.to_string(),
            service_account: caller.service_account.to_string(),
            workload: caller.workload.to_string(),
            pod: caller.pod.to_string(),
            labels: caller.labels.clone(),
        }
    }
}

impl Who {
    /// `Pod shop/checkout-1 (deployment/checkout, ServiceAccount checkout)`
    pub fn tell(&self) -> String {
        let (name, rest) = match (self.pod.is_empty(), self.workload.is_empty()) {
            (false, false) => (&self.pod, format!("{}, ", self.workload)),
            (false, true) => (&self.pod, String::new()),
            (true, false) => (&self.workload, String::new()),
            (true, true) => return format!("A pod of ServiceAccount {}/{}", self.namespace, self.service_account),
        };
        let what = if self.pod.is_empty() { "A pod of" } else { "Pod" };
        format!("{what} {}/{name} ({rest}ServiceAccount {})", self.namespace, self.service_account)
    }
}

/// Notes below an answer.
pub fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let lines: String = notes.iter().map(|note| format!("  {note}\n")).collect();
    format!("\nNote\n{lines}")
}
