//! The one failure vocabulary: the same words in bodies, headers, metrics, spans, audit lines and docs.
//!
//! Two families: a [`Refusal`] is our policy saying no, a [`Fault`] is something that broke. How each is
//! worded to a caller is the business of its dialect, not of this module.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::meta::Meta;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The provider failed in a way that may pass.
    ProviderTransient,
    /// The provider's rate or quota is used up.
    ProviderQuota,
    /// The provider did not accept our credential, or there is none.
    ProviderAuth,
    /// The provider found the call impossible for reasons of content or size.
    ProviderInvalid,
    /// The call is wrong in itself.
    RequestInvalid,
    /// A policy forbids the call.
    PolicyDenied,
    /// A policy forbids the model, or nobody serves it.
    ModelNotAllowed,
    /// A limit is used up for now.
    RateLimited,
    /// A budget is spent.
    BudgetExhausted,
    /// A budget needs a price and there is none.
    UnpricedModel,
    /// A guard stopped the call or its answer.
    GuardBlocked,
    /// The conversation turns in circles.
    LoopDetected,
    /// The provider took too long.
    UpstreamTimeout,
    /// The answer ended before its end.
    Truncated,
    /// What is needed from the control plane is not there.
    ControlPlaneUnavailable,
    /// The gateway itself failed.
    GatewayInternal,
}

impl Class {
    /// All classes, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::ProviderTransient,
        Self::ProviderQuota,
        Self::ProviderAuth,
        Self::ProviderInvalid,
        Self::RequestInvalid,
        Self::PolicyDenied,
        Self::ModelNotAllowed,
        Self::RateLimited,
        Self::BudgetExhausted,
        Self::UnpricedModel,
        Self::GuardBlocked,
        Self::LoopDetected,
        Self::UpstreamTimeout,
        Self::Truncated,
        Self::ControlPlaneUnavailable,
        Self::GatewayInternal,
    ];

    /// The word used everywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderTransient => "provider_transient",
            Self::ProviderQuota => "provider_quota",
            Self::ProviderAuth => "provider_auth",
            Self::ProviderInvalid => "provider_invalid",
            Self::RequestInvalid => "request_invalid",
            Self::PolicyDenied => "policy_denied",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::BudgetExhausted => "budget_exhausted",
            Self::UnpricedModel => "unpriced_model",
            Self::GuardBlocked => "guard_blocked",
            Self::LoopDetected => "loop_detected",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Truncated => "truncated",
            Self::ControlPlaneUnavailable => "control_plane_unavailable",
            Self::GatewayInternal => "gateway_internal",
        }
    }

    /// Whether the same call may succeed later, so that an SDK's retry is worth its while.
    #[must_use]
    pub fn retry_can_help(self) -> bool {
        match self {
            Self::ProviderTransient
            | Self::ProviderQuota
            | Self::RateLimited
            | Self::UpstreamTimeout
            | Self::Truncated
            | Self::ControlPlaneUnavailable => true,
            Self::ProviderAuth
            | Self::ProviderInvalid
            | Self::RequestInvalid
            | Self::PolicyDenied
            | Self::ModelNotAllowed
            | Self::BudgetExhausted
            | Self::UnpricedModel
            | Self::GuardBlocked
            | Self::LoopDetected
            | Self::GatewayInternal => false,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The sidecar or its policy.
    Gateway,
    /// The provider, or the way to it.
    Provider,
}

impl Origin {
    /// `gateway` or `provider`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Provider => "provider",
        }
    }
}

/// Why exactly, from a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The path is none that an SDK of a known dialect calls.
    UnknownPath,
    /// The method is not allowed there.
    MethodNotAllowed,
    /// An upgrade was asked for.
    UpgradeNotSupported,
    /// The head is not acceptable HTTP.
    BadHead,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body came too slowly.
    BodyTooSlow,
    /// The body is encoded in a way that is not read.
    UnsupportedEncoding,
    /// The body is not the JSON that was expected.
    BadJson,
    /// A key that is acted on stands there twice.
    DuplicateKey,
    /// A field that is acted on has an impossible value.
    BadField,
    /// No model was named.
    ModelMissing,
    /// No credential of the provider is here.
    NoCredential,
    /// Every credential of every target was turned down.
    CredentialsExhausted,
    /// No target speaks the caller's dialect.
    OtherDialect,
    /// No policy has arrived yet.
    NoPolicy,
    /// The sidecar is at its limit of calls or bytes.
    Overloaded,
    /// The sidecar is going away.
    ShuttingDown,
    /// The provider's name could not be resolved.
    DnsFailed,
    /// The provider's name resolves to an address that is not allowed.
    AddressNotAllowed,
    /// No connection was made.
    ConnectFailed,
    /// No connection was made in time.
    ConnectTimeout,
    /// The certificate is from nobody who is trusted.
    TlsUntrusted,
    /// The certificate is out of its time.
    TlsExpired,
    /// The certificate is for another name.
    TlsName,
    /// The TLS handshake failed otherwise.
    TlsHandshake,
    /// The provider closed or broke the connection before its answer.
    ConnectionLost,
    /// The answer is not acceptable HTTP.
    BadResponse,
    /// The answer is a redirect, which is never followed.
    UnexpectedRedirect,
    /// The answer is an error although its status says success.
    ErrorInSuccess,
    /// The whole answer took too long.
    ResponseTimeout,
    /// The first meaningful event took too long.
    FirstEventTimeout,
    /// Too long a silence between meaningful events.
    IdleTimeout,
    /// The whole stream took too long.
    StreamTimeout,
    /// The caller stopped reading.
    WriteStalled,
    /// The answer ended before its end.
    CutOff,
    /// The call's code panicked.
    Panic,
}

