//! Which objects meet at a caller. Callers at whom the same objects meet in the same order are one class, and have one
//! effective policy.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sidegate_crds::Access;
use sidegate_policy::{Caller, Specificity};

use super::{Index, Labels, Name, ProviderEntry};

/// The label that every namespace has.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which objects meet at a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Class {
    /// Policies, highest rank first.
    pub(super) policies: Vec<(Name, Specificity)>,
    /// Providers that it may use: own namespace first, then the oldest, then by name.
    pub(super) providers: Vec<Name>,
}

impl Index {
    pub(super) fn class_of(&self, caller: &Caller) -> Class {
        let labels = self.labels_of(&caller.namespace);
        let mut policies: Vec<_> = self
            .policies
            .iter()
            .filter_map(|(name, policy)| {
                let closeness = policy.targeting.selects(&policy.origin, caller, &labels)?;
                Some((Reverse(closeness), policy.origin.created, name))
            })
            .collect();
        policies.sort();
        let mut providers: Vec<_> = self
            .providers
            .iter()
            .filter(|(_, entry)| entry.serves(caller, &labels))
            .map(|(name, entry)| (name.0 != caller.namespace, entry.accepted.origin.created, &name.1, &name.0))
            .collect();
        providers.sort();
        Class {
            policies: policies.into_iter().map(|(closeness, _, name)| (name.clone(), closeness.0)).collect(),
            providers: providers.into_iter().map(|(.., name, namespace)| (namespace.clone(), name.clone())).collect(),
        }
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
