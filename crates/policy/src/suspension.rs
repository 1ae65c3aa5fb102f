//! Which circuits are not to be used at the moment: a read-only view for the decision.
//!
//! The counting behind it (failures, ratios, growing times, the probe) is the sidecar's; a decision only
//! asks whether a place is out, and if all are, which is the least bad.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What may fail on its own: a key of a provider for one model, or for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CircuitKey {
    /// `namespace/name` of the provider.
    pub provider: Arc<str>,
    /// Name of the credential; empty for a provider without one.
    pub credential: Arc<str>,
    /// The model; none means every model, as when the key itself was turned down.
    pub model: Option<Arc<str>>,
}

/// A circuit that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspension {
    /// Since the start of the process: when a probe may go.
    pub until: Duration,
    /// A probe is under way, so that nobody else may go.
    pub probing: bool,
    /// Times in a row that it went out; the least bad has the fewest.
    pub strikes: u32,
}

/// All circuits that are out. Usually empty, and then nothing is looked up.
#[derive(Debug, Clone, Default)]
pub struct Suspensions(pub HashMap<CircuitKey, Suspension>);

impl Suspensions {
    /// The strikes of a place that is out at `now`; none where it may be used.
    #[must_use]
    pub fn strikes(&self, provider: &Arc<str>, credential: &Arc<str>, model: &Arc<str>, now: Duration) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        let key = |model| CircuitKey { provider: provider.clone(), credential: credential.clone(), model };
        [key(None), key(Some(model.clone()))]
            .iter()
            .filter_map(|k| self.0.get(k))
            .filter(|s| s.probing || now < s.until)
            .map(|s| s.strikes)
            .max()
    }
}
