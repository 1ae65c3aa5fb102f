//! Targets with their providers written out: those of the plan, and those that are left out of it.

use sidegate_policy::money::Nanos;
use sidegate_policy::{Candidate, LeftOut, Meta, Plan, Provider, ProviderSlot, Route, Target, WhyLeft};

use super::{Case, answer};
use crate::source::Source;
use crate::words;

impl Case<'_> {
    /// The plan's targets, the lowest priority first, then as they stand in the route: the draw of one call is of no
    /// interest, the shares are.
    pub(super) fn targets(&self, route: Option<&Route>, plan: &Plan) -> Vec<answer::Target> {
        let Some(route) = route else {
            return plan.candidates.iter().filter_map(|candidate| self.accessible(candidate)).collect();
        };
        let mut used: Vec<(usize, &Target, &Candidate)> = Vec::new();
        for (at, target) in route.targets.iter().enumerate().filter(|(_, target)| target.weight > 0) {
            let candidate = plan.candidates.iter().find(|candidate| self.is(target, candidate));
            used.extend(candidate.map(|candidate| (at, target, candidate)));
        }
        used.sort_by_key(|(at, target, _)| (target.priority, *at));
        let whole = |priority: u8| -> u64 {
            used.iter().filter(|(_, t, _)| t.priority == priority).map(|(_, t, _)| u64::from(t.weight)).sum()
        };
        let shown = |(at, target, candidate): &(usize, &Target, &Candidate)| {
            let source = Source::from(&route.meta).inside(&format!(".targets[{at}]"));
            let share = words::share(target.weight, whole(target.priority));
            self.target(candidate, (target.weight, share), source)
        };
        used.iter().filter_map(shown).collect()
    }

    fn is(&self, target: &Target, candidate: &Candidate) -> bool {
        let model = target.model.as_ref().unwrap_or(&self.call.model);
        target.provider == ProviderSlot::At(candidate.provider)
            && *model == candidate.model
            && target.priority == candidate.priority
    }

    fn accessible(&self, candidate: &Candidate) -> Option<answer::Target> {
        let provider = self.snapshot.providers.get(candidate.provider)?;
        let source = Source { field: "spec".to_owned(), ..Source::from(&provider.meta) };
        self.target(candidate, (1, words::share(1, 1)), source)
    }

    fn target(&self, candidate: &Candidate, (weight, share): (u32, String), source: Source) -> Option<answer::Target> {
        let provider = self.snapshot.providers.get(candidate.provider)?;
        let per_million = |rate: sidegate_policy::Rate| Nanos(rate.0.into()).to_string();
        let price = provider.known(&candidate.model).price.map(|price| answer::Price {
            input: per_million(price.rates.input),
            output: per_million(price.rates.output),
        });
        Some(answer::Target {
            provider: provider.key.to_string(),
            model: candidate.model.to_string(),
            priority: candidate.priority,
            weight,
            share,
            credentials: credentials(provider, candidate),
            endpoint: words::endpoint(&provider.endpoint),
            region: provider.region.as_deref().map(str::to_owned),
            residency: provider.residency.as_deref().map(str::to_owned),
            price,
            source,
        })
    }

    /// What is left out comes in the order of the route's targets, and so finds its field again.
    pub(super) fn left_out(&self, route: Option<&Route>, left: &[LeftOut]) -> Vec<answer::LeftOut> {
        let mut rest = route.map(|route| route.targets.iter().enumerate().collect::<Vec<_>>()).unwrap_or_default();
        let mut shown = Vec::with_capacity(left.len());
        for one in left {
            let at = rest.iter().position(|(_, target)| self.is_left(target, one));
            let field = at.map(|at| rest.remove(at).0);
            let source =
                field.zip(route).map(|(at, route)| Source::from(&route.meta).inside(&format!(".targets[{at}]")));
            let (reason, by) = reason(&one.why);
            shown.push(answer::LeftOut {
                provider: one.provider.to_string(),
                model: one.model.to_string(),
                why: one.why.as_str(),
                reason: reason.to_owned(),
                by: by.map(Source::from),
                source,
            });
        }
        shown
    }

    fn is_left(&self, target: &Target, left: &LeftOut) -> bool {
        let model = target.model.as_ref().unwrap_or(&self.call.model);
        // A weight of 0 is looked at once the provider is found.
        let found = matches!(target.provider, ProviderSlot::At(_));
        let weighed = target.weight > 0 || !found || left.why == WhyLeft::Drained;
        let provider = match &target.provider {
            ProviderSlot::At(index) => self.snapshot.providers.get(*index).map(|p| p.key.to_string()),
            ProviderSlot::Missing { namespace, name } | ProviderSlot::NotAccessible { namespace, name } => {
                Some(format!("{namespace}/{name}"))
            }
        };
        weighed && *model == left.model && provider.as_deref() == Some(&*left.provider)
    }
}

/// The keys that can be used, in the order of the object, with their shares.
fn credentials(provider: &Provider, candidate: &Candidate) -> Vec<answer::Key> {
    let mut live = candidate.credentials.clone();
    live.sort_unstable();
    let live: Vec<_> = live.iter().filter_map(|index| provider.credentials.get(*index)).collect();
    let whole: u64 = live.iter().map(|credential| u64::from(credential.weight)).sum();
    live.iter().map(|c| answer::Key { name: c.name.to_string(), share: words::share(c.weight, whole) }).collect()
}

fn reason(why: &WhyLeft) -> (&'static str, Option<&Meta>) {
    match why {
        WhyLeft::ProviderMissing => ("there is no such AIProvider, or its authorities are missing", None),
        WhyLeft::NotAccessible => ("the AIProvider does not serve this namespace", None),
        WhyLeft::NoCredential => ("none of its credentials is there", None),
        WhyLeft::Denied(list) => ("a list denies the model", Some(list)),
        WhyLeft::NotAllowed(list) => ("a list of higher rank does not allow the model", Some(list)),
        WhyLeft::OtherDialect => ("it speaks another dialect than the call", None),
        WhyLeft::Drained => ("its weight, or that of its credentials, is 0", None),
        WhyLeft::Suspended => ("its circuit is out", None),
    }
}
