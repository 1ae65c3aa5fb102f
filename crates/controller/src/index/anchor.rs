//! Where policies and callers meet before anything is compared, so that neither is held against all of the others.
//!
//! Every caller that a policy selects has an anchor in common with it; not the other way round. A policy of the whole
//! cluster without a label to go by is anchored at everybody.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidegate_crds::policy::TargetKind;
use sidegate_crds::{AcceptedPolicy, Selector, Targeting};
use sidegate_policy::Caller;

use super::class::NAME_LABEL;

/// Something that a policy and the callers that it selects have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    Cluster,
    Namespace(Arc<str>),
    /// A ServiceAccount and its namespace.
    Account(Arc<str>, Arc<str>),
    /// A workload of any kind and its namespace.
    Workload(Arc<str>, Arc<str>),
    /// A pod's label, in one namespace or in any.
    Label(Option<Arc<str>>, String, String),
}

/// A caller as far as policy looks at it: not by the name of its pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts(Caller);

impl Facts {
    pub(super) fn of(caller: &Caller) -> Self {
        Self(Caller { pod: Arc::default(), ..caller.clone() })
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.0
    }

    pub(super) fn anchors(&self) -> Vec<Anchor> {
        let Caller { namespace, service_account, workload, labels, .. } = &self.0;
        let mut anchors = vec![
            Anchor::Cluster,
            Anchor::Namespace(namespace.clone()),
            Anchor::Account(namespace.clone(), service_account.clone()),
        ];
        if let Some((_, name)) = workload.split_once('/') {
            anchors.push(Anchor::Workload(namespace.clone(), name.into()));
        }
        for (key, value) in labels {
            anchors.push(Anchor::Label(None, key.clone(), value.clone()));
            anchors.push(Anchor::Label(Some(namespace.clone()), key.clone(), value.clone()));
        }
        anchors
    }
}

impl Hash for Facts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Caller { namespace, service_account, workload, pod: _, labels } = &self.0;
        (namespace, service_account, workload, labels).hash(state);
    }
}

/// The anchors of a policy: each caller that it selects has one of them.
pub(super) fn of_policy(policy: &AcceptedPolicy) -> Vec<Anchor> {
    let own = &policy.origin.namespace;
    match &policy.targeting {
        Targeting::Everything if policy.origin.platform => vec![Anchor::Cluster],
        Targeting::Everything => vec![Anchor::Namespace(own.clone())],
        Targeting::Refs(refs) => refs.iter().map(|(kind, name)| of_reference(*kind, own, name)).collect(),
        Targeting::Selectors { pods, namespaces } => {
            vec![of_selectors(pods.as_ref(), namespaces.as_ref(), (!policy.origin.platform).then_some(own))]
        }
    }
}

fn of_reference(kind: TargetKind, own: &Arc<str>, name: &Arc<str>) -> Anchor {
    match kind {
        TargetKind::Namespace => Anchor::Namespace(name.clone()),
        TargetKind::ServiceAccount => Anchor::Account(own.clone(), name.clone()),
        _ => Anchor::Workload(own.clone(), name.clone()),
    }
}

/// One label that must be there is enough to go by; `within` is the only namespace that is meant, if it is one.
fn of_selectors(pods: Option<&Selector>, namespaces: Option<&Selector>, within: Option<&Arc<str>>) -> Anchor {
    if let Some((key, value)) = pods.and_then(|s| s.match_labels.first_key_value()) {
        return Anchor::Label(within.cloned(), key.clone(), value.clone());
    }
    let named = namespaces.and_then(|s| s.match_labels.get(NAME_LABEL)).map(|name| Arc::from(name.as_str()));
    within.cloned().or(named).map_or(Anchor::Cluster, Anchor::Namespace)
}
