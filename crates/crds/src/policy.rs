//! `AIPolicy`: who may call what, and how it is routed. The types here are what people write.

mod accept;
mod limits;
mod routes;
mod targeting;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::selector::Selector;
use crate::status::AIPolicyStatus;

pub use accept::{AcceptedPolicy, accept_policy};
pub use limits::LimitDraft;
pub use routes::{RouteDraft, TargetDraft};
pub use targeting::Targeting;

/// Who may call what, and how it is routed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(group = "sidegate.dev", version = "v1alpha1", kind = "AIPolicy", namespaced, derive = "PartialEq")]
#[kube(status = "AIPolicyStatus")]
#[kube(plural = "aipolicies", doc = "Who may call which language models, and how their calls are routed and limited.")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AIPolicySpec {
    /// The workloads it applies to, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_refs: Option<Vec<TargetRef>>,
    /// The pods it applies to, by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<Selector>,
    /// The namespaces it applies to, by label; in the control plane's namespace only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<Selector>,
    /// Whether it acts.
    #[serde(default)]
    pub mode: ModeName,
    /// The models that may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelsSpec>,
    /// Where calls go; the first that matches wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteSpec>,
    /// How much may be used; all apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSpec>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRef {
    /// The kind's API group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The kind.
    pub kind: TargetKind,
    /// The object's name.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelsSpec {
    /// What may be asked for; an empty list allows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// What may be neither asked for nor reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
}

/// Where calls for some models go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// Name in this list.
    pub name: String,
    /// One of these must match.
    pub matches: Vec<MatchSpec>,
    /// Where it leads.
    pub targets: Vec<TargetSpec>,
}

/// One way to match; all parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchSpec {
    /// Models that are asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Headers that the call carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderSpec>,
}

/// A header with its exact value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderSpec {
    /// The header.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One place that a route leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// Name of the AIProvider.
    pub provider: String,
    /// Its namespace; by default the policy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The model to ask it for; by default the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Share within its priority; 0 is drained.
    #[serde(default = "one")]
    pub weight: i64,
    /// Lower first.
    #[serde(default)]
    pub priority: i64,
}

/// How much may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitSpec {
    /// Name in this list.
    pub name: String,
    /// What has a bucket of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per: Vec<DimensionSpec>,
    /// Calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<i64>,
    /// Prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    /// Generated tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<i64>,
    /// Both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<i64>,
    /// Calls that are not settled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<i64>,
    /// Time in which an empty bucket fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

/// What has a bucket of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DimensionSpec {
    /// The dimension.
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

fn one() -> i64 {
    1
}
