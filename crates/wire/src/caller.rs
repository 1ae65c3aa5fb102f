//! The caller, as a sidecar introduces itself.

use sidegate_policy::Caller;

use crate::v1;

/// The message for `caller`.
#[must_use]
pub fn encode_caller(caller: &Caller) -> v1::Caller {
    v1::Caller {
        namespace: caller.namespace.to_string(),
        service_account: caller.service_account.to_string(),
        workload: caller.workload.to_string(),
        pod: caller.pod.to_string(),
        labels: caller.labels.clone(),
    }
}

/// The caller of `message`. Any text will do; whether it may be believed is for the receiver to say.
#[must_use]
pub fn decode_caller(message: v1::Caller) -> Caller {
    Caller {
        namespace: message.namespace.into(),
        service_account: message.service_account.into(),
        workload: message.workload.into(),
        pod: message.pod.into(),
        labels: message.labels,
    }
}
