//! Rates, asked of the crate one class of token at a time, and rounded to billionths of a dollar per million tokens.

use std::time::SystemTime;

use genai_prices::{Calculator, PriceCalculation, PriceRequest, Usage, UsageKey};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sidegate_policy::{Nanos, Price, Rate, Rates, Tier};

use super::matchers::ModelMatchers;

/// Prompt tokens below every tier.
const FEW: u64 = 1000;
/// Hours of the day that fall into each of the periods by which some prices differ.
const HOURS: [i8; 4] = [2, 8, 12, 20];
/// Nano-dollars in a dollar, and tokens in a million.
const NANOS: f64 = 1e9;
const MILLION: f64 = 1e6;

/// What one model of one provider costs on one day.
pub(super) struct Question<'a> {
    pub(super) calculator: &'a Calculator,
    pub(super) provider: &'a str,
    pub(super) model: &'a ModelMatchers,
    pub(super) date: Date,
}

impl Question<'_> {
    /// The price; `None` where the crate does not know the model after all. A price that depends on the hour is taken
    /// at its dearest, because nobody knows when a call will be billed.
    pub(super) fn price(&self) -> Option<Price> {
        let hours = if self.model.by_hour { &HOURS[..] } else { &HOURS[2..3] };
        hours.iter().map(|hour| self.price_at(*hour)).reduce(|a, b| Some(dearest(a?, b?)))?
    }

    fn price_at(&self, hour: i8) -> Option<Price> {
        let when = self.date.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp().into();
        let rates = self.rates(FEW, when)?;
        let mut tiers: Vec<Tier> = Vec::new();
        for start in &self.model.tiers {
            let tier = Tier { context_over: *start, rates: self.rates(start + 1, when)? };
            if tiers.last().map_or(rates, |t| t.rates) != tier.rates {
                tiers.push(tier);
            }
        }
        let mut request = Usage::new();
        request.insert(UsageKey::REQUESTS, 1.0);
        let per_request = nanos(self.ask(&request, when)?.total_price)?;
        Some(Price { rates, per_request: Nanos(per_request.into()), tiers })
    }

    /// The rates of a call with `prompt` prompt tokens.
    fn rates(&self, prompt: u64, when: SystemTime) -> Option<Rates> {
        // Exact: no tier begins near 2⁵³ tokens.
        let count = f64::from(u32::try_from(prompt).ok()?);
        let rate = |classes: &[UsageKey], output: bool| {
            let mut usage = Usage::from([(UsageKey::INPUT_TOKENS, count)]);
            for class in classes {
                usage.insert(class.clone(), count);
            }
            let price = self.ask(&usage, when)?;
            let dollars = if output { price.output_price } else { price.input_price };
            nanos(dollars * MILLION / count).map(Rate)
        };
        Some(Rates {
            input: rate(&[], false)?,
            cache_read: rate(&[UsageKey::CACHE_READ_TOKENS], false)?,
            cache_write: rate(&[UsageKey::CACHE_WRITE_TOKENS], false)?,
            cache_write_1h: rate(&[UsageKey::CACHE_WRITE_TOKENS, UsageKey::CACHE_WRITE_1H_TOKENS], false)?,
            audio_input: rate(&[UsageKey::INPUT_AUDIO_TOKENS], false)?,
            output: rate(&[UsageKey::OUTPUT_TOKENS], true)?,
            audio_output: rate(&[UsageKey::OUTPUT_TOKENS, UsageKey::OUTPUT_AUDIO_TOKENS], true)?,
        })
    }

    fn ask(&self, usage: &Usage, when: SystemTime) -> Option<PriceCalculation> {
        let name = self.model.ask.as_deref().unwrap_or(&self.model.id);
        let request = PriceRequest::new(name, usage).with_provider_id(self.provider).with_timestamp(when);
        let price = self.calculator.calculate(&request).ok()?;
        // Another model would answer with another price.
        (price.model_id == self.model.id).then_some(price)
    }
}

/// Dollars as whole nano-dollars, rounded to the nearest; `None` beyond what prices are.
fn nanos(dollars: f64) -> Option<u64> {
    let rounded = (dollars * NANOS).round();
    // Below 2⁵³ every whole number is exact.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked beside it")]
    (0.0..=9e15).contains(&rounded).then_some(rounded as u64)
}

/// The higher of two prices in every part.
fn dearest(a: Price, b: Price) -> Price {
    let tiers = if a.tiers.len() == b.tiers.len() {
        let pairs = a.tiers.iter().zip(&b.tiers);
        pairs.map(|(a, b)| Tier { context_over: a.context_over, rates: dearest_rates(a.rates, b.rates) }).collect()
    } else if a.tiers.len() > b.tiers.len() {
        a.tiers
    } else {
        b.tiers
    };
    Price { rates: dearest_rates(a.rates, b.rates), per_request: a.per_request.max(b.per_request), tiers }
}

fn dearest_rates(a: Rates, b: Rates) -> Rates {
    Rates {
        input: a.input.max(b.input),
        cache_read: a.cache_read.max(b.cache_read),
        cache_write: a.cache_write.max(b.cache_write),
        cache_write_1h: a.cache_write_1h.max(b.cache_write_1h),
        audio_input: a.audio_input.max(b.audio_input),
        output: a.output.max(b.output),
        audio_output: a.audio_output.max(b.audio_output),
    }
}
