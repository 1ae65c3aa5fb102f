//! What is known of one model of one provider: facts, price and circuits, worked out once.

use std::sync::{Arc, Mutex, PoisonError};

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
    /// The model that answered last in its stead, and what that costs: usually the dated name of the same.
    served: Mutex<Option<(Box<str>, Option<Price>)>>,
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
            served: Mutex::default(),
            circuits: names.iter().map(|name| breakers.circuit(&provider.key, name, model)).collect(),
        }
    }

    /// What `usage` costs here.
    #[must_use]
    pub fn cost(&self, usage: Option<&Usage>) -> Cost {
        Cost::of(self.price.as_ref(), usage)
    }

    /// What `usage` costs where `model` of the same provider answered.
    #[must_use]
    pub fn cost_of(&self, provider: &Provider, model: &str, usage: Option<&Usage>) -> Cost {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if served.as_ref().is_none_or(|(name, _)| **name != *model) {
            *served = Some((model.into(), provider.known(model).price.cloned()));
        }
        Cost::of(served.as_ref().and_then(|(_, price)| price.as_ref()), usage)
    }
}
