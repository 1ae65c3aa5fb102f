//! `AIProvider`: where calls may go, and with which keys. The types here are what people write.

mod accept;
mod endpoint;
mod price;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::Selector;
use crate::status::AIProviderStatus;

pub use accept::{AcceptedCredential, AcceptedProvider, Access, KeyRef, accept_provider, check_update};

/// Where calls may go, and with which keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(group = "sidegate.dev", version = "v1alpha1", kind = "AIProvider", namespaced, derive = "PartialEq")]
#[kube(status = "AIProviderStatus")]
#[kube(doc = "Where calls to language models may go, and with which keys.")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AIProviderSpec {
    /// The language that it speaks.
    pub dialect: DialectName,
    /// Full base URL; by default the dialect's inventor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where it computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Under which law its data lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residency: Option<String>,
    /// Its keys; none means that it asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<CredentialSpec>,
    /// Whose pods may use it.
    #[serde(default)]
    pub access: AccessSpec,
    /// What the platform knows of its models better than the price list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelSpec>,
    /// By whom its certificate is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// What may be done to reach it.
    #[serde(default)]
    pub network: NetworkSpec,
    /// How long it may take.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialSpec {
    /// Name in this list.
    pub name: String,
    /// Share of the load; 0 is drained.
    #[serde(default = "one")]
    pub weight: i64,
    /// Where the key is.
    pub secret_ref: SecretKeyRef,
}

/// A key of a Secret in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: String,
    /// Key inside it.
    pub key: String,
}

/// Whose pods may use a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessSpec {
    /// Of which namespaces.
    #[serde(default)]
    pub namespaces: NamespacesSpec,
}

/// A choice of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespacesSpec {
    /// Which ones.
    #[serde(default)]
    pub from: From,
    /// Labels of the namespaces, with `Selector`.
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

/// What the platform knows of a model, or of all models that a glob means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSpec {
    /// The model's name, or a glob.
    pub name: String,
    /// Tokens that fit the model, input and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<i64>,
    /// Tokens that it can generate for one choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<i64>,
    /// What it costs; replaces the list price whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceSpec>,
}

/// What a model costs, per million tokens. "0" is free, absent is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceSpec {
    /// The currency of every amount here.
    #[serde(default)]
    pub currency: Currency,
    /// Prompt tokens.
    pub input: String,
    /// Prompt tokens read from a cache; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<String>,
    /// Prompt tokens written to a cache; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<String>,
    /// Prompt tokens written to a cache for an hour; as `input` if absent.
    #[serde(default, rename = "cacheWrite1h", skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<String>,
    /// Prompt tokens that are audio; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<String>,
    /// Generated tokens.
    pub output: String,
    /// Generated tokens that are audio; as `output` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<String>,
    /// For each request, whatever its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_request: Option<String>,
    /// Other rates for long prompts, ascending by `contextOver`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TierSpec {
    /// Prompt tokens above which the whole call costs these rates.
    pub context_over: i64,
    /// Prompt tokens.
    pub input: String,
    /// Prompt tokens read from a cache; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<String>,
    /// Prompt tokens written to a cache; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<String>,
    /// Prompt tokens written to a cache for an hour; as `input` if absent.
    #[serde(default, rename = "cacheWrite1h", skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<String>,
    /// Prompt tokens that are audio; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<String>,
    /// Generated tokens.
    pub output: String,
    /// Generated tokens that are audio; as `output` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<String>,
}

/// By whom a certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsSpec {
    /// Authorities in PEM, instead of the public ones.
    pub ca_certificate_refs: Vec<CaRef>,
}

/// A key of a ConfigMap in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaRef {
    /// What holds it.
    pub kind: CaKind,
    /// Name of the ConfigMap.
    pub name: String,
    /// Key inside it.
    pub key: String,
}

/// What may hold certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CaKind {
    /// A ConfigMap.
    ConfigMap,
}

/// What may be done to reach a provider; honoured in the control plane's namespace only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkSpec {
    /// Plain http although there are credentials.
    #[serde(default)]
    pub plaintext: bool,
    /// Private and loopback addresses, `localhost` and address literals although there are credentials.
    #[serde(default)]
    pub private_addresses: bool,
}

/// How long a provider may take.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeoutsSpec {
    /// To a connection that can carry a request. Default 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// The whole of an answer that is not streamed. Default 15m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// To the first meaningful event of a stream. Default 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<String>,
    /// Between meaningful events of a stream. Default 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// The whole of a stream. Default 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
}

fn one() -> i64 {
    1
}
