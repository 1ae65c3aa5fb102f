//! Where attempts go, as far as labels tell, and the handles of what is counted there.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use sidegate_policy::{Operation, Usage};

use super::Attempts;
use crate::instrument::{Counter, Histogram, Traced};
use crate::metrics::owned;
use crate::record::AttemptRecord;
use crate::span::{operation_name, provider_name};

/// What tokens are billed as: parts that do not overlap, as far as the provider tells them apart.
const CLASSES: [&str; 7] = ["input", "cache_read", "cache_write", "audio_input", "output", "reasoning", "audio_output"];

/// A place, and the handles of a success there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) operation: Option<Operation>,
    pub(super) provider: Arc<str>,
    pub(super) model: Arc<str>,
    pub(super) duration: Histogram,
    pub(super) good: Counter,
    pub(super) cost: Counter,
    input: Histogram,
    output: Histogram,
    /// First chunk, and each token after it; of streams only.
    stream: OnceLock<(Histogram, Histogram)>,
    /// In the order of [`CLASSES`], from the first token of the class on.
    tokens: [OnceLock<Counter>; CLASSES.len()],
}

impl Place {
    pub(super) fn new(
        families: &Attempts,
        operation: Option<Operation>,
        attempt: &AttemptRecord,
        model: Arc<str>,
    ) -> Self {
        let of = |last: &'static str| values(operation, attempt, &model, Cow::Borrowed(last));
        let provider = owned(&attempt.provider);
        Self {
            operation,
            provider: attempt.provider.clone(),
            duration: families.duration.get(of("")),
            good: families.attempts.get([provider.clone(), Cow::Borrowed("")]),
            cost: families.cost.get([provider, owned(&model)]),
            input: families.token_usage.get(of("input")),
            output: families.token_usage.get(of("output")),
            stream: OnceLock::new(),
            tokens: [const { OnceLock::new() }; CLASSES.len()],
            model,
        }
    }

    /// Counts the pace of a stream that has begun.
    pub(super) fn streamed(&self, families: &Attempts, attempt: &AttemptRecord, traced: Option<&Traced>) {
        let Some(first) = attempt.time_to_first_event else {
            return;
        };
        let (first_chunk, each_token) = self.stream.get_or_init(|| {
            let [a, b, c, d, _] = values(self.operation, attempt, &self.model, Cow::Borrowed(""));
            let labels = [a, b, c, d];
            (families.first_chunk.get(labels.clone()), families.each_token.get(labels))
        });
        first_chunk.observe(first.as_secs_f64(), traced);
        // Of answers that came to their end; the first token is the first chunk's.
        let after_first = attempt.usage.map_or(0, |usage| usage.output_total.saturating_sub(1));
        if attempt.trouble().is_none() && after_first > 0 {
            let seconds = attempt.duration.saturating_sub(first).as_secs_f64();
            each_token.observe(seconds / after_first as f64, traced);
        }
    }

    /// Counts what an attempt took.
    pub(super) fn used(&self, families: &Attempts, usage: &Usage, traced: Option<&Traced>) {
        self.input.observe(usage.input_total as f64, traced);
        self.output.observe(usage.output_total as f64, traced);
        for ((class, count), counter) in CLASSES.iter().zip(parts(usage)).zip(&self.tokens) {
            if count > 0 {
                let labels = || [owned(&self.provider), owned(&self.model), Cow::Borrowed(*class)];
                counter.get_or_init(|| families.tokens.get(labels())).inc_by(count);
            }
        }
    }
}

/// A usage in the order of [`CLASSES`]: the totals without what is told apart of them.
fn parts(usage: &Usage) -> [u64; CLASSES.len()] {
    let [read, write, audio_in, reasoning, audio_out] =
        [usage.cache_read, usage.cache_write, usage.audio_input, usage.reasoning, usage.audio_output]
            .map(Option::unwrap_or_default);
    let input = usage.input_total.saturating_sub(read).saturating_sub(write).saturating_sub(audio_in);
    let output = usage.output_total.saturating_sub(reasoning).saturating_sub(audio_out);
    [input, read, write, audio_in, output, reasoning, audio_out]
}

/// The values of a place's labels, and of one more.
pub(super) fn values(
    operation: Option<Operation>,
    attempt: &AttemptRecord,
    model: &str,
    last: Cow<'static, str>,
) -> [Cow<'static, str>; 5] {
    [
        operation.map_or("unknown", operation_name).into(),
        provider_name(attempt.dialect).into(),
        owned(model),
        owned(&attempt.provider),
        last,
    ]
}
