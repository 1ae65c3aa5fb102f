//! A provider as it is in force: every setting with the field that it came from, or that it is the default.

use std::collections::BTreeSet;

use serde::Serialize;
use sidegate_controller::index::Key;
use sidegate_crds::AIProviderSpec;
use sidegate_policy::money::Nanos;
use sidegate_policy::{ModelFacts, Snapshot, Timeouts};

use crate::objects::Specs;
use crate::source::Source;
use crate::words;

/// A provider.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// `namespace/name`.
    pub name: String,
    /// Its settings.
    pub settings: Vec<Setting>,
    /// Models whose price comes from the price list, but for those that the object prices.
    pub listed_prices: usize,
    /// The object.
    pub source: Source,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// Path of the field.
    pub field: String,
    /// The value in force.
    pub value: String,
    /// `object`, or `default` where the value is what stands when the object does not say. (An API server writes
    /// defaults into objects, so that the two cannot be told apart.)
    pub origin: &'static str,
}

/// The providers of a snapshot.
pub fn all(snapshot: &Snapshot, keys: &[Key], specs: &Specs) -> Vec<Provider> {
    let there: BTreeSet<(&str, &str, &str)> =
        keys.iter().map(|key| (&*key.namespace, &*key.provider, &*key.name)).collect();
    let of = |provider: &sidegate_policy::Provider| {
        let spec = specs.get(&(provider.namespace.to_string(), provider.name.to_string()));
        let here = |credential: &str| there.contains(&(&*provider.namespace, &*provider.name, credential));
        Provider {
            name: provider.key.to_string(),
            settings: spec.map(|spec| settings(provider, spec, &here)).unwrap_or_default(),
            listed_prices: provider.prices.len(),
            source: Source { field: "spec".to_owned(), ..Source::from(&provider.meta) },
        }
    };
    snapshot.providers.iter().map(of).collect()
}

fn settings(provider: &sidegate_policy::Provider, spec: &AIProviderSpec, here: &dyn Fn(&str) -> bool) -> Vec<Setting> {
    let mut list = vec![
        setting("spec.dialect", provider.dialect.as_str(), true),
        setting("spec.endpoint", words::endpoint(&provider.endpoint), spec.endpoint.is_some()),
        setting("spec.access.namespaces.from", format!("{:?}", spec.access.namespaces.from), true),
    ];
    for (field, value) in [("spec.region", &provider.region), ("spec.residency", &provider.residency)] {
        list.extend(value.as_ref().map(|value| setting(field, &**value, true)));
    }
    for credential in &provider.credentials {
        let state = if here(&credential.name) { "present" } else { "missing" };
        let field = format!("spec.credentials[{}]", credential.name);
        list.push(setting(field, format!("weight {}, {state}", credential.weight), true));
    }
    list.extend(provider.models.iter().flat_map(model));
    if let Some(pem) = &provider.authorities {
        let count = pem.matches("-----BEGIN CERTIFICATE-----").count();
        list.push(setting("spec.tls.caCertificateRefs", format!("{count} certificates"), true));
    }
    for (field, value) in [
        ("spec.network.plaintext", provider.network.plaintext),
        ("spec.network.privateAddresses", provider.network.private_addresses),
    ] {
        list.push(setting(field, value.to_string(), value));
    }
    list.extend(timeouts(&provider.timeouts));
    list
}

fn model(facts: &ModelFacts) -> Vec<Setting> {
    let field = |name: &str| format!("spec.models[{}].{name}", facts.name);
    let window = facts.context_window.map(|tokens| setting(field("contextWindow"), tokens.to_string(), true));
    let most = facts.max_output.map(|tokens| setting(field("maxOutputTokens"), tokens.to_string(), true));
    let price = facts.price.as_ref().map(|price| {
        let [input, output] = [price.rates.input, price.rates.output].map(|rate| Nanos(rate.0.into()));
        setting(field("price"), format!("${input} in, ${output} out, a million tokens"), true)
    });
    [window, most, price].into_iter().flatten().collect()
}

fn timeouts(all: &Timeouts) -> [Setting; 5] {
    let usual = Timeouts::default();
    [
        ("connect", all.connect, usual.connect),
        ("response", all.response, usual.response),
        ("firstEvent", all.first_event, usual.first_event),
        ("idle", all.idle, usual.idle),
        ("stream", all.stream, usual.stream),
    ]
    .map(|(name, time, usual)| setting(format!("spec.timeouts.{name}"), words::duration(time), time != usual))
}

fn setting(field: impl Into<String>, value: impl Into<String>, said: bool) -> Setting {
    Setting { field: field.into(), value: value.into(), origin: if said { "object" } else { "default" } }
}
