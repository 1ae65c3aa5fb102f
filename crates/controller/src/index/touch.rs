//! What an edit touches, and nothing else: the classes that the object is in, and those that it joins or leaves.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sidegate_crds::{AcceptedPolicy, AcceptedProvider};

use super::anchor::{self, Anchor};
use super::class::forget;
use super::effective::Effective;
use super::subjects::SeatNumber;
use super::telemetry::labels_named;
use super::{ClassId, Index, Name, ProviderEntry};

/// What was touched since somebody asked.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) classes: BTreeSet<ClassId>,
    pub(super) seats: BTreeSet<SeatNumber>,
}

/// Which objects name which others.
#[derive(Default)]
pub(super) struct References {
    /// Policies with a route to a provider.
    routes: HashMap<Name, BTreeSet<Name>>,
    /// Providers with a key in a Secret.
    secrets: HashMap<Name, BTreeSet<Name>>,
    /// Providers with an authority in a ConfigMap.
    config_maps: HashMap<Name, BTreeSet<Name>>,
}

impl Index {
    /// Puts a policy in the place of its older version, or takes it away.
    pub(super) fn set_policy(&mut self, name: &Name, new: Option<AcceptedPolicy>) {
        let old = self.policies.remove(name);
        let moves = match (&old, &new) {
            (Some(old), Some(new)) => {
                old.targeting != new.targeting
                    || old.origin.created != new.origin.created
                    || labels_named(old) != labels_named(new)
            }
            _ => true,
        };
        for provider in old.iter().flat_map(targets) {
            forget(&mut self.references.routes, &provider, name);
        }
        for provider in new.iter().flat_map(targets) {
            self.references.routes.entry(provider).or_default().insert(name.clone());
        }
        let anchors = |policy: &Option<AcceptedPolicy>| policy.as_ref().map_or_else(Vec::new, anchor::of_policy);
        let (before, after): (Vec<Anchor>, Vec<Anchor>) =
            if moves { (anchors(&old), anchors(&new)) } else { Default::default() };
        for anchor in &before {
            forget(&mut self.anchored, anchor, name);
        }
        for anchor in &after {
            self.anchored.entry(anchor.clone()).or_default().insert(name.clone());
        }
        if let Some(new) = new {
            self.policies.insert(name.clone(), new);
        }
        self.touch(self.classes.with_policy(name));
        let mut groups = self.subjects.at(&before);
        groups.extend(self.subjects.at(&after));
        self.classify(groups);
        self.changed();
    }

    /// Puts a provider in the place of its older version, or takes it away.
    pub(super) fn set_provider(&mut self, name: &Name, new: Option<ProviderEntry>) {
        let old = self.providers.remove(name);
        let served = |entry: &ProviderEntry| (entry.accepted.access.clone(), entry.accepted.origin.created);
        let moves = old.as_ref().map(served) != new.as_ref().map(served);
        if let Some(old) = &old {
            for secret in secrets(&old.accepted) {
                forget(&mut self.references.secrets, &secret, name);
            }
            for map in config_maps(&old.accepted) {
                forget(&mut self.references.config_maps, &map, name);
            }
        }
        if let Some(new) = new {
            for secret in secrets(&new.accepted) {
                self.references.secrets.entry(secret).or_default().insert(name.clone());
            }
            for map in config_maps(&new.accepted) {
                self.references.config_maps.entry(map).or_default().insert(name.clone());
            }
            self.providers.insert(name.clone(), new);
        }
        self.touch_provider(name);
        if moves {
            let anchor = if name.0 == self.control_namespace {
                self.usable.clear();
                Anchor::Cluster
            } else {
                self.usable.remove(&name.0);
                Anchor::Namespace(name.0.clone())
            };
            self.classify(self.subjects.at(&[anchor]));
        }
        self.changed();
    }

    /// The labels of a namespace are others now.
    pub(super) fn namespace_changed(&mut self, namespace: &Arc<str>) {
        self.usable.remove(namespace);
        self.classify(self.subjects.at(&[Anchor::Namespace(namespace.clone())]));
        self.changed();
    }

    /// Another Secret, or none, is behind this name: policies stay as they are, keys may not.
    pub(super) fn secret_changed(&mut self, name: &Name) {
        for provider in self.references.secrets.get(name).cloned().unwrap_or_default() {
            self.touch(self.classes.with_provider(&provider));
        }
        self.changed();
    }

    /// Other certificates are behind this name, and whoever needs them may come or go.
    pub(super) fn config_map_changed(&mut self, name: &Name) {
        for provider in self.references.config_maps.get(name).cloned().unwrap_or_default() {
            self.touch_provider(&provider);
        }
        self.changed();
    }

    /// Every class is to be worked out anew.
    pub(super) fn touch_all(&mut self) {
        self.touch(self.classes.all.keys().copied().collect());
        self.changed();
    }

    /// The classes that may use a provider, and those with a route to it.
    fn touch_provider(&mut self, name: &Name) {
        self.touch(self.classes.with_provider(name));
        for policy in self.references.routes.get(name).cloned().unwrap_or_default() {
            self.touch(self.classes.with_policy(&policy));
        }
    }

    fn touch(&mut self, classes: BTreeSet<ClassId>) {
        for class in &classes {
            if let Some(entry) = self.classes.all.get_mut(class) {
                entry.effective = None;
            }
        }
        self.changes.classes.extend(classes);
    }

    /// The effective policy of a class that has members.
    pub fn effective_of(&mut self, id: ClassId) -> Option<Arc<Effective>> {
        let entry = self.classes.all.get(&id)?;
        if let Some(known) = &entry.effective {
            return Some(known.clone());
        }
        let class = entry.class.clone();
        let built = Arc::new(self.build(&class));
        self.classes.all.get_mut(&id)?.effective = Some(built.clone());
        Some(built)
    }
}

/// The providers that a policy's routes name.
fn targets(policy: &AcceptedPolicy) -> BTreeSet<Name> {
    let all = policy.routes.iter().flat_map(|route| &route.targets);
    all.map(|target| (target.namespace.clone(), target.provider.clone())).collect()
}

/// The Secrets that a provider names.
pub(super) fn secrets(provider: &AcceptedProvider) -> BTreeSet<Name> {
    let namespace = &provider.origin.namespace;
    provider.credentials.iter().map(|c| (namespace.clone(), c.secret.name.clone())).collect()
}

/// The ConfigMaps that a provider names.
pub(super) fn config_maps(provider: &AcceptedProvider) -> BTreeSet<Name> {
    let namespace = &provider.origin.namespace;
    provider.authorities.iter().map(|reference| (namespace.clone(), reference.name.clone())).collect()
}
