//! `AIPolicy`: who may call what, and how it is routed. The types here are what people write.

mod accept;
mod limits;
mod routes;
mod targeting;
mod telemetry;

use kube::core::{Message, Rule};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::formats::{DURATION, ENTRY_NAME, GLOB, HEADER_NAME, HEADER_VALUE, LABEL, MODEL, OBJECT_NAME};
use crate::invalid::UNIQUE;
use crate::selector::Selector;
use crate::status::AIPolicyStatus;

pub use accept::{AcceptedPolicy, accept_policy};
pub use limits::LimitDraft;
pub use routes::{RouteDraft, TargetDraft};
pub use targeting::Targeting;
pub use telemetry::{
    AlwaysCase, AttributeDraft, AttributeSource, AttributeSpec, CaptureName, ContentSpec, TelemetryDraft,
    TelemetrySpec, TracesSpec,
};

/// Who may call what, how it is routed and limited, and what is told of it.
///
/// Without a target it applies to its namespace; in the control plane's namespace to the whole cluster. Where several
/// apply, lists of models narrow each other, limits all count, and routes are tried in order of rank: a reference to
/// a workload before one to a ServiceAccount, then podSelector, then a Namespace or namespaceSelector, then the own
/// namespace, then the cluster; then the older object; then by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(group = "sidegate.dev", version = "v1alpha1", kind = "AIPolicy", namespaced, derive = "PartialEq")]
#[kube(plural = "aipolicies", shortname = "aipol", category = "ai", category = "sidegate", status = "AIPolicyStatus")]
#[kube(doc = "Who may call which language models, and how their calls are routed and limited. Without a target it \
              applies to its namespace; in the control plane's namespace to the whole cluster.")]
#[x_kube(validation = refs_or_selectors())]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AIPolicySpec {
    /// The objects whose pods it applies to, by name. References and selectors exclude each other; with neither it
    /// applies to the whole namespace, or from the control plane's namespace to the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub target_refs: Option<Vec<TargetRef>>,
    /// The pods that it applies to, by label: of its namespace, or from the control plane's namespace of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<Selector>,
    /// The namespaces whose pods it applies to, by label; in the control plane's namespace only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<Selector>,
    /// Enforce, or DryRun: it is evaluated beside the plan and told, and never changes a call. What it says of
    /// telemetry has no effect then.
    #[serde(default)]
    pub mode: ModeName,
    /// The models that may be called. Without it this policy says nothing about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelsSpec>,
    /// Where calls go: in order, and the first that matches wins. Without a route for its model a call goes,
    /// unchanged, to the accessible provider of its dialect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = unique("name"))]
    pub routes: Vec<RouteSpec>,
    /// How much may be used. All limits apply, those of other policies too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub limits: Vec<LimitSpec>,
    /// What is told of calls in traces and in the audit line. It changes no call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<TelemetrySpec>,
}

/// Whether a policy acts, or only tells what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModeName {
    /// It acts.
    #[default]
    Enforce,
    /// It is evaluated beside the plan and changes nothing.
    DryRun,
}

/// An object that a policy applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = group_of_kind())]
pub struct TargetRef {
    /// The kind's API group: apps, batch, or "" for Namespace and ServiceAccount. May be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub group: Option<String>,
    /// Namespace, ServiceAccount, Deployment, StatefulSet, DaemonSet, Job or CronJob.
    pub kind: TargetKind,
    /// The object's name. It is of this policy's namespace; a Namespace reference names that namespace itself, or from
    /// the control plane's namespace any.
    #[schemars(length(max = 253))]
    #[x_kube(validation = OBJECT_NAME.rule())]
    pub name: String,
}

/// What a policy may be attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    /// Every pod of a namespace.
    Namespace,
    /// Every pod that runs as a ServiceAccount.
    ServiceAccount,
    /// The pods of a Deployment.
    Deployment,
    /// The pods of a StatefulSet.
    StatefulSet,
    /// The pods of a DaemonSet.
    DaemonSet,
    /// The pods of a Job.
    Job,
    /// The pods of a CronJob.
    CronJob,
}

/// Models by name or glob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelsSpec {
    /// What may be asked for: names, or names with * as their first or last character. An empty list allows nothing;
    /// without a list everything is allowed that others allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = GLOB.of_each())]
    pub allow: Option<Vec<String>>,
    /// What may be neither asked for nor reached through a route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = GLOB.of_each())]
    pub deny: Option<Vec<String>>,
}

/// Where calls for some models go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// Its name in this list; explanations and status speak of it by this name.
    #[schemars(length(max = 63))]
    #[x_kube(validation = ENTRY_NAME.rule())]
    pub name: String,
    /// Which calls it takes: one of these entries must match.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub matches: Vec<MatchSpec>,
    /// Where it leads. Targets of the lowest priority come first, by weight among each other; the next priority is for
    /// when none of them can be used. A target that cannot be used (denied, without a key, of another dialect) leaves
    /// the plan, and no call ever goes to a provider outside of its route.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = some_weight())]
    pub targets: Vec<TargetSpec>,
}

