//! From an `AIProvider` to the vocabulary, if all of it holds.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Credential, Dialect, ModelFacts, Network, ObjectKind, Provider, Timeouts};

use super::endpoint::{self, HostKind};
use super::{AIProvider, AIProviderSpec, CredentialSpec, DialectName, From, ModelSpec, TimeoutsSpec, price};
use crate::admission::{OWN_ACCESS, PLATFORM_NETWORK};
use crate::formats;
use crate::invalid::{Invalid, Report};
use crate::object::{Context, Origin};
use crate::selector::Selector;

const MOST_CREDENTIALS: usize = 16;
const MOST_MODELS: usize = 256;
const MOST_AUTHORITIES: usize = 8;
const HIGHEST_WEIGHT: i64 = 1_000_000;
/// More tokens than any model takes.
pub(super) const MOST_TOKENS: i64 = 1_000_000_000;

/// A provider that may be used.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedProvider {
    /// Where it came from.
    pub origin: Origin,
    /// The provider, still without listed prices and authorities, which come from elsewhere.
    pub provider: Provider,
    /// Where its keys are, in the order of `provider.credentials`.
    pub credentials: Vec<AcceptedCredential>,
    /// Whose pods may use it.
    pub access: Access,
    /// Where the certificates of its authorities are; empty means the public ones.
    pub authorities: Vec<KeyRef>,
}

/// A key by name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedCredential {
    /// Name in the provider's list.
    pub name: Arc<str>,
    /// The Secret's key.
    pub secret: KeyRef,
}

/// A key of a Secret or ConfigMap in the object's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    pub name: Arc<str>,
    /// Key inside it.
    pub key: Arc<str>,
}

/// Whose pods may use a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Those of its own namespace.
    Same,
    /// All.
    All,
    /// Those of the namespaces with these labels.
    Selector(Selector),
}

/// Checks `object` whole.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn accept_provider(object: &AIProvider, context: &Context<'_>) -> Result<AcceptedProvider, Vec<Invalid>> {
    let (spec, mut report) = (&object.spec, Report::default());
    let origin = Origin::read(&object.metadata, context, &mut report);
    check_network(spec, &origin, &mut report);
    let credentials = read_credentials(&spec.credentials, &mut report);
    let access = read_access(spec, &origin, &mut report);
    let authorities = read_authorities(spec, &mut report);
    let endpoint = read_endpoint(spec, &mut report);
    for (field, text) in [("spec.region", &spec.region), ("spec.residency", &spec.residency)] {
        report.take(field, text.as_deref().map_or(Ok(()), formats::fact));
    }
    let models = read_models(&spec.models, &mut report);
    let timeouts = read_timeouts(&spec.timeouts, &mut report);
    // Without a key to lose, a pod may reach through the sidecar what it could reach by itself.
    let keyless = spec.credentials.is_empty();
    let accepted = endpoint.map(|endpoint| AcceptedProvider {
        provider: Provider {
            key: format!("{}/{}", origin.namespace, origin.name).into(),
            namespace: origin.namespace.clone(),
            name: origin.name.clone(),
            dialect: spec.dialect.into(),
            endpoint,
            region: spec.region.as_deref().map(Arc::from),
            residency: spec.residency.as_deref().map(Arc::from),
            credentials: credentials.iter().map(|(c, _)| c.clone()).collect(),
            models,
            prices: Arc::default(),
            authorities: None,
            network: Network {
                plaintext: spec.network.plaintext || keyless,
                private_addresses: spec.network.private_addresses || keyless,
            },
            timeouts,
            meta: origin.meta(ObjectKind::AiProvider, ""),
        },
        credentials: credentials.into_iter().map(|(c, secret)| AcceptedCredential { name: c.name, secret }).collect(),
        access,
        authorities,
        origin,
    });
    report.end(accepted)
}

/// Checks what may not change from one version of an object to the next: while it has credentials, its dialect and
/// the host that they go to.
///
/// # Errors
/// What changed that may not.
pub fn check_update(old: &AIProviderSpec, new: &AIProviderSpec) -> Result<(), Vec<Invalid>> {
    let mut report = Report::default();
    if !old.credentials.is_empty() {
        let host = |spec: &AIProviderSpec| spec.endpoint.as_deref().map(|e| e.split('/').nth(2).map(str::to_owned));
        report.check(old.dialect == new.dialect, "spec.dialect", endpoint::SAME);
        report.check(host(old) == host(new), "spec.endpoint", format!("its host {}", endpoint::SAME));
    }
    report.end(Some(()))
}

impl std::convert::From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::OpenAI => Self::OpenAi,
            DialectName::Anthropic => Self::Anthropic,
            DialectName::Gemini => Self::Gemini,
        }
    }
}

fn check_network(spec: &AIProviderSpec, origin: &Origin, report: &mut Report) {
    let lifted = [("plaintext", spec.network.plaintext), ("privateAddresses", spec.network.private_addresses)];
    for (field, set) in lifted {
        report.check(!set || origin.platform, format!("spec.network.{field}"), PLATFORM_NETWORK);
    }
}

