//! Who calls: the workload identity that the control plane knows the sidecar by. Headers are never identity.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The pod on whose behalf a sidecar speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Namespace of the pod.
    pub namespace: Arc<str>,
    /// ServiceAccount of the pod.
    pub service_account: Arc<str>,
    /// What the pod is part of, as `deployment/checkout`; empty when it stands alone.
    pub workload: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// Labels of the pod.
    pub labels: BTreeMap<String, String>,
}
