//! The generated file beside the price list: which names each model takes, and where its tiers begin.

use std::collections::BTreeMap;

use genai_prices::{Calculator, ProviderInfo};
use jiff::civil::Date;
use serde::Deserialize;
use sidegate_policy::{ModelMatch, PriceRule};
use thiserror::Error;

use super::rates::Question;

/// The generated file is not what this program expects.
#[derive(Debug, Error)]
#[error("price-matchers.json: {0}")]
pub struct InvalidMatchers(#[from] serde_json::Error);

/// The generated file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matchers {
    /// Version of the crate that it was made from.
    pub crate_version: String,
    /// Providers by the crate's identifier.
    pub providers: BTreeMap<String, ProviderMatchers>,
}

/// The models of one provider, in the order in which the first match wins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderMatchers {
    /// Its models.
    pub models: Vec<ModelMatchers>,
    /// Whose models it serves too.
    #[serde(default)]
    pub fallbacks: Vec<String>,
}

/// One model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelMatchers {
    /// The crate's identifier.
    pub id: String,
    /// Which names it takes.
    #[serde(rename = "match")]
    pub matches: Clause,
    /// A name that it takes, where its identifier is none.
    pub ask: Option<String>,
    /// Prompt tokens above which other rates begin.
    #[serde(default)]
    pub tiers: Vec<u64>,
    /// Its price depends on the hour.
    #[serde(default)]
    pub by_hour: bool,
}

/// One clause of a match, in lower case.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clause {
    /// The whole name.
    Equals(String),
    /// A beginning.
    StartsWith(String),
    /// An end.
    EndsWith(String),
    /// A part.
    Contains(String),
    /// The whole name; `#` stands for one digit.
    Digits(String),
    /// A beginning; `#` stands for one digit.
    DigitsPrefix(String),
    /// Every one of these.
    All(Vec<Clause>),
    /// At least one of these.
    Any(Vec<Clause>),
    /// Not this one.
    Not(Box<Clause>),
}

impl From<&Clause> for ModelMatch {
    fn from(clause: &Clause) -> Self {
        let many = |clauses: &[Clause]| clauses.iter().map(Self::from).collect();
        match clause {
            Clause::Equals(s) => Self::Equals(s.as_str().into()),
            Clause::StartsWith(s) => Self::StartsWith(s.as_str().into()),
            Clause::EndsWith(s) => Self::EndsWith(s.as_str().into()),
            Clause::Contains(s) => Self::Contains(s.as_str().into()),
            Clause::Digits(s) => Self::Digits { pattern: s.as_str().into(), whole: true },
            Clause::DigitsPrefix(s) => Self::Digits { pattern: s.as_str().into(), whole: false },
            Clause::All(clauses) => Self::All(many(clauses)),
            Clause::Any(clauses) => Self::Any(many(clauses)),
            Clause::Not(inner) => Self::Not(Box::new(Self::from(&**inner))),
        }
    }
}

impl Matchers {
    /// The file that this program was built with.
    ///
    /// # Errors
    /// [`InvalidMatchers`] if it cannot be read.
    pub fn bundled() -> Result<Self, InvalidMatchers> {
        Ok(serde_json::from_str(include_str!("../../data/price-matchers.json"))?)
    }

    /// The prices of one provider and of those whose models it serves too, on `date`.
    #[must_use]
    pub fn rules(&self, provider: &str, calculator: &Calculator, date: Date) -> Vec<PriceRule> {
        let Some(matchers) = self.providers.get(provider) else { return Vec::new() };
        let mut rules = self.own_rules(provider, calculator, date);
        for other in &matchers.fallbacks {
            rules.extend(self.own_rules(other, calculator, date));
        }
        rules
    }

    fn own_rules(&self, provider: &str, calculator: &Calculator, date: Date) -> Vec<PriceRule> {
        let (Some(matchers), Ok(Some(info))) =
            (self.providers.get(provider), calculator.find_provider(Some(provider), None))
        else {
            return Vec::new();
        };
        let windows: BTreeMap<&str, u64> = info.models().filter_map(|m| Some((m.id(), m.context_window()?))).collect();
        matchers.models.iter().filter_map(|model| model.rule(info, calculator, date, &windows)).collect()
    }
}

impl ModelMatchers {
    fn rule(
        &self,
        provider: ProviderInfo<'_>,
        calculator: &Calculator,
        date: Date,
        windows: &BTreeMap<&str, u64>,
    ) -> Option<PriceRule> {
        let question = Question { calculator, provider: provider.id(), model: self, date };
        Some(PriceRule {
            model: self.id.as_str().into(),
            matches: ModelMatch::from(&self.matches),
            context_window: windows.get(self.id.as_str()).copied(),
            price: question.price()?,
        })
    }
}
