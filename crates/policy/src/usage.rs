//! Tokens as a provider reported them, and the same tokens in classes that do not overlap.
//!
//! Providers disagree on what contains what: the reader of each dialect brings them to the totals here, and
//! money is taken only from the disjoint [`Classes`], so that no token is charged twice.

#[cfg(test)]
mod tests;

/// What a provider reported for one answer. Classes are `None` where it said nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All prompt tokens, cache reads and writes among them.
    pub input_total: u64,
    /// All generated tokens, reasoning among them.
    pub output_total: u64,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the provider's cache, for any time.
    pub cache_write: Option<u64>,
    /// Of these, the ones kept for an hour.
    pub cache_write_1h: Option<u64>,
    /// Prompt tokens that are audio.
    pub audio_input: Option<u64>,
    /// Generated tokens that are audio.
    pub audio_output: Option<u64>,
    /// Generated tokens that the caller never sees.
    pub reasoning: Option<u64>,
}

/// Tokens in classes that do not overlap; their sum is `input_total + output_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classes {
    /// Prompt tokens in none of the classes below.
    pub input: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache for minutes.
    pub cache_write: u64,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: u64,
    /// Prompt tokens that are audio and not from a cache.
    pub audio_input: u64,
    /// Generated tokens that are not audio.
    pub output: u64,
    /// Generated tokens that are audio.
    pub audio_output: u64,
}

impl Usage {
    /// The same tokens without overlap. A class that claims more than is left of its total is cut to it.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let mut left = self.input_total;
        let mut take = |wanted: u64| {
            let taken = wanted.min(left);
            left -= taken;
            taken
        };
        let cache_read = take(self.cache_read.unwrap_or(0));
        let hour = self.cache_write_1h.unwrap_or(0);
        let cache_write_1h = take(hour);
        let cache_write = take(self.cache_write.unwrap_or(0).saturating_sub(hour));
        let audio_input = take(self.audio_input.unwrap_or(0));
        let audio_output = self.audio_output.unwrap_or(0).min(self.output_total);
        Classes {
            input: left,
            cache_read,
            cache_write,
            cache_write_1h,
            audio_input,
            output: self.output_total - audio_output,
            audio_output,
        }
    }

    /// Input and output together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input_total.saturating_add(self.output_total)
    }
}
