//! What is told of calls beyond what is always counted: which of them are traced, how much of their content,
//! and what their audit line and spans say of their purpose.
//!
//! Sampling is a preference: the whole of the most specific object holds. Content is narrow only: one object that
//! withholds it is enough. Attributes add up. None of it is ever a label of a metric.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::glob::Glob;
use crate::meta::Meta;

/// What is told of a caller's calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telemetry {
    /// Which calls are traced.
    pub traces: Traces,
    /// How much of prompts and answers a trace may hold.
    pub content: Content,
    /// What audit lines and spans say beside.
    pub attributes: Vec<Attribute>,
}

impl Telemetry {
    /// Attributes of one caller at most, those of all objects together.
    pub const MOST_ATTRIBUTES: usize = 16;
}

/// Which calls are traced, and where their trace context goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// Share of the calls that come without a sampled, or unsampled, parent.
    pub ratio: Ratio,
    /// Calls that are traced whatever the ratio says.
    pub always: Always,
    /// How long a call lasts that counts as slow.
    pub slow_over: Duration,
    /// Hosts that are told the trace context, as patterns.
    pub propagate_to: Vec<Glob>,
    /// Where it came from; none where nobody said anything.
    pub meta: Option<Meta>,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            ratio: Ratio::TENTH,
            always: Always { error: true, refusal: true, slow: true, first: true },
            slow_over: Duration::from_secs(10),
            propagate_to: Vec::new(),
            meta: None,
        }
    }
}

/// A share, in parts of a billion; never more than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

impl Ratio {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// One in ten.
    pub const TENTH: Self = Self(Self::WHOLE / 10);
    /// Everything.
    pub const ALL: Self = Self(Self::WHOLE);
    const WHOLE: u32 = 1_000_000_000;

    /// So many parts of a billion; none if that is more than all.
    #[must_use]
    pub fn of_billion(parts: u32) -> Option<Self> {
        (parts <= Self::WHOLE).then_some(Self(parts))
    }

    /// In parts of a billion.
    #[must_use]
    pub fn parts(self) -> u32 {
        self.0
    }

    /// Whether a draw, uniform over all of `u64`, falls into the share.
    #[must_use]
    pub fn takes(self, draw: u64) -> bool {
        // The draw's place among a billion equal parts.
        (u128::from(draw) * u128::from(Self::WHOLE)) >> 64 < u128::from(self.0)
    }
}

impl fmt::Display for Ratio {
    /// `0.1`, as it stands in an `AIPolicy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::WHOLE, format!("{:09}", self.0 % Self::WHOLE));
        match rest.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            decimals => write!(f, "{whole}.{decimals}"),
        }
    }
}

/// Calls that are traced whatever the ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Always {
    /// Those that failed.
    pub error: bool,
    /// Those that were refused.
    pub refusal: bool,
    /// Those that took longer than [`Traces::slow_over`].
    pub slow: bool,
    /// The first one of a sidecar's life.
    pub first: bool,
}

/// How much of prompts and answers a trace may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Anything at all.
    pub capture: bool,
    /// Bytes of each text at most.
    pub max_bytes: u32,
    /// Where it came from; none where nobody said anything.
    pub meta: Option<Meta>,
}

impl Content {
    /// Bytes of each text, where no object says so.
    pub const DEFAULT_MAX_BYTES: u32 = 8192;
    /// Bytes of each text that an object may ask for.
    pub const HIGHEST_MAX_BYTES: u32 = 65_536;
}

impl Default for Content {
    fn default() -> Self {
        Self { capture: false, max_bytes: Self::DEFAULT_MAX_BYTES, meta: None }
    }
}

/// One thing that audit lines and spans say of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Arc<str>,
    /// What it says.
    pub value: AttributeValue,
    /// Where it came from.
    pub meta: Meta,
}

impl Attribute {
    /// Bytes of a value at most.
    pub const LONGEST_VALUE: usize = 128;

    /// What it says of `call`; none if the call does not carry its header.
    #[must_use]
    pub fn value_of(&self, call: &Call) -> Option<Box<str>> {
        match &self.value {
            AttributeValue::Header(name) => Self::told(call.header(name)?),
            AttributeValue::Known(value) => Some(Box::from(&**value)),
        }
    }

    /// `text` as it is told: without control characters and cut to [`Self::LONGEST_VALUE`] bytes; none if nothing is
    /// left of it.
    #[must_use]
    pub fn told(text: &str) -> Option<Box<str>> {
        let mut told = String::with_capacity(text.len().min(Self::LONGEST_VALUE));
        for c in text.chars().filter(|c| !c.is_control()) {
            if told.len() + c.len_utf8() > Self::LONGEST_VALUE {
                break;
            }
            told.push(c);
        }
        (!told.is_empty()).then(|| told.into())
    }
}

/// Where the value of an attribute comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// A header of the call: lower-case name. What an application says of itself, and no identity.
    Header(Arc<str>),
    /// Known to the control plane: the value of a label of the caller's pod.
    Known(Arc<str>),
}

#[cfg(test)]
mod tests {
    use super::{Attribute, Ratio};

    #[test]
    fn a_ratio_takes_its_share_of_draws() {
        assert!(!Ratio::NONE.takes(0));
        assert!(Ratio::ALL.takes(u64::MAX));
        let tenth = u64::MAX / 10;
        assert!(Ratio::TENTH.takes(tenth - 10) && !Ratio::TENTH.takes(tenth + 100));
        assert_eq!(Ratio::of_billion(1_000_000_001), None);
    }

    #[test]
    fn a_ratio_is_told_as_it_is_written() {
        let told = |parts| Ratio::of_billion(parts).map(|ratio| ratio.to_string());
        assert_eq!(told(0).as_deref(), Some("0"));
        assert_eq!(told(100_000_000).as_deref(), Some("0.1"));
        assert_eq!(told(1).as_deref(), Some("0.000000001"));
        assert_eq!(told(1_000_000_000).as_deref(), Some("1"));
    }

    #[test]
    fn a_value_is_told_without_control_characters_and_no_longer_than_it_may_be() {
        assert_eq!(Attribute::told("check\r\nout\u{85}\t").as_deref(), Some("checkout"));
        assert_eq!(Attribute::told("\u{7f}\n"), None);
        assert_eq!(Attribute::told(""), None);
        let long = Attribute::told(&"ä".repeat(100));
        assert_eq!(long.as_deref(), Some(&*"ä".repeat(64)));
        let odd = Attribute::told(&format!("x{}", "ä".repeat(100)));
        assert_eq!(odd.map(|told| told.len()), Some(127), "no character is cut in two");
    }
}
