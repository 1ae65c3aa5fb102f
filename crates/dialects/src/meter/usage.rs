//! The tokens of an answer, out of what its provider reports.
//!
//! Every provider counts in its own way; the rules that bring them to one are here and nowhere else. The
//! field names and what contains what are those of the providers' API references.

use sidegate_policy::{Dialect, Usage};

use crate::scan::{Broken, Kind, Scan};
use crate::text;

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

/// A field of a report: where the number under some key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Input,
    Output,
    Total,
    CacheRead,
    /// A second name of it, for when the first says nothing.
    CacheReadToo,
    CacheWrite,
    CacheWrite1h,
    AudioInput,
    AudioOutput,
    Reasoning,
    ReasoningToo,
    ToolInput,
    None,
}

impl Field {
    /// What money depends on: if one of them is no count, the whole report is doubtful.
    fn is_core(self) -> bool {
        matches!(self, Self::Input | Self::Output | Self::Total | Self::CacheRead | Self::CacheWrite | Self::ToolInput)
    }

    /// The field under `key`, inside the object under `outer` or at the top.
    fn of(dialect: Dialect, outer: &[u8], key: &[u8]) -> Self {
        match dialect {
            Dialect::OpenAi => Self::of_openai(outer, key),
            Dialect::Anthropic => Self::of_anthropic(outer, key),
            Dialect::Gemini => Self::of_gemini(outer, key),
        }
    }

    fn of_openai(outer: &[u8], key: &[u8]) -> Self {
        match (outer, key) {
            (b"", b"prompt_tokens" | b"input_tokens") => Self::Input,
            (b"", b"completion_tokens" | b"output_tokens") => Self::Output,
            (b"", b"total_tokens") => Self::Total,
            // DeepSeek, Moonshot
            (b"", b"prompt_cache_hit_tokens" | b"cached_tokens") => Self::CacheReadToo,
            (b"", b"reasoning_tokens") => Self::ReasoningToo,
            (b"prompt_tokens_details" | b"input_tokens_details", b"cached_tokens") => Self::CacheRead,
            (b"prompt_tokens_details" | b"input_tokens_details", b"cache_write_tokens") => Self::CacheWrite,
            (b"prompt_tokens_details" | b"input_tokens_details", b"audio_tokens") => Self::AudioInput,
            (b"completion_tokens_details" | b"output_tokens_details", b"reasoning_tokens") => Self::Reasoning,
            (b"completion_tokens_details" | b"output_tokens_details", b"audio_tokens") => Self::AudioOutput,
            _ => Self::None,
        }
    }

    fn of_anthropic(outer: &[u8], key: &[u8]) -> Self {
        match (outer, key) {
            (b"", b"input_tokens") => Self::Input,
            (b"", b"output_tokens") => Self::Output,
            (b"", b"cache_read_input_tokens") => Self::CacheRead,
            (b"", b"cache_creation_input_tokens") => Self::CacheWrite,
            (b"cache_creation", b"ephemeral_1h_input_tokens") => Self::CacheWrite1h,
            (b"output_tokens_details", b"thinking_tokens") => Self::Reasoning,
            _ => Self::None,
        }
    }

    fn of_gemini(outer: &[u8], key: &[u8]) -> Self {
        match (outer, key) {
            (b"", b"promptTokenCount") => Self::Input,
            (b"", b"candidatesTokenCount") => Self::Output,
            (b"", b"totalTokenCount") => Self::Total,
            (b"", b"cachedContentTokenCount") => Self::CacheRead,
            (b"", b"thoughtsTokenCount") => Self::Reasoning,
            (b"", b"toolUsePromptTokenCount") => Self::ToolInput,
            (b"promptTokensDetails", b"AUDIO") => Self::AudioInput,
            (b"candidatesTokensDetails", b"AUDIO") => Self::AudioOutput,
            _ => Self::None,
        }
    }
}

/// A pass over one report.
struct Pass<'a> {
    scan: Scan<'a>,
    dialect: Dialect,
    report: Report,
    cache_read_too: Option<u64>,
    reasoning_too: Option<u64>,
    odd: u32,
    sound: bool,
}

/// Reads a usage object: the report, if it is a sound one, and how many of its values were no counts.
pub(super) fn read(dialect: Dialect, object: &[u8]) -> (Option<Report>, u32) {
    read_first(dialect, object).map_or((None, 1), |(read, _)| read)
}