/// One way to match; all parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchSpec {
    /// Models that are asked for, as names or globs; none means every model.
    // By pattern and not by a rule: as many globs as a policy may have here cost a rule more than the server allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 256), regex(pattern = GLOB.pattern)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub models: Vec<String>,
    /// Headers that the call carries; all of them must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub headers: Vec<HeaderSpec>,
}

/// A header with its exact value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderSpec {
    /// The header's name; case does not matter.
    #[schemars(length(max = 64))]
    #[x_kube(validation = HEADER_NAME.rule())]
    pub name: String,
    /// Its exact value.
    #[schemars(length(max = 256))]
    #[x_kube(validation = HEADER_VALUE.rule())]
    pub value: String,
}

/// One place that a route leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// Name of the AIProvider.
    #[schemars(length(max = 253))]
    #[x_kube(validation = OBJECT_NAME.rule())]
    pub provider: String,
    /// The AIProvider's namespace; by default the policy's own. It is never searched elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = LABEL.rule())]
    pub namespace: Option<String>,
    /// The model to ask it for; by default the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = MODEL.rule())]
    pub model: Option<String>,
    /// Share among the targets of its priority; 0 is drained: it gets no calls.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: i64,
    /// Lower comes first; higher ones are for when no lower one can be used.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub priority: i64,
}

/// How much may be used: a bucket that is full at first and fills evenly over the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = limits::one_unit(), validation = limits::window_given(), validation = limits::window_not_given())]
#[x_kube(validation = limits::per_pod())]
pub struct LimitSpec {
    /// Its name in this list; its bucket is kept by this name, so an edit does not refill it.
    #[schemars(length(max = 63))]
    #[x_kube(validation = ENTRY_NAME.rule())]
    pub name: String,
    /// What has a bucket of its own: [{type: Pod}]. Limits that pods share do not exist yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = limits::each_once())]
    pub per: Vec<DimensionSpec>,
    /// Calls in a window. A limit has exactly one amount: this one or another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::HIGHEST_AMOUNT))]
    pub requests: Option<i64>,
    /// Prompt tokens in a window. A bound is held before the call, and what the provider reports is what counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::HIGHEST_AMOUNT))]
    pub input_tokens: Option<i64>,
    /// Generated tokens in a window. A bound is held before the call, and what the provider reports is what counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::HIGHEST_AMOUNT))]
    pub output_tokens: Option<i64>,
    /// Prompt and generated tokens together, in a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::HIGHEST_AMOUNT))]
    pub total_tokens: Option<i64>,
    /// Calls that are going on at the same time; without a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::HIGHEST_AMOUNT))]
    pub concurrent_requests: Option<i64>,
    /// The time in which an empty bucket fills, from 1s to 24h, for example 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = limits::window_bounds())]
    pub window: Option<String>,
}

/// What has a bucket of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DimensionSpec {
    /// The dimension: Pod.
    #[serde(rename = "type")]
    pub kind: DimensionType,
}

/// A dimension of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum DimensionType {
    /// Each pod.
    Pod,
}

impl<'de> Deserialize<'de> for DimensionType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "Pod" => Ok(Self::Pod),
            _ => Err(D::Error::custom("the only dimension is Pod; limits that pods share do not exist yet")),
        }
    }
}

/// What is said of references beside selectors.
const REFS_OR_SELECTORS: &str = "cannot be combined with podSelector or namespaceSelector";
/// What is said of a route that leads nowhere.
const SOME_WEIGHT: &str = "must have at least one target with a weight above 0";

fn refs_or_selectors() -> Rule {
    let rule = "!has(self.targetRefs) || (!has(self.podSelector) && !has(self.namespaceSelector))";
    Rule::new(rule).message(REFS_OR_SELECTORS).field_path(".targetRefs")
}

fn group_of_kind() -> Rule {
    let core = "self.kind in ['Namespace', 'ServiceAccount']";
    let group = format!("({core} ? '' : self.kind in ['Job', 'CronJob'] ? 'batch' : 'apps')");
    let words = format!("'must be \"' + {group} + '\" for this kind, or left out'");
    let rule = Rule::new(format!("!has(self.group) || self.group == {group}"));
    rule.message(Message::Expression(words)).field_path(".group")
}

fn some_weight() -> Rule {
    Rule::new("self.exists(t, t.weight > 0)").message(SOME_WEIGHT)
}

fn unique(key: &str) -> Rule {
    Rule::new(format!("self.all(a, self.exists_one(b, a.{key} == b.{key}))")).message(UNIQUE)
}

fn one() -> i64 {
    1
}
