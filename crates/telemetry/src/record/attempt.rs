//! One request to a provider, as it happened. A call may need several.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Class, Cost, Dialect, Reason, Usage};

/// Where a usage comes from. Ordered by how little it says for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum UsageSource {
    /// There is none.
    #[default]
    None,
    /// The provider reported it.
    Provider,
    /// It was estimated, because the answer was cut or told nothing.
    Estimated,
}

impl UsageSource {
    /// The word in spans and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Provider => "provider",
            Self::Estimated => "estimated",
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// `namespace/name` of the provider.
    pub provider: Arc<str>,
    /// The language it understands.
    pub dialect: Dialect,
    /// Name of the credential; empty for a provider without one.
    pub credential: Arc<str>,
    /// The model that it was asked for.
    pub model: Arc<str>,
    /// Host of its endpoint.
    pub host: Arc<str>,
    /// Port of its endpoint.
    pub port: u16,
    /// Status of the answer; none if none came.
    pub status: Option<u16>,
    /// What kind of failure it was; none if it succeeded, or if its caller left.
    pub class: Option<Class>,
    /// Why exactly.
    pub reason: Option<Reason>,
    /// Its caller left before it ended.
    pub abandoned: bool,
    /// Since the start of the call.
    pub started: Duration,
    /// To its end.
    pub duration: Duration,
    /// To the first meaningful event of a stream, since the attempt began.
    pub time_to_first_event: Option<Duration>,
    /// Some of the request may have reached the provider.
    pub sent: bool,
    /// Tokens that it took.
    pub usage: Option<Usage>,
    /// Where they come from.
    pub usage_source: UsageSource,
    /// What it cost.
    pub cost: Cost,
    /// Version of the price list that it was priced by.
    pub price_version: Arc<str>,
    /// The provider's id of the request.
    pub upstream_request_id: Option<Box<str>>,
}

/// What stands for the class of an attempt whose caller left.
const ABANDONED: &str = "client_cancelled";

impl AttemptRecord {
    /// What went wrong: a class of the gateway's vocabulary, or that the caller left; none if nothing did.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        self.class.map(Class::as_str).or_else(|| self.abandoned.then_some(ABANDONED))
    }
}
