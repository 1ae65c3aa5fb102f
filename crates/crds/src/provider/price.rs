//! Prices: decimal strings into integers, exactly; absent classes cost what their input or output costs.

use sidegate_policy::{Nanos, Price, Rate, Rates, Tier};

use super::{PriceSpec, TierSpec};
use crate::formats;
use crate::invalid::Report;

const MOST_TIERS: usize = 8;

/// The texts of one set of rates, in the order of [`Rates`].
struct Texts<'a> {
    input: &'a str,
    cache_read: Option<&'a str>,
    cache_write: Option<&'a str>,
    cache_write_1h: Option<&'a str>,
    audio_input: Option<&'a str>,
    output: &'a str,
    audio_output: Option<&'a str>,
}

impl Texts<'_> {
    fn read(&self, field: &str, report: &mut Report) -> Rates {
        let mut rate = |name: &str, text: Option<&str>, base: Rate| match text {
            Some(text) => Rate(report.take(format!("{field}.{name}"), formats::nanos(text)).unwrap_or(0)),
            None => base,
        };
        let input = rate("input", Some(self.input), Rate(0));
        let output = rate("output", Some(self.output), Rate(0));
        Rates {
            input,
            cache_read: rate("cacheRead", self.cache_read, input),
            cache_write: rate("cacheWrite", self.cache_write, input),
            cache_write_1h: rate("cacheWrite1h", self.cache_write_1h, input),
            audio_input: rate("audioInput", self.audio_input, input),
            output,
            audio_output: rate("audioOutput", self.audio_output, output),
        }
    }
}

pub(super) fn read(spec: &PriceSpec, field: &str, report: &mut Report) -> Price {
    let texts = Texts {
        input: &spec.input,
        cache_read: spec.cache_read.as_deref(),
        cache_write: spec.cache_write.as_deref(),
        cache_write_1h: spec.cache_write_1h.as_deref(),
        audio_input: spec.audio_input.as_deref(),
        output: &spec.output,
        audio_output: spec.audio_output.as_deref(),
    };
    let per_request = spec.per_request.as_deref().map_or(Ok(0), formats::nanos);
    report.at_most(format!("{field}.tiers"), &spec.tiers, MOST_TIERS);
    let mut tiers: Vec<Tier> = Vec::with_capacity(spec.tiers.len());
    for (at, tier) in spec.tiers.iter().enumerate() {
        let field = format!("{field}.tiers[{at}]");
        let tier = read_tier(tier, &field, report);
        let ascends = tiers.last().is_none_or(|before| before.context_over < tier.context_over);
        report.check(ascends, format!("{field}.contextOver"), super::models::ASCENDING);
        tiers.push(tier);
    }
    Price {
        rates: texts.read(field, report),
        per_request: Nanos(report.take(format!("{field}.perRequest"), per_request).unwrap_or(0).into()),
        tiers,
    }
}

fn read_tier(tier: &TierSpec, field: &str, report: &mut Report) -> Tier {
    let texts = Texts {
        input: &tier.input,
        cache_read: tier.cache_read.as_deref(),
        cache_write: tier.cache_write.as_deref(),
        cache_write_1h: tier.cache_write_1h.as_deref(),
        audio_input: tier.audio_input.as_deref(),
        output: &tier.output,
        audio_output: tier.audio_output.as_deref(),
    };
    let context_over = report.bounded(format!("{field}.contextOver"), tier.context_over, 1, super::accept::MOST_TOKENS);
    Tier { context_over, rates: texts.read(field, report) }
}
