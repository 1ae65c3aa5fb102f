//! From the targets of a rule to the places that can be used now, and why the others cannot.

use std::sync::Arc;

use super::{Question, acts};
use crate::meta::{Rank, Specificity};
use crate::plan::{Candidate, LeftOut, WhyLeft};
use crate::provider::Provider;
use crate::snapshot::{ModelList, ProviderSlot, Route, Target};

/// A candidate before its place in the order is drawn.
pub(super) struct Weighed {
    pub(super) candidate: Candidate,
    pub(super) weight: u32,
}

impl Question<'_> {
    pub(super) fn of_route(&self, route: &Route, with_dry_run: bool, left_out: &mut Vec<LeftOut>) -> Vec<Weighed> {
        let mut found = Vec::with_capacity(route.targets.len());
        for target in &route.targets {
            let model = target.model.as_ref().unwrap_or(&self.call.model);
            match self.usable(target, model, route.rank, with_dry_run) {
                Ok(weighed) => found.push(weighed),
                Err(why) => {
                    let provider = self.name_of(&target.provider);
                    left_out.push(LeftOut { provider, model: model.clone(), why });
                }
            }
        }
        found
    }

    /// Without a route: the first accessible provider of the caller's dialect, its own namespace first.
    pub(super) fn accessible(&self, with_dry_run: bool, left_out: &mut Vec<LeftOut>) -> Vec<Weighed> {
        let own = |p: &Provider| p.namespace == self.caller.namespace;
        let speaks = |p: &&(usize, &Provider)| p.1.dialect == self.call.dialect;
        let all: Vec<(usize, &Provider)> = self.snapshot.providers.iter().enumerate().collect();
        let first = all.iter().filter(speaks).find(|(_, p)| own(p)).or_else(|| all.iter().find(speaks));
        let Some((index, provider)) = first else {
            return Vec::new();
        };
        let target = Target { provider: ProviderSlot::At(*index), model: None, weight: 1, priority: 0 };
        let rank = Rank { platform: true, specificity: Specificity::Cluster };
        match self.usable(&target, &self.call.model, rank, with_dry_run) {
            Ok(weighed) => vec![weighed],
            Err(why) => {
                left_out.push(LeftOut { provider: provider.key.clone(), model: self.call.model.clone(), why });
                Vec::new()
            }
        }
    }

    fn usable(&self, target: &Target, model: &Arc<str>, rank: Rank, with_dry_run: bool) -> Result<Weighed, WhyLeft> {
        let index = match &target.provider {
            ProviderSlot::At(index) => *index,
            ProviderSlot::Missing { .. } => return Err(WhyLeft::ProviderMissing),
            ProviderSlot::NotAccessible { .. } => return Err(WhyLeft::NotAccessible),
        };
        if target.weight == 0 {
            return Err(WhyLeft::Drained);
        }
        let named = |l: &ModelList| l.globs.iter().any(|g| g.matches(model));
        if let Some(list) = self.snapshot.deny.iter().find(|l| acts(l.mode, with_dry_run) && named(l)) {
            return Err(WhyLeft::Denied(list.meta.clone()));
        }
        let mut higher = self.snapshot.allow.iter().filter(|l| acts(l.mode, with_dry_run) && l.rank.bounds(rank));
        if let Some(list) = higher.find(|l| !named(l)) {
            return Err(WhyLeft::NotAllowed(list.meta.clone()));
        }
        let credentials = self.credentials(index)?;
        let candidate = Candidate {
            provider: index,
            model: model.clone(),
            priority: target.priority,
            credentials,
            suspended: false,
        };
        Ok(Weighed { candidate, weight: target.weight })
    }

    /// The credentials of a provider that are here and not drained.
    fn credentials(&self, index: usize) -> Result<Vec<usize>, WhyLeft> {
        let provider = self.snapshot.providers.get(index).ok_or(WhyLeft::ProviderMissing)?;
        if provider.dialect != self.call.dialect {
            return Err(WhyLeft::OtherDialect);
        }
        let here = self.conditions.keys.get(index);
        let present = |i: usize| here.and_then(|keys| keys.get(i)).copied().unwrap_or(false);
        let live: Vec<usize> =
            (0..provider.credentials.len()).filter(|i| present(*i) && provider.credentials[*i].weight > 0).collect();
        if !live.is_empty() || provider.credentials.is_empty() {
            return Ok(live);
        }
        let drained = (0..provider.credentials.len()).any(present);
        Err(if drained { WhyLeft::Drained } else { WhyLeft::NoCredential })
    }

    fn name_of(&self, slot: &ProviderSlot) -> Arc<str> {
        match slot {
            ProviderSlot::At(index) => self.snapshot.providers.get(*index).map_or_else(|| "".into(), |p| p.key.clone()),
            ProviderSlot::Missing { namespace, name } | ProviderSlot::NotAccessible { namespace, name } => {
                format!("{namespace}/{name}").into()
            }
        }
    }

    /// Drops what is out; if everything is, keeps the least bad.
    pub(super) fn in_service(&self, all: Vec<Weighed>, left_out: &mut Vec<LeftOut>) -> Vec<Weighed> {
        if self.conditions.suspensions.0.is_empty() {
            return all;
        }
        let (mut kept, mut out) = (Vec::with_capacity(all.len()), Vec::new());
        for mut weighed in all {
            match self.without_suspended(&mut weighed.candidate) {
                None => kept.push(weighed),
                Some(strikes) => out.push((strikes, weighed)),
            }
        }
        if kept.is_empty() && !out.is_empty() {
            out.sort_by_key(|(strikes, _)| *strikes);
            let (_, mut least_bad) = out.remove(0);
            least_bad.candidate.suspended = true;
            kept.push(least_bad);
        }
        for (_, Weighed { candidate, .. }) in out {
            let provider = self.name_of(&ProviderSlot::At(candidate.provider));
            left_out.push(LeftOut { provider, model: candidate.model, why: WhyLeft::Suspended });
        }
        kept
    }

    /// Keeps the credentials that are in service. If none is: the least bad one, and its strikes.
    fn without_suspended(&self, candidate: &mut Candidate) -> Option<u32> {
        let provider = self.snapshot.providers.get(candidate.provider)?;
        let strikes = |credential: &Arc<str>| {
            self.conditions.suspensions.strikes(&provider.key, credential, &candidate.model, self.conditions.now)
        };
        if candidate.credentials.is_empty() {
            return strikes(&"".into());
        }
        let judged: Vec<(Option<u32>, usize)> =
            candidate.credentials.iter().map(|i| (strikes(&provider.credentials[*i].name), *i)).collect();
        let least = judged.iter().min_by_key(|(s, _)| *s).copied();
        let good: Vec<usize> = judged.into_iter().filter(|(s, _)| s.is_none()).map(|(_, i)| i).collect();
        if good.is_empty() {
            candidate.credentials = least.iter().map(|(_, i)| *i).collect();
            return least.and_then(|(s, _)| s);
        }
        candidate.credentials = good;
        None
    }
}
