//! What is known of one model of one provider: facts, price and circuits, worked out once.

use std::sync::Arc;

use sidegate_policy::{Cost, Price, Provider, Usage};

use crate::dispatch::breaker::{Breakers, Circuit};

/// A provider's model.
pub struct Place {
    /// Tokens that fit the model.
    pub context_window: Option<u64>,
    /// Tokens that it can generate for one choice.
    pub max_output: Option<u64>,
    /// What it costs.
    pub price: Option<Price>,
    /// Its circuits, one for each credential; one for a provider without any.
    pub circuits: Vec<Arc<Circuit>>,
}

impl Place {
    pub(super) fn new(provider: &Provider, model: &Arc<str>, breakers: &Breakers) -> Self {
        let known = provider.known(model);
        let names: Vec<Arc<str>> = match &provider.credentials[..] {
            [] => vec!["".into()],
            all => all.iter().map(|c| c.name.clone()).collect(),
        };
        Self {
            context_window: known.context_window,
            max_output: known.max_output,
            price: known.price.cloned(),
            circuits: names.iter().map(|name| breakers.circuit(&provider.key, name, model)).collect(),
        }
    }

    /// What `usage` costs here.
    #[must_use]
    pub fn cost(&self, usage: Option<&Usage>) -> Cost {
        Cost::of(self.price.as_ref(), usage)
    }
}