fn read_endpoint(spec: &AIProviderSpec, report: &mut Report) -> Option<sidegate_policy::Endpoint> {
    let field = "spec.endpoint";
    let url = spec.endpoint.as_deref().unwrap_or(endpoint::default_for(spec.dialect));
    let (endpoint, kind) = report.take(field, endpoint::read(url))?;
    if !spec.credentials.is_empty() {
        let encrypted = endpoint.tls || spec.network.plaintext;
        report.check(encrypted, field, endpoint::ENCRYPTED);
        report.check(kind == HostKind::Name || spec.network.private_addresses, field, endpoint::PUBLIC);
    }
    Some(endpoint)
}

fn read_credentials(list: &[CredentialSpec], report: &mut Report) -> Vec<(Credential, KeyRef)> {
    report.at_most("spec.credentials", list, MOST_CREDENTIALS);
    report.unique("spec.credentials", list.iter().map(|c| c.name.as_str()));
    let mut read = |c: &CredentialSpec| {
        let field = format!("spec.credentials[{}]", c.name);
        report.take(format!("{field}.name"), formats::entry_name(&c.name));
        report.take(format!("{field}.secretRef.name"), formats::object_name(&c.secret_ref.name));
        report.take(format!("{field}.secretRef.key"), formats::data_key(&c.secret_ref.key));
        let weight = report.bounded(format!("{field}.weight"), c.weight, 0, HIGHEST_WEIGHT);
        let credential = Credential { name: c.name.as_str().into(), weight: u32::try_from(weight).unwrap_or(u32::MAX) };
        (credential, KeyRef { name: c.secret_ref.name.as_str().into(), key: c.secret_ref.key.as_str().into() })
    };
    list.iter().map(&mut read).collect()
}

fn read_access(spec: &AIProviderSpec, origin: &Origin, report: &mut Report) -> Access {
    let (field, namespaces) = ("spec.access.namespaces", &spec.access.namespaces);
    report.check(origin.platform || namespaces.from == From::Same, format!("{field}.from"), OWN_ACCESS);
    match (namespaces.from, &namespaces.selector) {
        (From::Selector, Some(selector)) => {
            selector.check(&format!("{field}.selector"), report);
            Access::Selector(selector.clone())
        }
        (from, selector) => {
            let agree = (from == From::Selector) == selector.is_some();
            report.check(agree, format!("{field}.selector"), super::SELECTOR_WITH_FROM);
            if from == From::All { Access::All } else { Access::Same }
        }
    }
}

fn read_authorities(spec: &AIProviderSpec, report: &mut Report) -> Vec<KeyRef> {
    let Some(tls) = &spec.tls else { return Vec::new() };
    let (field, refs) = ("spec.tls.caCertificateRefs", &tls.ca_certificate_refs);
    report.check(!refs.is_empty(), field, "must name at least one ConfigMap");
    report.at_most(field, refs, MOST_AUTHORITIES);
    for (at, r) in refs.iter().enumerate() {
        report.take(format!("{field}[{at}].name"), formats::object_name(&r.name));
        report.take(format!("{field}[{at}].key"), formats::data_key(&r.key));
    }
    refs.iter().map(|r| KeyRef { name: r.name.as_str().into(), key: r.key.as_str().into() }).collect()
}

fn read_models(list: &[ModelSpec], report: &mut Report) -> Vec<ModelFacts> {
    report.at_most("spec.models", list, MOST_MODELS);
    let mut models = Vec::with_capacity(list.len());
    for (at, model) in list.iter().enumerate() {
        let field = format!("spec.models[{at}]");
        let mut tokens = |name: &str, value: Option<i64>| {
            value.map(|v| report.bounded(format!("{field}.{name}"), v, 1, MOST_TOKENS))
        };
        let context_window = tokens("contextWindow", model.context_window);
        let max_output = tokens("maxOutputTokens", model.max_output_tokens);
        let price = model.price.as_ref().map(|p| price::read(p, &format!("{field}.price"), report));
        if let Some(name) = report.take(format!("{field}.name"), formats::glob(&model.name)) {
            models.push(ModelFacts { name, context_window, max_output, price });
        }
    }
    models
}

fn read_timeouts(spec: &TimeoutsSpec, report: &mut Report) -> Timeouts {
    let mut read = |name: &str, text: &str| {
        let field = format!("spec.timeouts.{name}");
        // What is refused is never used.
        let duration = report.take(&field, formats::duration(text)).unwrap_or(Duration::MAX);
        report.check(!duration.is_zero(), &field, super::SOME_TIME);
        duration
    };
    Timeouts {
        connect: read("connect", &spec.connect),
        response: read("response", &spec.response),
        first_event: read("firstEvent", &spec.first_event),
        idle: read("idle", &spec.idle),
        stream: read("stream", &spec.stream),
    }
}
