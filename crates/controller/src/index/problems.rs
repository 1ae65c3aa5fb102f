//! What is wrong with the objects in the index: refused ones, and references that lead nowhere.

use std::collections::BTreeSet;

use super::Index;
use crate::problem::{Kind, ObjectName, Problem};

impl Index {
    /// All that is wrong, without the conflicts, which depend on who calls.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (name, why) in &self.refused {
            found.extend(why.iter().map(|i| Problem::of(name.clone(), &*i.field, &*i.message)));
        }
        self.unresolved_of_providers(&mut found);
        self.unresolved_of_policies(&mut found);
        found
    }

    /// Conflicts in the effective policies that are in use.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Problem> {
        let all: BTreeSet<&Problem> = self.effective.values().flat_map(|e| &e.conflicts).collect();
        all.into_iter().cloned().collect()
    }

    fn unresolved_of_providers(&self, found: &mut Vec<Problem>) {
        for (name, entry) in &self.providers {
            let object = || ObjectName::new(Kind::AiProvider, name.0.clone(), name.1.clone());
            for credential in &entry.accepted.credentials {
                if let Err(why) = self.key(&entry.accepted, &credential.secret) {
                    let field = format!("spec.credentials[{}].secretRef", credential.name);
                    found.push(Problem::of(object(), field, why));
                }
            }
            if let Err(why) = self.authorities(&entry.accepted) {
                found.push(Problem::of(object(), "spec.tls.caCertificateRefs", why));
            }
        }
    }

    fn unresolved_of_policies(&self, found: &mut Vec<Problem>) {
        for (name, policy) in &self.policies {
            for route in &policy.routes {
                for (at, target) in route.targets.iter().enumerate() {
                    let wanted = (target.namespace.clone(), target.provider.clone());
                    if !self.providers.contains_key(&wanted) {
                        let object = ObjectName::new(Kind::AiPolicy, name.0.clone(), name.1.clone());
                        let field = format!("spec.routes[{}].targets[{at}].provider", route.name);
                        let reason = format!("there is no AIProvider {} in namespace {}", wanted.1, wanted.0);
                        found.push(Problem::of(object, field, reason));
                    }
                }
            }
        }
    }
}
