//! Pods as far as policy needs them, and the owners that lead from a pod to the workload that it is part of.
//!
//! Facts only: which policy they lead to is worked out elsewhere. A pod and its owners may come and go in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sidegate_policy::Caller;

use super::{Labels, Name};
use crate::problem::{Kind, ObjectName};

/// Owners of owners that are followed; a pod of a CronJob has two.
const MOST_STEPS: usize = 4;

/// The kinds of owner that lead to a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// Of a Deployment; no workload itself.
    ReplicaSet,
    /// Many alike.
    Deployment,
    /// Many with names of their own.
    StatefulSet,
    /// One on each node.
    DaemonSet,
    /// Until it is done.
    Job,
    /// A Job again and again.
    CronJob,
}

impl OwnerKind {
    /// Every kind, in a fixed order.
    pub const ALL: [Self; 6] =
        [Self::ReplicaSet, Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::Job, Self::CronJob];

    /// The kind that an owner reference names; other kinds, and kinds of the same name in other groups, lead nowhere.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == kind)?;
        (api_version.split_once('/').map(|(group, _)| group) == Some(known.group())).then_some(known)
    }

    /// The kind as it stands in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
        }
    }

    /// A workload as callers spell it, for example `deployment/checkout`; a ReplicaSet is none.
    fn workload(self, name: &str) -> Option<Arc<str>> {
        (self != Self::ReplicaSet).then(|| format!("{}/{name}", self.as_str().to_lowercase()).into())
    }
}

/// A reference to an owner in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnerRef {
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name.
    pub name: Arc<str>,
    /// Its identity: another object of the same name is another owner.
    pub uid: Arc<str>,
}

/// What is kept of a pod with a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its identity.
    pub uid: Arc<str>,
    /// Its labels.
    pub labels: Labels,
    /// Its ServiceAccount.
    pub service_account: Arc<str>,
    /// Its controlling owner.
    pub owner: Option<OwnerRef>,
}

/// What is kept of an object that owns pods, or owns what owns them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name.
    pub name: Arc<str>,
    /// Its identity.
    pub uid: Arc<str>,
    /// Its own controlling owner.
    pub owner: Option<OwnerRef>,
}

impl Owned {
    /// The name that such an object goes by in the index: `ReplicaSet/checkout-5d8f` of [`Kind::Owner`].
    #[must_use]
    pub fn object_name(kind: OwnerKind, namespace: &str, name: &str) -> ObjectName {
        ObjectName::new(Kind::Owner, namespace, format!("{}/{name}", kind.as_str()))
    }
}

/// Namespace, kind and name.
type OwnerKey = (Arc<str>, OwnerKind, Arc<str>);

/// Something that has an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Below {
    Pod(Name),
    Owner(OwnerKey),
}

/// Every pod and every owner.
#[derive(Default)]
pub(super) struct Pods {
    pods: BTreeMap<Name, PodFacts>,
    owners: BTreeMap<OwnerKey, Owned>,
    /// Who names an owner, whether or not there is one.
    below: HashMap<OwnerKey, BTreeSet<Below>>,
}

impl Pods {
    pub(super) fn count(&self) -> usize {
        self.pods.len()
    }

    /// Those of one namespace, or all.
    pub(super) fn count_of(&self, namespace: Option<&str>) -> usize {
        let Some(namespace) = namespace else { return self.count() };
        let from: Name = (namespace.into(), Arc::default());
        self.pods.range(from..).take_while(|((of, _), _)| **of == *namespace).count()
    }

