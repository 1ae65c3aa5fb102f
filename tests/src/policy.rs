//! Builders of policy with good defaults, so that a test shows only what matters to it.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{
    Credential, Dialect, Endpoint, Glob, Limit, LimitId, Match, Meta, Mode, ModelFacts, ModelList, Network, ObjectKind,
    Price, Provider, ProviderSlot, Rank, Rate, Rates, Route, Snapshot, Specificity, Target, Timeouts, Unit,
};

/// A source in the control plane's namespace.
#[must_use]
pub fn meta(kind: ObjectKind, name: &str, field: &str) -> Meta {
    Meta { kind, namespace: "sidegate-system".into(), name: name.into(), generation: 1, field: field.into() }
}

/// A provider at `http://NAME.test/v1` with the credentials `a`, `b`, … as many as wanted.
#[must_use]
pub fn provider(name: &str, dialect: Dialect, credentials: usize) -> Provider {
    let names = ["a", "b", "c", "d"];
    Provider {
        key: format!("sidegate-system/{name}").into(),
        namespace: "sidegate-system".into(),
        name: name.into(),
        dialect,
        endpoint: Endpoint { tls: false, host: format!("{name}.test").into(), port: 80, path: "".into() },
        region: None,
        residency: None,
        credentials: names.iter().take(credentials).map(|n| Credential { name: (*n).into(), weight: 1 }).collect(),
        models: vec![ModelFacts {
            name: Glob::Any,
            context_window: Some(128_000),
            max_output: Some(16_384),
            price: Some(price()),
        }],
        prices: Arc::default(),
        authorities: None,
        network: Network { plaintext: true, private_addresses: true },
        timeouts: Timeouts::default(),
        meta: meta(ObjectKind::AiProvider, name, ""),
    }
}

/// 0.15 USD a million prompt tokens, 0.60 a million generated ones, half for cached ones.
#[must_use]
pub fn price() -> Price {
    let rates = Rates {
        input: Rate(150_000_000),
        cache_read: Rate(75_000_000),
        cache_write: Rate(150_000_000),
        cache_write_1h: Rate(150_000_000),
        audio_input: Rate(150_000_000),
        output: Rate(600_000_000),
        audio_output: Rate(600_000_000),
    };
    Price { rates, ..Price::default() }
}

/// A snapshot with these providers and nothing else.
#[must_use]
pub fn snapshot(providers: Vec<Provider>) -> Snapshot {
    Snapshot { version: "test".into(), price_version: "test prices".into(), providers, ..Snapshot::default() }.sealed()
}

/// The platform's rank.
#[must_use]
pub fn platform() -> Rank {
    Rank { platform: true, specificity: Specificity::Cluster }
}

/// A list of models.
#[must_use]
pub fn list(globs: &[&str]) -> ModelList {
    ModelList {
        globs: globs.iter().filter_map(|g| Glob::parse(g).ok()).collect(),
        rank: platform(),
        mode: Mode::Enforce,
        meta: meta(ObjectKind::AiPolicy, "cluster", "spec.models"),
    }
}

/// A route for `model` to `(provider, model, weight, priority)`.
#[must_use]
pub fn route(model: &str, targets: &[(usize, &str, u32, u8)]) -> Route {
    Route {
        name: model.into(),
        matches: vec![Match { models: Glob::parse(model).into_iter().collect(), headers: Vec::new() }],
        targets: targets
            .iter()
            .map(|(at, model, weight, priority)| Target {
                provider: ProviderSlot::At(*at),
                model: (!model.is_empty()).then(|| Arc::from(*model)),
                weight: *weight,
                priority: *priority,
            })
            .collect(),
        rank: platform(),
        mode: Mode::Enforce,
        meta: meta(ObjectKind::AiPolicy, "cluster", &format!("spec.routes[{model}]")),
    }
}

/// A per-pod limit.
#[must_use]
pub fn limit(name: &str, unit: Unit, amount: u64, window: Duration) -> Limit {
    Limit {
        id: LimitId { object: "AIPolicy/sidegate-system/cluster".into(), name: name.into() },
        unit,
        amount,
        window,
        mode: Mode::Enforce,
        meta: meta(ObjectKind::AiPolicy, "cluster", &format!("spec.limits[{name}]")),
    }
}

/// The providers `first`, `second`, … with so many credentials each, and a route `m` that tries them in that
/// order, each a priority of its own.
#[must_use]
pub fn ladder(credentials: &[usize]) -> Snapshot {
    let names = ["first", "second", "third", "fourth", "fifth"];
    let of = |(name, n): (&&str, &usize)| provider(name, Dialect::OpenAi, *n);
    let providers: Vec<Provider> = names.iter().zip(credentials).map(of).collect();
    let rung = |at: usize| (at, "", 1, u8::try_from(at).unwrap_or(u8::MAX));
    let targets: Vec<_> = (0..providers.len()).map(rung).collect();
    Snapshot { routes: vec![route("m", &targets)], ..snapshot(providers) }.sealed()
}

/// The same in one priority, with these weights.
#[must_use]
pub fn spread(weights: &[u32]) -> Snapshot {
    let mut spread = ladder(&vec![1; weights.len()]);
    for (target, weight) in spread.routes.iter_mut().flat_map(|r| &mut r.targets).zip(weights) {
        (target.weight, target.priority) = (*weight, 0);
    }
    spread
}