impl Reason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 36] = [
        Self::UnknownPath,
        Self::MethodNotAllowed,
        Self::UpgradeNotSupported,
        Self::BadHead,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::UnsupportedEncoding,
        Self::BadJson,
        Self::DuplicateKey,
        Self::BadField,
        Self::ModelMissing,
        Self::NoCredential,
        Self::CredentialsExhausted,
        Self::OtherDialect,
        Self::NoPolicy,
        Self::Overloaded,
        Self::ShuttingDown,
        Self::DnsFailed,
        Self::AddressNotAllowed,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::TlsUntrusted,
        Self::TlsExpired,
        Self::TlsName,
        Self::TlsHandshake,
        Self::ConnectionLost,
        Self::BadResponse,
        Self::UnexpectedRedirect,
        Self::ErrorInSuccess,
        Self::ResponseTimeout,
        Self::FirstEventTimeout,
        Self::IdleTimeout,
        Self::StreamTimeout,
        Self::WriteStalled,
        Self::CutOff,
        Self::Panic,
    ];

    /// The word used everywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UpgradeNotSupported => "upgrade_not_supported",
            Self::BadHead => "bad_head",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::BadJson => "bad_json",
            Self::DuplicateKey => "duplicate_key",
            Self::BadField => "bad_field",
            Self::ModelMissing => "model_missing",
            Self::NoCredential => "no_credential",
            Self::CredentialsExhausted => "credentials_exhausted",
            Self::OtherDialect => "other_dialect",
            Self::NoPolicy => "no_policy",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown => "shutting_down",
            Self::DnsFailed => "dns_failed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::TlsUntrusted => "tls_untrusted",
            Self::TlsExpired => "tls_expired",
            Self::TlsName => "tls_name",
            Self::TlsHandshake => "tls_handshake",
            Self::ConnectionLost => "connection_lost",
            Self::BadResponse => "bad_response",
            Self::UnexpectedRedirect => "unexpected_redirect",
            Self::ErrorInSuccess => "error_in_success",
            Self::ResponseTimeout => "response_timeout",
            Self::FirstEventTimeout => "first_event_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::StreamTimeout => "stream_timeout",
            Self::WriteStalled => "write_stalled",
            Self::CutOff => "cut_off",
            Self::Panic => "panic",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Our policy, or the form of the call, says no. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub class: Class,
    /// Why exactly, where the class leaves that open.
    pub reason: Option<Reason>,
    /// For people: what happened and what to do. Never a key, a prompt or another tenant's name.
    pub message: String,
    /// The rule that decided.
    pub rule: Option<Meta>,
    /// When the same call would be admitted.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal without rule and time.
    #[must_use]
    pub fn new(class: Class, reason: impl Into<Option<Reason>>, message: impl Into<String>) -> Self {
        Self { class, reason: reason.into(), message: message.into(), rule: None, retry_after: None }
    }

    /// The same, decided by `rule`.
    #[must_use]
    pub fn by(mut self, rule: &Meta) -> Self {
        self.rule = Some(rule.clone());
        self
    }
}

/// Something broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub class: Class,
    /// Why exactly, where the class leaves that open.
    pub reason: Option<Reason>,
    /// Who failed.
    pub origin: Origin,
    /// For people. Never a key, a prompt, or the text of a provider's error.
    pub message: String,
    /// When another try is worth its while, as the provider said.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault of the provider, or of the way to it.
    #[must_use]
    pub fn provider(class: Class, reason: impl Into<Option<Reason>>, message: impl Into<String>) -> Self {
        Self { class, reason: reason.into(), origin: Origin::Provider, message: message.into(), retry_after: None }
    }

    /// A fault of the gateway itself.
    #[must_use]
    pub fn gateway(class: Class, reason: impl Into<Option<Reason>>, message: impl Into<String>) -> Self {
        Self { class, reason: reason.into(), origin: Origin::Gateway, message: message.into(), retry_after: None }
    }
}
