//! Policies and calls with good defaults, so that a test shows only what matters.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Bounds, Call, Conversation, Dialect, Fallbacks, Operation, Streaming};
use crate::caller::Caller;
use crate::decide::{Conditions, decide};
use crate::glob::Glob;
use crate::meta::{Meta, ObjectKind, Rank, Specificity};
use crate::money::{Price, Rate, Rates};
use crate::offers::{Offer, offers};
use crate::plan::{Pin, Plan};
use crate::provider::{Credential, Endpoint, ModelFacts, Network, Provider, Timeouts};
use crate::refusal::Refusal;
use crate::snapshot::{HeaderMatch, Match, Mode, ModelList, ProviderSlot, Route, Snapshot, Target};
use crate::suspension::{CircuitKey, Suspension, Suspensions};

/// The time at which all tests decide.
pub(crate) const NOW: Duration = Duration::from_secs(1000);

pub(crate) fn meta(name: &str, field: &str) -> Meta {
    Meta { kind: ObjectKind::AiPolicy, namespace: "ns".into(), name: name.into(), generation: 1, field: field.into() }
}

/// A tenant's rank, as close as a workload reference.
pub(crate) fn tenant() -> Rank {
    Rank { platform: false, specificity: Specificity::Workload }
}

/// The platform's rank for the whole cluster.
pub(crate) fn platform() -> Rank {
    Rank { platform: true, specificity: Specificity::Cluster }
}

pub(crate) fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|t| Glob::parse(t).unwrap()).collect()
}

/// A price per million tokens, in nano-dollars, with cache and audio at the price of their totals.
pub(crate) fn price(input: u64, output: u64) -> Price {
    let (input, output) = (Rate(input), Rate(output));
    let rates = Rates {
        input,
        cache_read: input,
        cache_write: input,
        cache_write_1h: input,
        audio_input: input,
        output,
        audio_output: output,
    };
    Price { rates, ..Price::default() }
}

/// `sidegate-system/NAME`: `OpenAI`'s dialect, one credential `a`.
pub(crate) fn provider(name: &str) -> Provider {
    Provider {
        key: format!("sidegate-system/{name}").into(),
        namespace: "sidegate-system".into(),
        name: name.into(),
        dialect: Dialect::OpenAi,
        endpoint: Endpoint { tls: true, host: format!("{name}.example").into(), port: 443, path: "/v1".into() },
        region: None,
        residency: None,
        credentials: vec![credential("a", 1)],
        models: Vec::new(),
        prices: Arc::default(),
        authorities: None,
        network: Network::default(),
        timeouts: Timeouts::default(),
        meta: Meta { kind: ObjectKind::AiProvider, ..meta(name, "") },
    }
}

impl Provider {
    pub(crate) fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    pub(crate) fn in_namespace(self, namespace: &str) -> Self {
        Self { key: format!("{namespace}/{}", self.name).into(), namespace: namespace.into(), ..self }
    }

    pub(crate) fn with_credentials(self, credentials: &[(&str, u32)]) -> Self {
        Self { credentials: credentials.iter().map(|(name, weight)| credential(name, *weight)).collect(), ..self }
    }

    pub(crate) fn with_models(self, names: &[&str]) -> Self {
        Self { models: names.iter().map(|n| facts(n)).collect(), ..self }
    }
}

fn credential(name: &str, weight: u32) -> Credential {
    Credential { name: name.into(), weight }
}

/// An entry that says nothing but the name.
pub(crate) fn facts(name: &str) -> ModelFacts {
    ModelFacts { name: Glob::parse(name).unwrap(), context_window: None, max_output: None, price: None }
}

/// A target at the provider of that index, weight 1, priority 0.
pub(crate) fn target(provider: usize, model: &str) -> Target {
    let model = (!model.is_empty()).then(|| model.into());
    Target { provider: ProviderSlot::At(provider), model, weight: 1, priority: 0 }
}

impl Target {
    pub(crate) fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    pub(crate) fn at_priority(self, priority: u8) -> Self {
        Self { priority, ..self }
    }
}

/// A tenant's route for these models.
pub(crate) fn route(name: &str, models: &[&str], targets: Vec<Target>) -> Route {
    Route {
        name: name.into(),
        matches: vec![Match { models: globs(models), headers: Vec::new() }],
        targets,
        rank: tenant(),
        mode: Mode::Enforce,
        meta: meta("routes", &format!("spec.routes[{name}]")),
    }
}

