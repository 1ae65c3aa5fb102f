//! `AIProvider`: where calls may go, and with which keys. The types here are what people write.

mod accept;
mod endpoint;
mod models;
mod price;

use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::formats::{DATA_KEY, DURATION, ENTRY_NAME, FACT, OBJECT_NAME};
use crate::selector::Selector;
use crate::status::AIProviderStatus;

pub use accept::{AcceptedCredential, AcceptedProvider, Access, KeyRef, accept_provider, check_update};
pub use models::{Currency, ModelSpec, PriceSpec, TierSpec};

/// Where calls may go, and with which keys.
///
/// An AIProvider in the control plane's namespace may serve every namespace; elsewhere it serves its own, with keys
/// from Secrets of its own. An accessible provider is enough to call: AIPolicies narrow and route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(group = "sidegate.dev", version = "v1alpha1", kind = "AIProvider", namespaced, derive = "PartialEq")]
#[kube(status = "AIProviderStatus", shortname = "aip", category = "ai", category = "sidegate")]
#[kube(doc = "Where calls to language models may go, and with which keys. In the control plane's namespace it may \
              serve every namespace, elsewhere its own.")]
#[x_kube(validation = endpoint::encrypted(), validation = endpoint::public())]
#[x_kube(validation = endpoint::same_dialect(), validation = endpoint::same_host())]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AIProviderSpec {
    /// The language that it speaks, whoever hosts it: OpenAI (and everyone who copies it), Anthropic or Gemini.
    pub dialect: DialectName,
    /// Full base URL, for example https://llm.example.com/v1. By default the dialect's inventor's:
    /// https://api.openai.com/v1, https://api.anthropic.com or https://generativelanguage.googleapis.com.
    ///
    /// With credentials it must be https and resolve to public addresses, unless network lifts that, and its host
    /// cannot change. Metadata services are never reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = endpoint::form(), validation = endpoint::plain_path())]
    #[x_kube(validation = endpoint::named_host(), validation = endpoint::no_metadata())]
    pub endpoint: Option<String>,
    /// Where it computes, for example eu-central-1: a fact for explanations and audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = FACT.rule())]
    pub region: Option<String>,
    /// Under which law its data lives, for example EU: a fact for explanations and audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = FACT.rule())]
    pub residency: Option<String>,
    /// Its keys; none means that it asks for none. Each has its own health, and weights share the load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub credentials: Vec<CredentialSpec>,
    /// Whose pods may use it; by default those of its own namespace.
    #[serde(default)]
    pub access: AccessSpec,
    /// What the platform knows of its models better than the price list does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub models: Vec<ModelSpec>,
    /// By whom its certificate is trusted; by default the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// What may be done to reach it. It is honoured only in the control plane's namespace.
    #[serde(default)]
    pub network: NetworkSpec,
    /// How long it may take. The defaults are long, because silent reasoning is no fault.
    #[serde(default)]
    pub timeouts: TimeoutsSpec,
}

/// A provider's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DialectName {
    /// OpenAI's API, and everyone who copies it.
    OpenAI,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialSpec {
    /// Its name in this list; status speaks of it by this name.
    #[schemars(length(max = 63))]
    #[x_kube(validation = ENTRY_NAME.rule())]
    pub name: String,
    /// Share of the load beside the other credentials; 0 is drained.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: i64,
    /// Where the key is: a Secret of this object's namespace. The Secret may bind its keys to hosts with the
    /// annotation sidegate.dev/hosts.
    pub secret_ref: SecretKeyRef,
}

/// A key of a Secret in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(max = 253))]
    #[x_kube(validation = OBJECT_NAME.rule())]
    pub name: String,
    /// Key inside it.
    #[schemars(length(max = 253))]
    #[x_kube(validation = DATA_KEY.rule())]
    pub key: String,
}

/// Whose pods may use a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessSpec {
    /// Of which namespaces.
    #[serde(default)]
    pub namespaces: NamespacesSpec,
}

/// A choice of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = selector_with_from())]
pub struct NamespacesSpec {
    /// Same (the provider's own), All, or Selector (those that the selector selects). Outside of the control plane's
    /// namespace it is Same.
    #[serde(default)]
    pub from: From,
    /// Labels of the namespaces; with from: Selector, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// How namespaces are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum From {
    /// The provider's own.
    #[default]
    Same,
    /// Every one.
    All,
    /// Those that the selector selects.
    Selector,
}

/// By whom a certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsSpec {
    /// Authorities in PEM, instead of the public ones, each a key of a ConfigMap in this object's namespace.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub ca_certificate_refs: Vec<CaRef>,
}

/// A key of a ConfigMap in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaRef {
    /// What holds it: a ConfigMap.
    pub kind: CaKind,
    /// Name of the ConfigMap.
    #[schemars(length(max = 253))]
    #[x_kube(validation = OBJECT_NAME.rule())]
    pub name: String,
    /// Key inside it, with certificates in PEM.
    #[schemars(length(max = 253))]
    #[x_kube(validation = DATA_KEY.rule())]
    pub key: String,
}

/// What may hold certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CaKind {
    /// A ConfigMap.
    ConfigMap,
}

/// What may be done to reach a provider; honoured in the control plane's namespace only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkSpec {
    /// Plain http although there are credentials.
    #[serde(default)]
    pub plaintext: bool,
    /// Private and loopback addresses, `localhost` and address literals although there are credentials.
    #[serde(default)]
    pub private_addresses: bool,
}

/// How long a provider may take, as durations such as 500ms, 30s, 5m or 1h30m. Zero is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeoutsSpec {
    /// To a connection that can carry a request.
    #[serde(default = "five_seconds")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = some_time())]
    pub connect: String,
    /// The whole of an answer that is not streamed.
    #[serde(default = "fifteen_minutes")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = some_time())]
    pub response: String,
    /// To the first meaningful event of a stream.
    #[serde(default = "ten_minutes")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = some_time())]
    pub first_event: String,
    /// Between meaningful events of a stream.
    #[serde(default = "five_minutes")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = some_time())]
    pub idle: String,
    /// The whole of a stream.
    #[serde(default = "one_hour")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DURATION.rule(), validation = some_time())]
    pub stream: String,
}

impl Default for TimeoutsSpec {
    fn default() -> Self {
        Self {
            connect: five_seconds(),
            response: fifteen_minutes(),
            first_event: ten_minutes(),
            idle: five_minutes(),
            stream: one_hour(),
        }
    }
}

/// What is said of a selector without its `from`, and the other way round.
const SELECTOR_WITH_FROM: &str = "must be given with from: Selector, and only then";
/// What is said of no time at all.
const SOME_TIME: &str = "must not be zero; nothing is done in no time";

fn selector_with_from() -> Rule {
    Rule::new("(self.from == 'Selector') == has(self.selector)").message(SELECTOR_WITH_FROM).field_path(".selector")
}

fn some_time() -> Rule {
    Rule::new("self.matches('[1-9]')").message(SOME_TIME)
}

fn one() -> i64 {
    1
}

fn five_seconds() -> String {
    "5s".to_owned()
}

fn five_minutes() -> String {
    "5m".to_owned()
}

fn ten_minutes() -> String {
    "10m".to_owned()
}

fn fifteen_minutes() -> String {
    "15m".to_owned()
}

fn one_hour() -> String {
    "1h".to_owned()
}
