//! Money as integers: nano-dollars, and prices in nano-dollars per million tokens.
//!
//! Many list prices are fractions of a nano-dollar a token, so a price is kept per million; each component's
//! product is rounded up once, never the sum of roundings down. No float enters or leaves.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::usage::{Classes, Usage};

/// Nano-dollars (10⁻⁹ USD). Signed, because corrections may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i128);

impl Nanos {
    /// The sum, at the bounds of the type rather than around them.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Nanos {
    /// Dollars with nine decimals, trailing zeros dropped down to two: `0.000123`, `1.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / 1_000_000_000, magnitude % 1_000_000_000);
        let digits = format!("{fraction:09}");
        let kept = digits.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{}", digits.get(..kept).unwrap_or(&digits))
    }
}

/// Nano-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(pub u64);

impl Rate {
    /// What `tokens` cost, rounded up once.
    #[must_use]
    pub fn cost(self, tokens: u64) -> Nanos {
        // Nearly every product is a small one, and division by a constant is cheap there.
        if let Some(product) = self.0.checked_mul(tokens) {
            return Nanos(i128::from(product.div_ceil(1_000_000)));
        }
        let product = u128::from(self.0) * u128::from(tokens);
        // Two u64 multiply to less than 2¹²⁸, and a millionth of that fits i128.
        Nanos(i128::try_from(product.div_ceil(1_000_000)).unwrap_or(i128::MAX))
    }
}

/// A rate for each class of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Prompt tokens.
    pub input: Rate,
    /// Prompt tokens read from a cache.
    pub cache_read: Rate,
    /// Prompt tokens written to a cache for minutes.
    pub cache_write: Rate,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: Rate,
    /// Prompt tokens that are audio.
    pub audio_input: Rate,
    /// Generated tokens.
    pub output: Rate,
    /// Generated tokens that are audio.
    pub audio_output: Rate,
}

impl Rates {
    fn cost(&self, classes: &Classes) -> Nanos {
        [
            (self.input, classes.input),
            (self.cache_read, classes.cache_read),
            (self.cache_write, classes.cache_write),
            (self.cache_write_1h, classes.cache_write_1h),
            (self.audio_input, classes.audio_input),
            (self.output, classes.output),
            (self.audio_output, classes.audio_output),
        ]
        .into_iter()
        .fold(Nanos(0), |sum, (rate, tokens)| sum.saturating_add(rate.cost(tokens)))
    }
}

/// Other rates for prompts above a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Prompt tokens above which the whole call costs these rates.
    pub context_over: u64,
    /// The rates.
    pub rates: Rates,
}

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Price {
    /// The rates below every tier.
    pub rates: Rates,
    /// For each request, whatever its tokens.
    pub per_request: Nanos,
    /// Ascending by `context_over`.
    pub tiers: Vec<Tier>,
}

impl Price {
    /// What `usage` costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Nanos {
        let rates =
            self.tiers.iter().rev().find(|t| usage.input_total > t.context_over).map_or(&self.rates, |t| &t.rates);
        rates.cost(&usage.classes()).saturating_add(self.per_request)
    }

    /// Whether nothing is ever charged.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let zero = Rates::default();
        self.per_request.0 == 0 && self.rates == zero && self.tiers.iter().all(|t| t.rates == zero)
    }
}

/// What an attempt cost. Free, priced and unknown are three different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// It cost this much.
    Priced(Nanos),
    /// The model has a price, and the price is nothing.
    Free,
    /// Nobody knows a price for the model, or no tokens are known to price.
    Unknown,
}

impl Cost {
    /// Prices `usage`; unknown where either is missing.
    #[must_use]
    pub fn of(price: Option<&Price>, usage: Option<&Usage>) -> Self {
        match (price, usage) {
            (Some(price), _) if price.is_free() => Self::Free,
            (Some(price), Some(usage)) => Self::Priced(price.cost(usage)),
            _ => Self::Unknown,
        }
    }

    /// `priced`, `free` or `unknown`.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Priced(_) => "priced",
            Self::Free => "free",
            Self::Unknown => "unknown",
        }
    }

    /// The sum of two attempts: unknown spoils it, free adds nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Free, other) | (other, Self::Free) => other,
            (Self::Priced(a), Self::Priced(b)) => Self::Priced(a.saturating_add(b)),
        }
    }
}
