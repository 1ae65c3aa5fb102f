//! `spec.telemetry` of an `AIPolicy`: what is told of calls beyond what is always counted. The types here are what
//! people write.

mod read;

use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sidegate_policy::Content;

use crate::formats::{
    CONNECTION_HEADERS, DURATION, ENTRY_NAME, HEADER_NAME, HOST_GLOB, LABEL_KEY, RATIO, SECRET_WORDS,
};

pub(super) use read::read;
pub use read::{AttributeDraft, AttributeSource, TelemetryDraft};

/// What is told of calls in traces and in the audit line, beyond what is always counted.
///
/// It changes no call, and none of it is ever a label of a metric. A policy in dry run says nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TelemetrySpec {
    /// Which calls are traced. A preference: where several policies say something, the whole of the most specific one
    /// holds, and what it leaves out has its default. Where none does, the defaults hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<TracesSpec>,
    /// Whether prompts and answers are written into traces. Without it this policy says nothing about that, and
    /// where no policy says Full, nothing of them is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentSpec>,
    /// What audit line and spans say of each call beside, by name. The attributes of all policies add up, those of
    /// more specific ones first; of the same name the first counts, and at most 16 do at one pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub attributes: Vec<AttributeSpec>,
}

/// Which calls are traced, and where their trace context goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TracesSpec {
    /// The share of calls that are traced, from '0' to '1'. It counts for calls that come without a trace of their
    /// own: where the application sends a traceparent, its decision is followed.
    #[serde(default = "a_tenth")]
    #[schemars(length(max = 11))]
    #[x_kube(validation = RATIO.rule())]
    pub ratio: String,
    /// Calls that are traced whatever the ratio and the application say: Error (it failed), Refusal (a policy said
    /// no), Slow (it took longer than slowOver), First (the first one of a sidecar's life). An empty list means none.
    #[serde(default = "every_case")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub always: Vec<AlwaysCase>,
    /// How long a call lasts that counts as slow, from 1ms to 24h.
    #[serde(default = "ten_seconds")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = slow_bounds())]
    pub slow_over: String,
    /// Hosts of providers that are told the trace context (traceparent and tracestate), beside those of the cluster
    /// itself: a host, *.example.com for every host below it, or * for all. Baggage is never sent on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = HOST_GLOB.of_each())]
    pub propagate_to: Vec<String>,
}

/// Calls that are traced whatever the ratio says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AlwaysCase {
    /// Those that failed.
    Error,
    /// Those that were refused.
    Refusal,
    /// Those that took longer than slowOver.
    Slow,
    /// The first one of a sidecar's life.
    First,
}

impl AlwaysCase {
    /// Every case, in the order of the documentation.
    const ALL: [Self; 4] = [Self::Error, Self::Refusal, Self::Slow, Self::First];

    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Refusal => "Refusal",
            Self::Slow => "Slow",
            Self::First => "First",
        }
    }
}

/// Whether prompts and answers are written into traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentSpec {
    /// None, or Full: prompts, answers and what tools are given and give back go to the tracing back-end, for whoever
    /// may read there. They go nowhere else: never into audit line, metrics or logs.
    ///
    /// Narrow only: None of any policy wins over Full of all others. Full is taken only from a policy that names its
    /// namespaces; one that spans the cluster is refused with it.
    #[serde(default)]
    pub capture: CaptureName,
    /// Bytes of each prompt and each answer at most; the rest is cut off. The smallest of all policies counts.
    #[serde(default = "default_bytes")]
    #[schemars(range(min = 1, max = Content::HIGHEST_MAX_BYTES))]
    pub max_bytes: i64,
}

/// How much of prompts and answers is written into traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CaptureName {
    /// Nothing.
    #[default]
    None,
    /// All of it, up to maxBytes of each text.
    Full,
}

/// One thing that audit line and spans say of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = one_source())]
pub struct AttributeSpec {
    /// Its name: sidegate.attribute.NAME on spans, and under attributes in the audit line.
    #[schemars(length(max = 63))]
    #[x_kube(validation = ENTRY_NAME.rule())]
    pub name: String,
    /// The header of the call that has its value: what an application says of itself, such as x-purpose, and no
    /// proof of anything. Control characters are taken out, and 128 bytes are told. Headers with credentials and
    /// headers of the connection are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = HEADER_NAME.rule(), validation = no_secret(), validation = of_the_call())]
    pub header: Option<String>,
    /// The label of the pod that has its value, as the control plane knows it: nothing that a call could claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    #[x_kube(validation = LABEL_KEY.rule())]
    pub label: Option<String>,
}

/// What is said of no source, or of two.
const ONE_SOURCE: &str = "must set exactly one of header and label";
/// What is said of a header with a credential.
const NO_SECRET: &str = "must not be a header with a credential: its value would be in every audit line and trace";
/// What is said of a header that is not the call's.
const OF_THE_CALL: &str = "must not be a header of the connection: it tells nothing of the call";
/// What is said of a time that nothing or everything exceeds.
const SLOW_BOUNDS: &str = "must be from 1ms to 24h";

fn one_source() -> Rule {
    Rule::new("has(self.header) != has(self.label)").message(ONE_SOURCE)
}

fn no_secret() -> Rule {
    let words = SECRET_WORDS.join("|");
    Rule::new(format!(r#"!self.matches(r"(?i)(^|[-_.])({words})([-_.]|$)")"#)).message(NO_SECRET)
}

fn of_the_call() -> Rule {
    let names = CONNECTION_HEADERS.join("|");
    Rule::new(format!(r#"!self.matches(r"(?i)^({names})$")"#)).message(OF_THE_CALL)
}

/// Another form than a duration's is refused by its own rule.
fn slow_bounds() -> Rule {
    let bounds = "duration(self) >= duration('1ms') && duration(self) <= duration('24h')";
    Rule::new(format!("!{} || ({bounds})", DURATION.of("self"))).message(SLOW_BOUNDS)
}

fn a_tenth() -> String {
    "0.1".to_owned()
}

fn every_case() -> Vec<AlwaysCase> {
    AlwaysCase::ALL.to_vec()
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

fn default_bytes() -> i64 {
    Content::DEFAULT_MAX_BYTES.into()
}
