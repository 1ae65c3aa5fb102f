//! Which callers a policy applies to, and how closely it names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sidegate_policy::{Caller, Specificity};

use super::{AIPolicySpec, TargetKind, TargetRef};
use crate::admission::{OWN_NAMESPACE, PLATFORM_SELECTOR};
use crate::formats;
use crate::invalid::Report;
use crate::object::Origin;
use crate::selector::Selector;

const MOST_REFS: usize = 16;

/// Which callers a policy applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targeting {
    /// The whole cluster, or the policy's own namespace.
    Everything,
    /// The named objects.
    Refs(Vec<(TargetKind, Arc<str>)>),
    /// Pods and namespaces by label; what is absent selects everything.
    Selectors {
        /// Labels of the pod.
        pods: Option<Selector>,
        /// Labels of its namespace.
        namespaces: Option<Selector>,
    },
}

impl TargetKind {
    /// The kind's API group.
    fn group(self) -> &'static str {
        match self {
            Self::Namespace | Self::ServiceAccount => "",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
        }
    }

    /// The kind as it stands in a caller's workload, for example `deployment`.
    fn workload(self) -> Option<&'static str> {
        match self {
            Self::Namespace | Self::ServiceAccount => None,
            Self::Deployment => Some("deployment"),
            Self::StatefulSet => Some("statefulset"),
            Self::DaemonSet => Some("daemonset"),
            Self::Job => Some("job"),
            Self::CronJob => Some("cronjob"),
        }
    }
}

impl Targeting {
    /// How closely a policy with this targeting names `caller`; `None` if it does not apply. `namespace_labels` are
    /// those of the caller's namespace.
    #[must_use]
    pub fn selects(
        &self,
        origin: &Origin,
        caller: &Caller,
        namespace_labels: &BTreeMap<String, String>,
    ) -> Option<Specificity> {
        let own = caller.namespace == origin.namespace;
        match self {
            Self::Everything if origin.platform => Some(Specificity::Cluster),
            Self::Everything => own.then_some(Specificity::OwnNamespace),
            Self::Refs(refs) => refs.iter().filter_map(|(kind, name)| reference(*kind, name, own, caller)).max(),
            Self::Selectors { pods, namespaces } => {
                let here = own || origin.platform;
                let pod = pods.as_ref().is_none_or(|s| s.matches(&caller.labels));
                let namespace = namespaces.as_ref().is_none_or(|s| s.matches(namespace_labels));
                let closeness = if pods.is_some() { Specificity::PodSelector } else { Specificity::Namespace };
                (here && pod && namespace).then_some(closeness)
            }
        }
    }
}

/// A workload or ServiceAccount reference always means the policy's own namespace.
fn reference(kind: TargetKind, name: &str, own: bool, caller: &Caller) -> Option<Specificity> {
    match kind {
        TargetKind::Namespace => (*caller.namespace == *name).then_some(Specificity::Namespace),
        TargetKind::ServiceAccount => (own && *caller.service_account == *name).then_some(Specificity::ServiceAccount),
        workload => {
            let (kind, of) = caller.workload.split_once('/')?;
            (own && workload.workload() == Some(kind) && of == name).then_some(Specificity::Workload)
        }
    }
}

pub(super) fn read(spec: &AIPolicySpec, origin: &Origin, report: &mut Report) -> Targeting {
    let selectors = spec.pod_selector.is_some() || spec.namespace_selector.is_some();
    if let Some(selector) = &spec.pod_selector {
        selector.check("spec.podSelector", report);
    }
    if let Some(selector) = &spec.namespace_selector {
        selector.check("spec.namespaceSelector", report);
        report.check(origin.platform, "spec.namespaceSelector", PLATFORM_SELECTOR);
    }
    match &spec.target_refs {
        Some(refs) => {
            report.check(!selectors, "spec.targetRefs", super::REFS_OR_SELECTORS);
            read_refs(refs, origin, report)
        }
        None if selectors => {
            Targeting::Selectors { pods: spec.pod_selector.clone(), namespaces: spec.namespace_selector.clone() }
        }
        None => Targeting::Everything,
    }
}

fn read_refs(refs: &[TargetRef], origin: &Origin, report: &mut Report) -> Targeting {
    report.check(!refs.is_empty(), "spec.targetRefs", "must name something, or be left out for everything");
    report.at_most("spec.targetRefs", refs, MOST_REFS);
    for (at, r) in refs.iter().enumerate() {
        let field = format!("spec.targetRefs[{at}]");
        report.take(format!("{field}.name"), formats::object_name(&r.name));
        let group = r.kind.group();
        let agrees = r.group.as_deref().is_none_or(|g| g == group);
        report.check(agrees, format!("{field}.group"), format!("must be {group:?} for this kind, or left out"));
        let foreign = r.kind == TargetKind::Namespace && !origin.platform && *r.name != *origin.namespace;
        report.check(!foreign, format!("{field}.name"), OWN_NAMESPACE);
    }
    Targeting::Refs(refs.iter().map(|r| (r.kind, r.name.as_str().into())).collect())
}
