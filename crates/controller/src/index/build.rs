//! From a class to its snapshot: lists and limits add up, routes follow each other, targets find their providers. What
//! is told of calls is put together beside this.

use std::sync::Arc;

use sidegate_crds::{AcceptedPolicy, RouteDraft, TargetDraft};
use sidegate_policy::{
    Limit, LimitId, ModelList, ObjectKind, Provider, ProviderSlot, Rank, Route, Snapshot, Specificity, Target,
};

use super::class::Class;
use super::effective::Effective;
use super::{Index, Name, conflicts, telemetry};
use crate::control::Contents;
use crate::problem::{Kind, ObjectName};

impl Index {
    pub(super) fn build(&mut self, class: &Class) -> Effective {
        let usable: Vec<(&Name, Provider)> =
            class.providers.iter().filter_map(|name| Some((name, self.provider(name)?))).collect();
        let (names, providers): (Vec<&Name>, Vec<Provider>) = usable.into_iter().unzip();
        let mut snapshot = Snapshot { price_version: self.prices.version(), providers, ..Snapshot::default() };
        for (name, specificity) in &class.policies {
            if let Some(policy) = self.policies.get(name) {
                self.add(&mut snapshot, policy, *specificity, &names);
            }
        }
        let policies =
            class.policies.iter().filter_map(|(name, closeness)| Some((self.policies.get(name)?, *closeness)));
        let (telemetry, overruled) = telemetry::merge(policies, &class.labels);
        snapshot.telemetry = telemetry;
        let snapshot = snapshot.sealed();
        let keys = Arc::new(self.keys_of(&names));
        let mut conflicts = conflicts::find(&snapshot.routes);
        conflicts.extend(overruled);
        let contents = Arc::new(self.contents(class));
        Effective { snapshot: self.encoded.encode(snapshot), keys, conflicts, contents }
    }

    fn contents(&self, class: &Class) -> Contents {
        let provider = |name: &Name| {
            let origin = &self.providers.get(name)?.accepted.origin;
            Some((ObjectName::new(Kind::AiProvider, name.0.clone(), name.1.clone()), origin.generation))
        };
        let policy = |name: &Name| {
            let origin = &self.policies.get(name)?.origin;
            Some((ObjectName::new(Kind::AiPolicy, name.0.clone(), name.1.clone()), origin.generation))
        };
        let policies = class.policies.iter().filter_map(|(name, _)| policy(name));
        class.providers.iter().filter_map(provider).chain(policies).collect()
    }

    /// The provider with its listed prices and its authorities; `None` while its authorities cannot be had, because
    /// without them any public certificate would do.
    fn provider(&self, name: &Name) -> Option<Provider> {
        let entry = self.providers.get(name)?;
        let mut provider = entry.accepted.provider.clone();
        provider.prices = entry.prices.clone();
        provider.authorities = self.authorities(&entry.accepted).ok()?.map(Arc::from);
        Some(provider)
    }

    fn add(&self, snapshot: &mut Snapshot, policy: &AcceptedPolicy, specificity: Specificity, usable: &[&Name]) {
        let rank = Rank { platform: policy.origin.platform, specificity };
        let mode = policy.mode;
        let meta = |field: String| policy.origin.meta(ObjectKind::AiPolicy, field);
        let list = |globs: &[_], field: &str| ModelList { globs: globs.to_vec(), rank, mode, meta: meta(field.into()) };
        if let Some(globs) = &policy.allow {
            snapshot.allow.push(list(globs, "spec.models.allow"));
        }
        if !policy.deny.is_empty() {
            snapshot.deny.push(list(&policy.deny, "spec.models.deny"));
        }
        snapshot.routes.extend(policy.routes.iter().map(|draft: &RouteDraft| Route {
            name: draft.name.clone(),
            matches: draft.matches.clone(),
            targets: draft.targets.iter().map(|t| self.target(t, usable)).collect(),
            rank,
            mode,
            meta: meta(format!("spec.routes[{}]", draft.name)),
        }));
        snapshot.limits.extend(policy.limits.iter().map(|draft| Limit {
            id: LimitId { object: policy.origin.uid.clone(), name: draft.name.clone() },
            unit: draft.unit,
            amount: draft.amount,
            window: draft.window,
            mode,
            meta: meta(format!("spec.limits[{}]", draft.name)),
        }));
    }

    fn target(&self, draft: &TargetDraft, usable: &[&Name]) -> Target {
        let (namespace, name) = (draft.namespace.clone(), draft.provider.clone());
        let wanted: Name = (namespace.clone(), name.clone());
        let known = self.providers.get(&wanted).is_some_and(|e| self.authorities(&e.accepted).is_ok());
        let provider = match usable.iter().position(|u| **u == wanted) {
            Some(at) => ProviderSlot::At(at),
            None if known => ProviderSlot::NotAccessible { namespace, name },
            None => ProviderSlot::Missing { namespace, name },
        };
        Target { provider, model: draft.model.clone(), weight: draft.weight, priority: draft.priority }
    }
}
