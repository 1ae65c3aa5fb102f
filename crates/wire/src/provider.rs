//! Providers: where they are, what they speak, what is known of their models. Never a key.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Credential, Dialect, Endpoint, ModelFacts, Network, Provider, Timeouts};

use crate::invalid::{InvalidSnapshot, Wrong, each, filled, present};
use crate::lists::decode_glob;
use crate::origin::{decode_meta, encode_meta};
use crate::prices::{decode_price, decode_rule, encode_price, encode_rule};
use crate::v1;

pub(crate) fn encode(provider: &Provider) -> v1::Provider {
    let text = |t: &Option<Arc<str>>| t.as_deref().unwrap_or_default().to_owned();
    let dialect = match provider.dialect {
        Dialect::OpenAi => v1::Dialect::Openai,
        Dialect::Anthropic => v1::Dialect::Anthropic,
        Dialect::Gemini => v1::Dialect::Gemini,
    };
    let credential = |c: &Credential| v1::CredentialRef { name: c.name.to_string(), weight: c.weight };
    v1::Provider {
        namespace: provider.namespace.to_string(),
        name: provider.name.to_string(),
        dialect: dialect.into(),
        endpoint: Some(encode_endpoint(&provider.endpoint)),
        region: text(&provider.region),
        residency: text(&provider.residency),
        credentials: provider.credentials.iter().map(credential).collect(),
        models: provider.models.iter().map(encode_facts).collect(),
        prices: provider.prices.iter().map(encode_rule).collect(),
        authorities: text(&provider.authorities),
        network: Some(v1::Network {
            plaintext: provider.network.plaintext,
            private_addresses: provider.network.private_addresses,
        }),
        timeouts: Some(encode_timeouts(&provider.timeouts)),
        meta: Some(encode_meta(&provider.meta)),
    }
}

pub(crate) fn decode(provider: v1::Provider) -> Result<Provider, InvalidSnapshot> {
    let text = |t: String| (!t.is_empty()).then(|| Arc::from(t));
    let network = provider.network.unwrap_or_default();
    let namespace = filled("namespace", provider.namespace)?;
    let name = filled("name", provider.name)?;
    Ok(Provider {
        key: format!("{namespace}/{name}").into(),
        namespace,
        name,
        dialect: decode_dialect(provider.dialect)?,
        endpoint: decode_endpoint(present("endpoint", provider.endpoint)?).map_err(|e| e.within("endpoint"))?,
        region: text(provider.region),
        residency: text(provider.residency),
        credentials: each("credentials", provider.credentials, |c| {
            Ok(Credential { name: filled("name", c.name)?, weight: c.weight })
        })?,
        models: each("models", provider.models, decode_facts)?,
        prices: each("prices", provider.prices, decode_rule)?.into(),
        authorities: text(provider.authorities),
        network: Network { plaintext: network.plaintext, private_addresses: network.private_addresses },
        timeouts: decode_timeouts(&present("timeouts", provider.timeouts)?).map_err(|e| e.within("timeouts"))?,
        meta: decode_meta(provider.meta)?,
    })
}

fn decode_dialect(dialect: i32) -> Result<Dialect, InvalidSnapshot> {
    match v1::Dialect::try_from(dialect) {
        Ok(v1::Dialect::Openai) => Ok(Dialect::OpenAi),
        Ok(v1::Dialect::Anthropic) => Ok(Dialect::Anthropic),
        Ok(v1::Dialect::Gemini) => Ok(Dialect::Gemini),
        Ok(v1::Dialect::Unspecified) | Err(_) => Err(InvalidSnapshot::at("dialect", Wrong::UnknownValue(dialect))),
    }
}

fn encode_endpoint(endpoint: &Endpoint) -> v1::Endpoint {
    v1::Endpoint {
        tls: endpoint.tls,
        host: endpoint.host.to_string(),
        port: endpoint.port.into(),
        path: endpoint.path.to_string(),
    }
}

fn decode_endpoint(endpoint: v1::Endpoint) -> Result<Endpoint, InvalidSnapshot> {
    let port = u16::try_from(endpoint.port).ok().filter(|p| *p != 0);
    Ok(Endpoint {
        tls: endpoint.tls,
        host: filled("host", endpoint.host)?,
        port: port.ok_or_else(|| InvalidSnapshot::at("port", Wrong::OutOfBounds(endpoint.port.into())))?,
        path: endpoint.path.into(),
    })
}

fn encode_facts(facts: &ModelFacts) -> v1::ModelFacts {
    v1::ModelFacts {
        name: facts.name.to_string(),
        context_window: facts.context_window,
        max_output: facts.max_output,
        price: facts.price.as_ref().map(encode_price),
    }
}

fn decode_facts(facts: v1::ModelFacts) -> Result<ModelFacts, InvalidSnapshot> {
    Ok(ModelFacts {
        name: decode_glob(&facts.name).map_err(|e| e.within("name"))?,
        context_window: facts.context_window,
        max_output: facts.max_output,
        price: facts.price.map(decode_price).transpose().map_err(|e| e.within("price"))?,
    })
}

fn encode_timeouts(timeouts: &Timeouts) -> v1::Timeouts {
    v1::Timeouts {
        connect: millis(timeouts.connect),
        response: millis(timeouts.response),
        first_event: millis(timeouts.first_event),
        idle: millis(timeouts.idle),
        stream: millis(timeouts.stream),
    }
}

fn decode_timeouts(timeouts: &v1::Timeouts) -> Result<Timeouts, InvalidSnapshot> {
    // Nothing is done in no time: zero is a slip, never "unlimited".
    let positive = |field: &str, ms: u64| match ms {
        0 => Err(InvalidSnapshot::at(field, Wrong::OutOfBounds(0))),
        ms => Ok(Duration::from_millis(ms)),
    };
    Ok(Timeouts {
        connect: positive("connect", timeouts.connect)?,
        response: positive("response", timeouts.response)?,
        first_event: positive("first_event", timeouts.first_event)?,
        idle: positive("idle", timeouts.idle)?,
        stream: positive("stream", timeouts.stream)?,
    })
}

/// Whole milliseconds; more than u64 holds do not occur before the end of time.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
