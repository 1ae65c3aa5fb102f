//! List prices, from the `genai-prices` crate, in integers and with the names that they are for.
//!
//! The crate prices a model by name but tells neither all of its names nor where its tiers begin; both are in
//! `data/price-matchers.json`, which `data/extract.py` writes from the crate's own data. Rates are asked of the crate.
//! Service tiers and batches are not modelled: list prices are those of an ordinary call.

mod matchers;
mod rates;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use genai_prices::Calculator;
use jiff::civil::Date;
use sidegate_policy::{Endpoint, PriceRule};

pub use matchers::{InvalidMatchers, Matchers};

/// List prices of one day, worked out for a provider when it is first asked for.
pub struct PriceBook {
    version: Arc<str>,
    source: Option<(Matchers, Date)>,
    known: Mutex<BTreeMap<String, Arc<[PriceRule]>>>,
}

impl PriceBook {
    /// No prices at all.
    #[must_use]
    pub fn empty() -> Self {
        Self { version: "none".into(), source: None, known: Mutex::default() }
    }

    /// The prices of `date`.
    ///
    /// # Errors
    /// [`InvalidMatchers`] if the generated file is not what this program expects.
    pub fn of(date: Date) -> Result<Self, InvalidMatchers> {
        let matchers = Matchers::bundled()?;
        let version = format!("genai-prices {} {date}", matchers.crate_version).into();
        Ok(Self { version, source: Some((matchers, date)), known: Mutex::default() })
    }

    /// Name and version of the list, and the day that it was read for.
    #[must_use]
    pub fn version(&self) -> Arc<str> {
        self.version.clone()
    }

    /// The prices of whoever serves at `endpoint`; none for places that the list does not know.
    #[must_use]
    pub fn rules_for(&self, endpoint: &Endpoint) -> Arc<[PriceRule]> {
        let Some((matchers, date)) = &self.source else { return Arc::default() };
        let scheme = if endpoint.tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", endpoint.host, endpoint.path);
        let calculator = Calculator::bundled();
        let Ok(Some(provider)) = calculator.find_provider(None, Some(&url)) else { return Arc::default() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(provider.id()) {
            return rules.clone();
        }
        let rules: Arc<[PriceRule]> = matchers.rules(provider.id(), calculator, *date).into();
        known.insert(provider.id().to_owned(), rules.clone());
        rules
    }
}

#[cfg(test)]
mod tests;
