//! What people write of a provider's models: windows and prices.

use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::formats::{GLOB, MONEY};

/// What is said of tiers that do not ascend.
pub(super) const ASCENDING: &str = "must be above that of the tier before";

/// What the platform knows of a model, or of all models that a glob means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSpec {
    /// The model's name, or a glob: a name with * as its first or last character. An exact name counts before a
    /// glob, a longer glob before a shorter one, and of equally long ones the first.
    #[schemars(length(max = 256))]
    #[x_kube(validation = GLOB.rule())]
    pub name: String,
    /// Tokens that fit the model, input and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub context_window: Option<i64>,
    /// Tokens that it can generate for one choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_output_tokens: Option<i64>,
    /// What it costs, per million tokens. It replaces the list price whole; without it the list price counts, where
    /// there is one. "0" is free, and a price that is absent is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceSpec>,
}

/// What a model costs, per million tokens. "0" is free, absent is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceSpec {
    /// The currency of every amount here: USD.
    #[serde(default)]
    pub currency: Currency,
    /// Prompt tokens, for example "0.15". Amounts are texts, because money is exact and floats are not.
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub input: String,
    /// Prompt tokens read from a cache; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_read: Option<String>,
    /// Prompt tokens written to a cache; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_write: Option<String>,
    /// Prompt tokens written to a cache for an hour; as input if absent.
    #[serde(default, rename = "cacheWrite1h", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_write_1h: Option<String>,
    /// Prompt tokens that are audio; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub audio_input: Option<String>,
    /// Generated tokens.
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub output: String,
    /// Generated tokens that are audio; as output if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub audio_output: Option<String>,
    /// For each request, whatever its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub per_request: Option<String>,
    /// Other rates for long prompts, ascending by contextOver: a prompt above it costs these rates, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = ascending())]
    pub tiers: Vec<TierSpec>,
}

/// The currency of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Currency {
    /// United States dollar.
    #[default]
    USD,
}

/// The rates for prompts above a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TierSpec {
    /// Prompt tokens above which the whole call costs these rates.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub context_over: i64,
    /// Prompt tokens.
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub input: String,
    /// Prompt tokens read from a cache; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_read: Option<String>,
    /// Prompt tokens written to a cache; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_write: Option<String>,
    /// Prompt tokens written to a cache for an hour; as input if absent.
    #[serde(default, rename = "cacheWrite1h", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub cache_write_1h: Option<String>,
    /// Prompt tokens that are audio; as input if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub audio_input: Option<String>,
    /// Generated tokens.
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub output: String,
    /// Generated tokens that are audio; as output if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MONEY.rule())]
    pub audio_output: Option<String>,
}

fn ascending() -> Rule {
    let sorted = "self.map(t, t.contextOver).isSorted()";
    let distinct = "self.all(a, self.exists_one(b, a.contextOver == b.contextOver))";
    Rule::new(format!("{sorted} && {distinct}")).message(format!("contextOver {ASCENDING}").as_str())
}
