//! Which objects meet at a caller. Callers at whom the same objects meet in the same order, and whose pods have the same
//! values of the labels that these objects tell, are one class, and have one effective policy, worked out when it is
//! asked for and forgotten when one of its objects changes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sidegate_crds::Access;
use sidegate_policy::{Caller, Specificity};

use super::anchor::Facts;
use super::effective::Effective;
use super::subjects::GroupId;
use super::telemetry::{self, ToldLabels};
use super::{ClassId, Index, Labels, Name, ProviderEntry};

/// The label that every namespace has.
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which objects meet at a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class {
    /// Policies, highest rank first.
    pub(super) policies: Vec<(Name, Specificity)>,
    /// Providers that it may use: own namespace first, then the oldest, then by name.
    pub(super) providers: Arc<[Name]>,
    /// Labels of its pod that the policies tell.
    pub(super) labels: ToldLabels,
}

/// A class that has members.
pub(super) struct ClassEntry {
    pub(super) class: Arc<Class>,
    pub(super) groups: BTreeSet<GroupId>,
    /// None since one of its objects changed.
    pub(super) effective: Option<Arc<Effective>>,
}

/// Every class that has members.
#[derive(Default)]
pub(super) struct Classes {
    next: u64,
    by_class: HashMap<Arc<Class>, ClassId>,
    pub(super) all: BTreeMap<ClassId, ClassEntry>,
    by_policy: HashMap<Name, BTreeSet<ClassId>>,
    by_provider: HashMap<Name, BTreeSet<ClassId>>,
}

impl Classes {
    /// The class of these objects, if it has members.
    pub(super) fn find(&self, class: &Class) -> Option<ClassId> {
        self.by_class.get(class).copied()
    }

    /// The classes that a policy is in.
    pub(super) fn with_policy(&self, name: &Name) -> BTreeSet<ClassId> {
        self.by_policy.get(name).cloned().unwrap_or_default()
    }

    /// The classes that may use a provider.
    pub(super) fn with_provider(&self, name: &Name) -> BTreeSet<ClassId> {
        self.by_provider.get(name).cloned().unwrap_or_default()
    }

    /// Takes a group into the class of these objects.
    pub(super) fn join(&mut self, group: GroupId, class: Class) -> ClassId {
        let id = self.find(&class).unwrap_or_else(|| self.found(class));
        if let Some(entry) = self.all.get_mut(&id) {
            entry.groups.insert(group);
        }
        id
    }

    /// Lets a group go; a class without groups is no more.
    pub(super) fn leave(&mut self, group: GroupId, id: ClassId) {
        let Some(entry) = self.all.get_mut(&id) else { return };
        entry.groups.remove(&group);
        if !entry.groups.is_empty() {
            return;
        }
        let class = entry.class.clone();
        self.all.remove(&id);
        self.by_class.remove(&class);
        for (name, _) in &class.policies {
            forget(&mut self.by_policy, name, &id);
        }
        for name in class.providers.iter() {
            forget(&mut self.by_provider, name, &id);
        }
    }

    fn found(&mut self, class: Class) -> ClassId {
        let (id, class) = (ClassId(self.next), Arc::new(class));
        self.next += 1;
        for (name, _) in &class.policies {
            self.by_policy.entry(name.clone()).or_default().insert(id);
        }
        for name in class.providers.iter() {
            self.by_provider.entry(name.clone()).or_default().insert(id);
        }
        self.by_class.insert(class.clone(), id);
        self.all.insert(id, ClassEntry { class, groups: BTreeSet::new(), effective: None });
        id
    }
}

/// Takes one entry out of a set of a map, and the set with its last.
pub(super) fn forget<K: Eq + std::hash::Hash, V: Ord>(map: &mut HashMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

impl Index {
    /// Which objects meet at whoever has these facts.
    pub(super) fn class_of(&mut self, facts: &Facts) -> Class {
        let caller = facts.caller();
        let labels = self.labels_of(&caller.namespace);
        let anchors = facts.anchors();
        let mut policies: Vec<_> = anchors
            .iter()
            .filter_map(|anchor| self.anchored.get(anchor))
            .flatten()
            .filter_map(|name| {
                let policy = self.policies.get(name)?;
                let closeness = policy.targeting.selects(&policy.origin, caller, &labels)?;
                Some((Reverse(closeness), policy.origin.created, name))
            })
            .collect();
        policies.sort();
        // Met at two anchors, it is still one.
        policies.dedup();
        let policies: Vec<_> = policies.into_iter().map(|(closeness, _, name)| (name.clone(), closeness.0)).collect();
        let known = policies.iter().filter_map(|(name, _)| self.policies.get(name));
        let told = known.flat_map(|policy| telemetry::labels_told(policy, &caller.labels)).collect();
        Class { policies, providers: self.providers_for(caller, &labels), labels: told }
    }

    /// The providers that pods of a namespace may use, in order.
    fn providers_for(&mut self, caller: &Caller, labels: &Labels) -> Arc<[Name]> {
        if let Some(known) = self.usable.get(&caller.namespace) {
            return known.clone();
        }
        let platform = self.providers_in(&self.control_namespace);
        let own = self.providers_in(&caller.namespace).filter(|_| caller.namespace != self.control_namespace);
        let mut providers: Vec<_> = platform
            .chain(own)
            .filter(|(_, entry)| entry.serves(caller, labels))
            .map(|(name, entry)| (name.0 != caller.namespace, entry.accepted.origin.created, &name.1, &name.0))
            .collect();
        providers.sort();
        let providers: Arc<[Name]> =
            providers.into_iter().map(|(.., name, namespace)| (namespace.clone(), name.clone())).collect();
        self.usable.insert(caller.namespace.clone(), providers.clone());
        providers
    }

    fn providers_in<'a>(&'a self, namespace: &'a Arc<str>) -> impl Iterator<Item = (&'a Name, &'a ProviderEntry)> {
        let first: Name = (namespace.clone(), Arc::default());
        self.providers.range(first..).take_while(move |(name, _)| name.0 == *namespace)
    }

    /// The labels of a namespace; its name is one even if nothing else is known of it.
    fn labels_of(&self, namespace: &str) -> Labels {
        let mut labels = self.namespaces.get(namespace).cloned().unwrap_or_else(BTreeMap::new);
        labels.insert(NAME_LABEL.to_owned(), namespace.to_owned());
        labels
    }
}

impl ProviderEntry {
    fn serves(&self, caller: &Caller, labels: &Labels) -> bool {
        let origin = &self.accepted.origin;
        if caller.namespace == origin.namespace {
            // A selector chooses among namespaces, its own included; without one the own namespace is always served.
            return !matches!(&self.accepted.access, Access::Selector(s) if !s.matches(labels));
        }
        origin.platform
            && match &self.accepted.access {
                Access::Same => false,
                Access::All => true,
                Access::Selector(selector) => selector.matches(labels),
            }
    }
}
