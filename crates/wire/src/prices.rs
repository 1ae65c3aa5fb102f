//! Prices and the names they are for.

use sidegate_policy::{ModelMatch, Nanos, Price, PriceRule, Rate, Rates, Tier};

use crate::invalid::{InvalidSnapshot, Wrong, each, filled, present};
use crate::v1;
use crate::v1::model_match::Match;

/// How deep matches may lie in matches; the price list needs four.
const MATCH_DEPTH: usize = 16;

pub(crate) fn encode_rule(rule: &PriceRule) -> v1::PriceRule {
    v1::PriceRule {
        model: rule.model.to_string(),
        matches: Some(encode_match(&rule.matches)),
        context_window: rule.context_window,
        price: Some(encode_price(&rule.price)),
    }
}

pub(crate) fn decode_rule(rule: v1::PriceRule) -> Result<PriceRule, InvalidSnapshot> {
    Ok(PriceRule {
        model: rule.model.into(),
        matches: decode_match(present("matches", rule.matches)?, MATCH_DEPTH).map_err(|e| e.within("matches"))?,
        context_window: rule.context_window,
        price: decode_price(present("price", rule.price)?).map_err(|e| e.within("price"))?,
    })
}

fn encode_match(m: &ModelMatch) -> v1::ModelMatch {
    let many = |all: &[ModelMatch]| v1::ModelMatches { matches: all.iter().map(encode_match).collect() };
    let inner = match m {
        ModelMatch::Equals(s) => Match::Equals(s.to_string()),
        ModelMatch::StartsWith(s) => Match::StartsWith(s.to_string()),
        ModelMatch::EndsWith(s) => Match::EndsWith(s.to_string()),
        ModelMatch::Contains(s) => Match::Contains(s.to_string()),
        ModelMatch::Digits { pattern, whole: true } => Match::Digits(pattern.to_string()),
        ModelMatch::Digits { pattern, whole: false } => Match::DigitsPrefix(pattern.to_string()),
        ModelMatch::All(all) => Match::All(many(all)),
        ModelMatch::Any(any) => Match::Any(many(any)),
        ModelMatch::Not(inner) => Match::Not(Box::new(encode_match(inner))),
    };
    v1::ModelMatch { r#match: Some(inner) }
}

fn decode_match(m: v1::ModelMatch, depth: usize) -> Result<ModelMatch, InvalidSnapshot> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(InvalidSnapshot::at("", Wrong::TooDeep(MATCH_DEPTH)));
    };
    let many = |field, all: v1::ModelMatches| each(field, all.matches, |m| decode_match(m, depth));
    Ok(match present("", m.r#match)? {
        Match::Equals(s) => ModelMatch::Equals(filled("equals", s)?),
        Match::StartsWith(s) => ModelMatch::StartsWith(filled("starts_with", s)?),
        Match::EndsWith(s) => ModelMatch::EndsWith(filled("ends_with", s)?),
        Match::Contains(s) => ModelMatch::Contains(filled("contains", s)?),
        Match::Digits(s) => ModelMatch::Digits { pattern: filled("digits", s)?, whole: true },
        Match::DigitsPrefix(s) => ModelMatch::Digits { pattern: filled("digits_prefix", s)?, whole: false },
        Match::All(all) => ModelMatch::All(many("all", all)?),
        Match::Any(any) => ModelMatch::Any(many("any", any)?),
        Match::Not(inner) => ModelMatch::Not(Box::new(decode_match(*inner, depth).map_err(|e| e.within("not"))?)),
    })
}

pub(crate) fn encode_price(price: &Price) -> v1::Price {
    let tier = |t: &Tier| v1::Tier { context_over: t.context_over, rates: Some(encode_rates(&t.rates)) };
    v1::Price {
        rates: Some(encode_rates(&price.rates)),
        // No price is negative, and none is above 18 billion dollars a request.
        per_request: u64::try_from(price.per_request.0.max(0)).unwrap_or(u64::MAX),
        tiers: price.tiers.iter().map(tier).collect(),
    }
}

pub(crate) fn decode_price(price: v1::Price) -> Result<Price, InvalidSnapshot> {
    let mut above = None;
    let tiers = each("tiers", price.tiers, |t| {
        if above.is_some_and(|above| t.context_over <= above) {
            return Err(InvalidSnapshot::at("context_over", Wrong::OutOfBounds(t.context_over)));
        }
        above = Some(t.context_over);
        Ok(Tier { context_over: t.context_over, rates: decode_rates(present("rates", t.rates)?) })
    })?;
    Ok(Price {
        rates: decode_rates(present("rates", price.rates)?),
        per_request: Nanos(price.per_request.into()),
        tiers,
    })
}

fn encode_rates(rates: &Rates) -> v1::Rates {
    v1::Rates {
        input: rates.input.0,
        cache_read: rates.cache_read.0,
        cache_write: rates.cache_write.0,
        cache_write_1h: rates.cache_write_1h.0,
        audio_input: rates.audio_input.0,
        output: rates.output.0,
        audio_output: rates.audio_output.0,
    }
}

fn decode_rates(rates: v1::Rates) -> Rates {
    Rates {
        input: Rate(rates.input),
        cache_read: Rate(rates.cache_read),
        cache_write: Rate(rates.cache_write),
        cache_write_1h: Rate(rates.cache_write_1h),
        audio_input: Rate(rates.audio_input),
        output: Rate(rates.output),
        audio_output: Rate(rates.audio_output),
    }
}
