//! An explanation as a value: what is printed for programs, and what the text for people is made of.

use serde::Serialize;

use crate::source::Source;
use crate::words::Who;

/// Where a call would go, or that it would not, and why.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who calls.
    pub caller: Who,
    /// What is asked for.
    pub call: Asked,
    /// Version of the effective policy, as sidecars and status have it.
    pub policy_version: String,
    /// `go` or `refused`.
    pub outcome: &'static str,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Told>,
    /// The route that wins; none where the call goes by no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Source>,
    /// Where it is tried, in this order; within one priority by share.
    pub targets: Vec<Target>,
    /// Targets that cannot be used.
    pub left_out: Vec<LeftOut>,
    /// Routes that name the model and do not win.
    pub lost: Vec<Lost>,
    /// What every list of models says.
    pub lists: Vec<List>,
    /// What is held while the call runs.
    pub limits: Vec<Limit>,
    /// What audit line and span would say of it beside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What objects in dry run would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// Whoever asks may read everything that decides.
    pub complete: bool,
    /// What is missing from this answer, and what is assumed in it.
    pub notes: Vec<String>,
}

/// One thing that audit line and span would say of the call.
#[derive(Debug, Clone, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// What is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The model.
    pub model: String,
    /// The language of the caller.
    pub dialect: &'static str,
    /// What the call does.
    pub operation: &'static str,
    /// Its headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
}

/// A refusal, as the sidecar would word it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// What kind.
    pub class: &'static str,
    /// Why exactly, where the class leaves that open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What the caller reads.
    pub message: String,
    /// The rule that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Source>,
    /// Names of models that would work for this caller in this dialect.
    pub models_that_work: Vec<String>,
}

/// A place that the call may go to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `namespace/name` of the provider.
    pub provider: String,
    /// The model that it is asked for.
    pub model: String,
    /// Lower first.
    pub priority: u8,
    /// Weight among the targets of the same priority.
    pub weight: u32,
    /// The share of new conversations that begin here, when nothing of an earlier priority can be used.
    pub share: String,
    /// The keys that can be used, with their shares.
    pub credentials: Vec<Key>,
    /// Where it listens.
    pub endpoint: String,
    /// Where it computes, as its object says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Under which law its data lives, as its object says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residency: Option<String>,
    /// Dollars per million input and output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The target's field; of a call without a route, the provider.
    pub source: Source,
}

/// A key that can be used.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// Its name in the provider's list.
    pub name: String,
    /// Its share of the load.
    pub share: String,
}

/// Dollars per million tokens.
#[derive(Debug, Clone, Serialize)]
pub struct Price {
    /// Prompt tokens.
    pub input: String,
    /// Generated tokens.
    pub output: String,
}

/// A target that cannot be used.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// `namespace/name` of the provider.
    pub provider: String,
    /// The model that it would have been asked for.
    pub model: String,
    /// The word of records.
    pub why: &'static str,
    /// The same as a sentence.
    pub reason: String,
    /// The list that denies or does not allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Source>,
    /// The target's field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// A route that does not win.
#[derive(Debug, Clone, Serialize)]
pub struct Lost {
    /// `outranked` or `header_missing`.
    pub why: &'static str,
    /// The same as a sentence.
    pub reason: String,
    /// The route.
    pub source: Source,
}

/// A list of models, and what it says of the asked one.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// `allow` or `deny`.
    pub kind: &'static str,
    /// `Enforce` or `DryRun`.
    pub mode: &'static str,
    /// Whether the asked model passes.
    pub passes: bool,
    /// The entry that names the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The list.
    pub source: Source,
}

/// A limit and what the call holds of it.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// What it allows.
    pub amount: String,
    /// What the call holds.
    pub holds: String,
    /// `Enforce` or `DryRun`.
    pub mode: &'static str,
    /// The limit.
    pub source: Source,
}

/// What objects in dry run would do.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    /// `same`, `refused` or `routed`.
    pub outcome: &'static str,
    /// The class of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// The rule that would decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Source>,
}
