//! A provider as the sidecar sees it: where it is, what it speaks, what its models cost. Never a key.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::call::Dialect;
use crate::glob::Glob;
use crate::meta::Meta;
use crate::money::Price;

/// Where a provider listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `https`, or plain `http`.
    pub tls: bool,
    /// Host name or address literal, without brackets.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
    /// Path before the dialect's own, without a trailing slash; empty or beginning with one.
    pub path: Arc<str>,
}

/// One key of a provider, by name. Its value travels apart and is never part of policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Name in the provider's list.
    pub name: Arc<str>,
    /// Share of the load among the provider's credentials; 0 is drained.
    pub weight: u32,
}

/// What the platform knows of a model, or of all models that a glob means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The model's name, or a glob over names.
    pub name: Glob,
    /// Tokens that fit the model, input and output together.
    pub context_window: Option<u64>,
    /// Tokens that the model can generate for one choice.
    pub max_output: Option<u64>,
    /// What it costs; replaces the list price whole.
    pub price: Option<Price>,
}

/// Which names a listed price is for. Comparisons ignore ASCII case, as the price list's do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelMatch {
    /// The whole name.
    Equals(Arc<str>),
    /// A beginning.
    StartsWith(Arc<str>),
    /// An end.
    EndsWith(Arc<str>),
    /// A part.
    Contains(Arc<str>),
    /// A beginning (or, with `whole`, a whole name) in which `#` stands for one digit.
    Digits {
        /// The text with its `#`.
        pattern: Arc<str>,
        /// Nothing may follow.
        whole: bool,
    },
    /// Every one of these.
    All(Vec<ModelMatch>),
    /// At least one of these.
    Any(Vec<ModelMatch>),
    /// Not this one.
    Not(Box<ModelMatch>),
}

impl ModelMatch {
    /// Whether `name`, already in ASCII lower case, is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Equals(s) => **s == *name,
            Self::StartsWith(s) => name.starts_with(&**s),
            Self::EndsWith(s) => name.ends_with(&**s),
            Self::Contains(s) => name.contains(&**s),
            Self::Digits { pattern, whole } => {
                let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
                let long_enough = if *whole { name.len() == pattern.len() } else { name.len() >= pattern.len() };
                long_enough
                    && pattern.iter().zip(name).all(|(p, n)| if *p == b'#' { n.is_ascii_digit() } else { p == n })
            }
            Self::All(all) => all.iter().all(|m| m.matches(name)),
            Self::Any(any) => any.iter().any(|m| m.matches(name)),
            Self::Not(inner) => !inner.matches(name),
        }
    }
}

/// A listed price and the names it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRule {
    /// The model's name in the list.
    pub model: Arc<str>,
    /// Which names are meant.
    pub matches: ModelMatch,
    /// Tokens that fit the model.
    pub context_window: Option<u64>,
    /// What it costs.
    pub price: Price,
}

/// What may be done to reach an endpoint that is otherwise refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Plain `http` although there are credentials.
    pub plaintext: bool,
    /// Private and loopback addresses.
    pub private_addresses: bool,
}

/// How long a provider may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To a connection that can carry a request: name, TCP and TLS.
    pub connect: Duration,
    /// The whole of an answer that is not streamed.
    pub response: Duration,
    /// To the first meaningful event of a stream.
    pub first_event: Duration,
    /// Between meaningful events of a stream.
    pub idle: Duration,
    /// The whole of a stream.
    pub stream: Duration,
}

impl Default for Timeouts {
    /// Long, because silent reasoning is no fault.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(15 * 60),
            first_event: Duration::from_secs(10 * 60),
            idle: Duration::from_secs(5 * 60),
            stream: Duration::from_secs(60 * 60),
        }
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// `namespace/name`, by which circuits, pins and records know it.
    pub key: Arc<str>,
    /// Namespace of its object.
    pub namespace: Arc<str>,
    /// Name of its object.
    pub name: Arc<str>,
    /// The language it understands.
    pub dialect: Dialect,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Where it computes, as its object says.
    pub region: Option<Arc<str>>,
    /// Under which law its data lives, as its object says.
    pub residency: Option<Arc<str>>,
    /// Its keys by name; none means that it asks for none.
    pub credentials: Vec<Credential>,
    /// What the platform knows of its models.
    pub models: Vec<ModelFacts>,
    /// Listed prices, in the list's order; shared, because many policies have the same.
    pub prices: Arc<[PriceRule]>,
    /// PEM of the authorities that it is trusted by; none means the public ones.
    pub authorities: Option<Arc<str>>,
    /// What may be done to reach it.
    pub network: Network,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The object it came from.
    pub meta: Meta,
}

/// What is known of one model of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known<'a> {
    /// Tokens that fit the model.
    pub context_window: Option<u64>,
    /// Tokens that it can generate for one choice.
    pub max_output: Option<u64>,
    /// What it costs.
    pub price: Option<&'a Price>,
}

impl Provider {
    /// What is known of `model`: each fact from the closest entry of the object that has it (an exact name,
    /// then the longest glob, then the first), else from the price list.
    #[must_use]
    pub fn known(&self, model: &str) -> Known<'_> {
        let mut entries: Vec<&ModelFacts> = self.models.iter().filter(|e| e.name.matches(model)).collect();
        entries.sort_by_key(|e| std::cmp::Reverse(e.name.closeness()));
        let folded = model.to_ascii_lowercase();
        let listed = self.prices.iter().find(|rule| rule.matches.matches(&folded));
        Known {
            context_window: entries.iter().find_map(|e| e.context_window).or(listed.and_then(|l| l.context_window)),
            max_output: entries.iter().find_map(|e| e.max_output),
            price: entries.iter().find_map(|e| e.price.as_ref()).or(listed.map(|l| &l.price)),
        }
    }
}
