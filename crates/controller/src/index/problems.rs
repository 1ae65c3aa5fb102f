//! What is wrong with the objects in the index: refused ones, and references that lead nowhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use sidegate_crds::{AcceptedPolicy, Invalid};

use super::{ClassId, Conflict, Effective, Index, ProviderEntry};
use crate::problem::{Kind, ObjectName, Problem};

impl Index {
    /// All that is wrong, without the conflicts, which depend on who calls.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (name, refused) in &self.refused {
            found.extend(refused.why.iter().map(|i| Problem::of(name.clone(), &*i.field, &*i.message)));
        }
        self.unresolved_of_providers(&mut found);
        self.unresolved_of_policies(&mut found);
        found
    }

    /// Objects that are refused as they are written; their last good version stays where there was one.
    pub fn refused(&self) -> impl Iterator<Item = &ObjectName> {
        self.refused.keys()
    }

    /// Conflicts in the effective policies that are in use.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Problem> {
        let all: BTreeSet<&Conflict> = self.built().flat_map(|e| &e.conflicts).collect();
        all.into_iter().map(Problem::from).collect()
    }

    /// The classes that connected sidecars or pods are in.
    pub fn classes(&self) -> Vec<ClassId> {
        self.classes.all.keys().copied().collect()
    }

    /// The effective policies that are worked out now.
    fn built(&self) -> impl Iterator<Item = &Arc<Effective>> {
        self.classes.all.values().filter_map(|entry| entry.effective.as_ref()).chain(self.asked.values())
    }

    fn unresolved_of_providers(&self, found: &mut Vec<Problem>) {
        for (name, entry) in &self.providers {
            let object = || ObjectName::new(Kind::AiProvider, name.0.clone(), name.1.clone());
            found.extend(
                self.unresolved_of_provider(entry).into_iter().map(|i| Problem::of(object(), i.field, i.message)),
            );
        }
    }

    fn unresolved_of_policies(&self, found: &mut Vec<Problem>) {
        for (name, policy) in &self.policies {
            let object = || ObjectName::new(Kind::AiPolicy, name.0.clone(), name.1.clone());
            found.extend(
                self.unresolved_of_policy(policy).into_iter().map(|i| Problem::of(object(), i.field, i.message)),
            );
        }
    }

    /// References of a provider that lead nowhere.
    pub(super) fn unresolved_of_provider(&self, entry: &ProviderEntry) -> Vec<Invalid> {
        let mut found = Vec::new();
        for credential in &entry.accepted.credentials {
            if let Err(why) = self.key(&entry.accepted, &credential.secret) {
                let field = format!("spec.credentials[{}].secretRef", credential.name);
                found.push(Invalid { field, message: why.to_string() });
            }
        }
        if let Err(message) = self.authorities(&entry.accepted) {
            found.push(Invalid { field: "spec.tls.caCertificateRefs".to_owned(), message });
        }
        found
    }

    /// References of a policy that lead nowhere.
    pub(super) fn unresolved_of_policy(&self, policy: &AcceptedPolicy) -> Vec<Invalid> {
        let mut found = Vec::new();
        for route in &policy.routes {
            for (at, target) in route.targets.iter().enumerate() {
                let wanted = (target.namespace.clone(), target.provider.clone());
                if !self.providers.contains_key(&wanted) {
                    let field = format!("spec.routes[{}].targets[{at}].provider", route.name);
                    let message = format!("there is no AIProvider {} in namespace {}", wanted.1, wanted.0);
                    found.push(Invalid { field, message });
                }
            }
        }
        found
    }
}