    pub(super) fn count_owners(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn names(&self) -> Vec<ObjectName> {
        self.pods.keys().map(|(namespace, name)| ObjectName::new(Kind::Pod, namespace.clone(), name.clone())).collect()
    }

    pub(super) fn names_of_owners(&self) -> Vec<ObjectName> {
        self.owners.keys().map(|(namespace, kind, name)| Owned::object_name(*kind, namespace, name)).collect()
    }

    /// The pod of that name, as a caller.
    pub(super) fn caller(&self, name: &Name) -> Option<Caller> {
        let pod = self.pods.get(name)?;
        Some(Caller {
            namespace: pod.namespace.clone(),
            service_account: pod.service_account.clone(),
            workload: self.workload(pod),
            pod: pod.name.clone(),
            labels: pod.labels.clone(),
        })
    }

    pub(super) fn get(&self, name: &Name) -> Option<&PodFacts> {
        self.pods.get(name)
    }

    /// Takes a pod, and says whether that changed anything.
    pub(super) fn apply(&mut self, pod: PodFacts) -> bool {
        let name: Name = (pod.namespace.clone(), pod.name.clone());
        if self.pods.get(&name) == Some(&pod) {
            return false;
        }
        self.remove(&name);
        self.link(&pod.namespace, pod.owner.as_ref(), Below::Pod(name.clone()));
        self.pods.insert(name, pod);
        true
    }

    /// Forgets a pod, and says whether it was there.
    pub(super) fn remove(&mut self, name: &Name) -> bool {
        let Some(old) = self.pods.remove(name) else { return false };
        self.unlink(&old.namespace, old.owner.as_ref(), &Below::Pod(name.clone()));
        true
    }

    /// Takes an owner; the pods that may be of another workload now.
    pub(super) fn apply_owner(&mut self, owned: Owned) -> BTreeSet<Name> {
        let key: OwnerKey = (owned.namespace.clone(), owned.kind, owned.name.clone());
        if self.owners.get(&key) == Some(&owned) {
            return BTreeSet::new();
        }
        let old = self.take_owner(&key);
        let leads = owned.owner.is_some() || old.is_some_and(|old| old.owner.is_some());
        self.link(&owned.namespace, owned.owner.as_ref(), Below::Owner(key.clone()));
        self.owners.insert(key.clone(), owned);
        if leads { self.pods_below(&key) } else { BTreeSet::new() }
    }

    /// Forgets an owner; the pods that may be of another workload now.
    pub(super) fn remove_owner(&mut self, namespace: &str, name: &str) -> BTreeSet<Name> {
        let key = name.split_once('/').and_then(|(kind, name)| {
            let kind = OwnerKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
            Some((namespace.into(), kind, name.into()))
        });
        let old = key.as_ref().and_then(|key| self.take_owner(key));
        match key {
            Some(key) if old.is_some_and(|old| old.owner.is_some()) => self.pods_below(&key),
            _ => BTreeSet::new(),
        }
    }

    fn take_owner(&mut self, key: &OwnerKey) -> Option<Owned> {
        let old = self.owners.remove(key)?;
        self.unlink(&old.namespace, old.owner.as_ref(), &Below::Owner(key.clone()));
        Some(old)
    }

    fn link(&mut self, namespace: &Arc<str>, owner: Option<&OwnerRef>, below: Below) {
        if let Some(owner) = owner {
            self.below.entry((namespace.clone(), owner.kind, owner.name.clone())).or_default().insert(below);
        }
    }

    fn unlink(&mut self, namespace: &Arc<str>, owner: Option<&OwnerRef>, below: &Below) {
        let Some(owner) = owner else { return };
        let key: OwnerKey = (namespace.clone(), owner.kind, owner.name.clone());
        if let Some(all) = self.below.get_mut(&key) {
            all.remove(below);
            if all.is_empty() {
                self.below.remove(&key);
            }
        }
    }

    fn pods_below(&self, key: &OwnerKey) -> BTreeSet<Name> {
        let (mut found, mut level) = (BTreeSet::new(), vec![key]);
        for _ in 0..MOST_STEPS {
            let mut next = Vec::new();
            for below in level.iter().filter_map(|key| self.below.get(*key)).flatten() {
                match below {
                    Below::Pod(name) => drop(found.insert(name.clone())),
                    Below::Owner(key) => next.push(key),
                }
            }
            level = next;
        }
        found
    }

    /// The topmost owner that is a workload; empty when none is known.
    fn workload(&self, pod: &PodFacts) -> Arc<str> {
        let (mut top, mut link) = (Arc::default(), pod.owner.as_ref());
        for _ in 0..MOST_STEPS {
            let Some(owner) = link else { break };
            if let Some(workload) = owner.kind.workload(&owner.name) {
                top = workload;
            }
            let known = self.owners.get(&(pod.namespace.clone(), owner.kind, owner.name.clone()));
            link = known.filter(|known| known.uid == owner.uid).and_then(|known| known.owner.as_ref());
        }
        top
    }
}
