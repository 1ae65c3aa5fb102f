//! The tokens of an answer, out of what its provider reports.
//!
//! Every provider counts in its own way; the rules that bring them to one are here and nowhere else. The
//! field names and what contains what are those of the providers' API references.

use serde_json::Value;
use sidegate_policy::{Dialect, Usage};

/// Beyond it a number is no count of tokens.
const MAX_COUNT: u64 = 1 << 48;

/// A report, field by field, as far as it was told. Later reports of one answer may restate some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Report {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    audio_input: Option<u64>,
    audio_output: Option<u64>,
    reasoning: Option<u64>,
    tool_input: Option<u64>,
}

/// Reads counts and notes what is none.
struct Counts<'a> {
    value: &'a Value,
    odd: u32,
}

impl Counts<'_> {
    /// The count at a path of keys.
    fn at(&mut self, path: &[&str]) -> Option<u64> {
        let mut value = self.value;
        for key in path {
            value = value.get(key)?;
        }
        if value.is_null() {
            return None;
        }
        let count = count(value);
        if count.is_none() {
            self.odd = self.odd.saturating_add(1);
        }
        count
    }

    /// The first of several paths that holds a count.
    fn first(&mut self, paths: &[&[&str]]) -> Option<u64> {
        paths.iter().find_map(|path| self.at(path))
    }
}