/// The same of the object that `text` begins with, and the bytes that it has; none if it is broken or cut off.
pub(super) fn read_first(dialect: Dialect, text: &[u8]) -> Option<((Option<Report>, u32), usize)> {
    let mut pass = Pass {
        scan: Scan::new(text),
        dialect,
        report: Report::default(),
        cache_read_too: None,
        reasoning_too: None,
        odd: 0,
        sound: true,
    };
    pass.object(b"").ok()?;
    let mut report = pass.report;
    report.cache_read = report.cache_read.or(pass.cache_read_too);
    report.reasoning = report.reasoning.or(pass.reasoning_too);
    let says = report.input.is_some() || report.output.is_some() || report.total.is_some();
    let read = match (pass.sound, says) {
        (false, _) => (None, pass.odd),
        (true, false) => (None, pass.odd + 1),
        (true, true) => (Some(report), pass.odd),
    };
    Some((read, pass.scan.at()))
}

impl Pass<'_> {
    fn object(&mut self, outer: &[u8]) -> Result<(), Broken> {
        self.scan.open_object()?;
        let mut first = true;
        loop {
            while let Some((name, number)) = self.scan.number_member(&mut first) {
                self.put(Field::of(self.dialect, outer, name), Some(number).filter(|n| *n <= MAX_COUNT));
            }
            let Some(key) = self.scan.key(&mut first)? else { return Ok(()) };
            let name = self.scan.slice(&key.inside);
            match self.scan.kind()? {
                Kind::Object if outer.is_empty() => self.object(name)?,
                Kind::Array if outer.is_empty() => self.by_modality(name)?,
                Kind::Null => {
                    self.scan.skip()?;
                }
                _ => {
                    let value = self.scan.skip()?;
                    self.put(Field::of(self.dialect, outer, name), count(self.scan.slice(&value)));
                }
            }
        }
    }

    /// Gemini's details: a list of `{modality, tokenCount}`.
    fn by_modality(&mut self, outer: &[u8]) -> Result<(), Broken> {
        self.scan.open_array()?;
        let mut first = true;
        while self.scan.element(&mut first)? {
            if self.scan.kind()? != Kind::Object {
                self.scan.skip()?;
                continue;
            }
            let (mut modality, mut count) = (0..0, 0..0);
            self.scan.open_object()?;
            let mut first = true;
            while let Some(key) = self.scan.key(&mut first)? {
                let name = self.scan.slice(&key.inside);
                let value = self.scan.skip()?;
                match name {
                    b"modality" => modality = value,
                    b"tokenCount" => count = value,
                    _ => {}
                }
            }
            if self.scan.slice(&modality) == b"\"AUDIO\"" {
                self.put(Field::of(self.dialect, outer, b"AUDIO"), self::count(self.scan.slice(&count)));
            }
        }
        Ok(())
    }

    /// Puts a number where it belongs; none is a value that is no count.
    fn put(&mut self, field: Field, count: Option<u64>) {
        if field == Field::None {
            return;
        }
        let Some(count) = count else {
            self.odd = self.odd.saturating_add(1);
            self.sound &= !field.is_core();
            return;
        };
        let report = &mut self.report;
        let place = match field {
            Field::Input => &mut report.input,
            Field::Output => &mut report.output,
            Field::Total => &mut report.total,
            Field::CacheRead => &mut report.cache_read,
            Field::CacheReadToo => &mut self.cache_read_too,
            Field::CacheWrite => &mut report.cache_write,
            Field::CacheWrite1h => &mut report.cache_write_1h,
            Field::AudioInput => &mut report.audio_input,
            Field::AudioOutput => &mut report.audio_output,
            Field::Reasoning => &mut report.reasoning,
            Field::ReasoningToo => &mut self.reasoning_too,
            Field::ToolInput => &mut report.tool_input,
            Field::None => return,
        };
        *place = Some(count);
    }
}

/// A number of tokens: whole, not negative, and no larger than any answer can be.
fn count(token: &[u8]) -> Option<u64> {
    text::integer(token).and_then(|n| u64::try_from(n).ok()).filter(|n| *n <= MAX_COUNT)
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