impl Route {
    pub(crate) fn asking(mut self, name: &str, value: &str) -> Self {
        self.matches[0].headers.push(HeaderMatch { name: name.into(), value: value.into() });
        self
    }

    pub(crate) fn of_rank(self, rank: Rank) -> Self {
        Self { rank, ..self }
    }

    pub(crate) fn in_dry_run(self) -> Self {
        Self { mode: Mode::DryRun, ..self }
    }
}

/// The cluster's list.
pub(crate) fn list(name: &str, texts: &[&str]) -> ModelList {
    ModelList { globs: globs(texts), rank: platform(), mode: Mode::Enforce, meta: meta(name, "spec.models") }
}

impl ModelList {
    pub(crate) fn of_rank(self, rank: Rank) -> Self {
        Self { rank, ..self }
    }

    pub(crate) fn in_dry_run(self) -> Self {
        Self { mode: Mode::DryRun, ..self }
    }
}

/// A chat call for a model, in `OpenAI`'s dialect.
pub(crate) fn call(model: &str) -> Call {
    Call {
        dialect: Dialect::OpenAi,
        operation: Operation::ChatCompletions,
        model: model.into(),
        fallbacks: Fallbacks::default(),
        streaming: Streaming::No,
        asked_usage: false,
        bounds: Bounds::default(),
        conversation: Conversation::default(),
        headers: Vec::new(),
    }
}

impl Call {
    pub(crate) fn carrying(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn in_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }
}

/// Everything that a decision looks at, and a caller in namespace `shop`.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) caller: Caller,
    pub(crate) keys: Vec<Vec<bool>>,
    pub(crate) suspensions: Suspensions,
    pub(crate) pin: Option<Pin>,
}

/// A world with these providers, whose credentials are all here.
pub(crate) fn world(providers: Vec<Provider>) -> World {
    World {
        keys: providers.iter().map(|p| vec![true; p.credentials.len()]).collect(),
        snapshot: Snapshot { version: "v1".into(), providers, ..Snapshot::default() },
        caller: Caller { namespace: "shop".into(), ..Caller::default() },
        suspensions: Suspensions::default(),
        pin: None,
    }
}

impl World {
    pub(crate) fn route(mut self, route: Route) -> Self {
        self.snapshot.routes.push(route);
        self
    }

    pub(crate) fn allow(mut self, list: ModelList) -> Self {
        self.snapshot.allow.push(list);
        self
    }

    pub(crate) fn deny(mut self, list: ModelList) -> Self {
        self.snapshot.deny.push(list);
        self
    }

    pub(crate) fn without_keys_of(mut self, provider: usize) -> Self {
        self.keys[provider].fill(false);
        self
    }

    pub(crate) fn pinned_to(mut self, provider: &str, credential: &str, model: &str) -> Self {
        self.pin = Some(Pin { provider: provider.into(), credential: credential.into(), model: model.into() });
        self
    }

    /// Takes a place out, with that many strikes; an empty model means all.
    pub(crate) fn suspend(mut self, provider: &str, credential: &str, model: &str, strikes: u32) -> Self {
        let model: Option<Arc<str>> = (!model.is_empty()).then(|| model.into());
        let key = CircuitKey { provider: provider.into(), credential: credential.into(), model };
        let until = NOW + Duration::from_secs(10);
        self.suspensions.0.insert(key, Suspension { until, probing: false, strikes });
        self
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions { now: NOW, keys: &self.keys, suspensions: &self.suspensions, pin: self.pin.as_ref() }
    }

    pub(crate) fn decide(&self, call: &Call, draw: u64) -> Result<Plan, Refusal> {
        decide(&self.snapshot.clone().sealed(), call, &self.caller, &self.conditions(), draw)
    }

    /// The plan for a model.
    pub(crate) fn plan(&self, model: &str) -> Plan {
        self.decide(&call(model), 0).unwrap()
    }

    /// The refusal for a model.
    pub(crate) fn refusal(&self, model: &str) -> Refusal {
        self.decide(&call(model), 0).unwrap_err()
    }

    /// The models of the plan's candidates, in order.
    pub(crate) fn models(&self, model: &str) -> Vec<String> {
        self.plan(model).candidates.iter().map(|c| c.model.to_string()).collect()
    }

    pub(crate) fn offers(&self, dialect: Dialect) -> Vec<Offer> {
        offers(&self.snapshot, dialect, &self.caller, &self.conditions())
    }

    pub(crate) fn offered(&self, dialect: Dialect) -> Vec<String> {
        self.offers(dialect).iter().map(|o| o.name.to_string()).collect()
    }
}