/// A number of tokens: a float is one if it is whole.
fn count(value: &Value) -> Option<u64> {
    let count = match value.as_u64() {
        Some(n) => n,
        None => {
            let float = value.as_f64()?;
            #[expect(clippy::cast_precision_loss, reason = "the bound is a power of two")]
            let fits = float.fract() == 0.0 && (0.0..=MAX_COUNT as f64).contains(&float);
            if !fits {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
            let n = float as u64;
            n
        }
    };
    (count <= MAX_COUNT).then_some(count)
}

/// Reads a usage object: the report, if it is a sound one, and how many of its numbers were none.
pub(super) fn read(dialect: Dialect, value: &Value) -> (Option<Report>, u32) {
    if !value.is_object() {
        return (None, u32::from(!value.is_null()));
    }
    let mut counts = Counts { value, odd: 0 };
    let (core, odd_core) = {
        let report = core(dialect, &mut counts);
        (report, counts.odd)
    };
    let report = details(dialect, &mut counts, core);
    // A total that is no number makes the rest doubtful; a detail does not.
    let sound = odd_core == 0 && (report.input.is_some() || report.output.is_some() || report.total.is_some());
    (sound.then_some(report), counts.odd + u32::from(!sound && counts.odd == 0))
}

fn core(dialect: Dialect, counts: &mut Counts<'_>) -> Report {
    let mut report = Report::default();
    match dialect {
        Dialect::OpenAi => {
            report.input = counts.first(&[&["prompt_tokens"], &["input_tokens"]]);
            report.output = counts.first(&[&["completion_tokens"], &["output_tokens"]]);
            report.total = counts.at(&["total_tokens"]);
        }
        Dialect::Anthropic => {
            report.input = counts.at(&["input_tokens"]);
            report.output = counts.at(&["output_tokens"]);
            report.cache_read = counts.at(&["cache_read_input_tokens"]);
            report.cache_write = counts.at(&["cache_creation_input_tokens"]);
        }
        Dialect::Gemini => {
            report.input = counts.at(&["promptTokenCount"]);
            report.output = counts.first(&[&["candidatesTokenCount"], &["responseTokenCount"]]);
            report.total = counts.at(&["totalTokenCount"]);
            report.tool_input = counts.at(&["toolUsePromptTokenCount"]);
            report.reasoning = counts.at(&["thoughtsTokenCount"]);
        }
    }
    report
}

fn details(dialect: Dialect, counts: &mut Counts<'_>, mut report: Report) -> Report {
    match dialect {
        Dialect::OpenAi => {
            report.cache_read = counts.first(&[
                &["prompt_tokens_details", "cached_tokens"],
                &["input_tokens_details", "cached_tokens"],
                &["prompt_cache_hit_tokens"],
                &["cached_tokens"],
            ]);
            report.cache_write = counts.first(&[
                &["prompt_tokens_details", "cache_write_tokens"],
                &["input_tokens_details", "cache_write_tokens"],
            ]);
            report.reasoning = counts.first(&[
                &["completion_tokens_details", "reasoning_tokens"],
                &["output_tokens_details", "reasoning_tokens"],
                &["reasoning_tokens"],
            ]);
            report.audio_input = counts
                .first(&[&["prompt_tokens_details", "audio_tokens"], &["input_tokens_details", "audio_tokens"]]);
            report.audio_output = counts
                .first(&[&["completion_tokens_details", "audio_tokens"], &["output_tokens_details", "audio_tokens"]]);
        }
        Dialect::Anthropic => {
            report.cache_write_1h = counts.at(&["cache_creation", "ephemeral_1h_input_tokens"]);
            report.reasoning = counts.at(&["output_tokens_details", "thinking_tokens"]);
        }
        Dialect::Gemini => {
            report.cache_read = counts.at(&["cachedContentTokenCount"]);
            report.audio_input = of_audio(counts.value, "promptTokensDetails");
            report.audio_output = of_audio(counts.value, "candidatesTokensDetails");
        }
    }
    report
}

/// The audio's share of a list by modality.
fn of_audio(value: &Value, list: &str) -> Option<u64> {
    let list = value.get(list)?.as_array()?;
    let audio = list.iter().filter(|entry| entry.get("modality").and_then(Value::as_str) == Some("AUDIO"));
    audio.filter_map(|entry| count(entry.get("tokenCount")?)).reduce(u64::saturating_add)
}

impl Report {
    /// This report after `later`, which restates what it tells and leaves the rest.
    pub(super) fn restated_by(self, later: Self) -> Self {
        Self {
            input: later.input.or(self.input),
            output: later.output.or(self.output),
            total: later.total.or(self.total),
            cache_read: later.cache_read.or(self.cache_read),
            cache_write: later.cache_write.or(self.cache_write),
            cache_write_1h: later.cache_write_1h.or(self.cache_write_1h),
            audio_input: later.audio_input.or(self.audio_input),
            audio_output: later.audio_output.or(self.audio_output),
            reasoning: later.reasoning.or(self.reasoning),
            tool_input: later.tool_input.or(self.tool_input),
        }
    }

    /// The tokens in totals that contain everything.
    pub(super) fn usage(&self, dialect: Dialect, generates: bool) -> Usage {
        let or_zero = |n: Option<u64>| n.unwrap_or(0);
        let (input_total, output_total) = match dialect {
            Dialect::OpenAi => self.openai_totals(generates),
            // Anthropic counts the cache beside the input.
            Dialect::Anthropic => {
                (or_zero(self.input) + or_zero(self.cache_read) + or_zero(self.cache_write), or_zero(self.output))
            }
            // Gemini counts thoughts beside the candidates, and what its tools read beside the prompt.
            Dialect::Gemini => {
                (or_zero(self.input) + or_zero(self.tool_input), or_zero(self.output) + or_zero(self.reasoning))
            }
        };
        Usage {
            input_total,
            output_total,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
            audio_input: self.audio_input,
            audio_output: self.audio_output,
            reasoning: self.reasoning,
        }
    }

    /// Some hide reasoning from the output and show it in the total only (xAI, Gemini's compatible API), so
    /// that what the total has beyond the input is output. Embedders may report the total alone.
    fn openai_totals(&self, generates: bool) -> (u64, u64) {
        let output = self.output.unwrap_or(0);
        let input = match (self.input, self.total) {
            (Some(input), _) => input,
            (None, Some(total)) => total.saturating_sub(output),
            (None, None) => 0,
        };
        let beyond = self.total.unwrap_or(0).saturating_sub(input);
        (input, if generates { output.max(beyond) } else { output })
    }
}

#[cfg(test)]
mod tests;
