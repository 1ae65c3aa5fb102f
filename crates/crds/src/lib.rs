//! The Kubernetes objects of `sidegate.dev/v1alpha1`: their types, their validation, and their way into the vocabulary.
//!
//! What people write is [`AIProvider`] and [`AIPolicy`]; [`accept_provider`] and [`accept_policy`] check an object
//! whole and, only if all of it holds, hand back its pieces in the words of `sidegate-policy`. Whether what an object
//! refers to exists, and who meets whom at a pod, is the index's business and not decided here.

mod admission;
mod columns;
mod definitions;
pub mod formats;
mod invalid;
mod object;
pub mod policy;
pub mod provider;
pub mod selector;
pub mod status;

pub use definitions::{definitions, manifests};
pub use invalid::Invalid;
pub use object::{Context, Origin};
pub use policy::{
    AIPolicy, AIPolicySpec, AcceptedPolicy, AttributeSource, LimitDraft, RouteDraft, TargetDraft, Targeting,
    TelemetryDraft, accept_policy,
};
pub use provider::{
    AIProvider, AIProviderSpec, AcceptedCredential, AcceptedProvider, Access, KeyRef, accept_provider, check_update,
};
pub use selector::Selector;
pub use status::{
    AIPolicyStatus, AIProviderStatus, Conflict, CredentialState, CredentialStatus, ObjectRef, SidecarCounts,
};

/// The group and version of every object.
pub const API_VERSION: &str = "sidegate.dev/v1alpha1";

/// Checks one provider by every rule that needs no other object.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn validate(provider: &AIProvider, context: &Context<'_>) -> Result<(), Vec<Invalid>> {
    accept_provider(provider, context).map(drop)
}

/// Checks one policy by every rule that needs no other object.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn validate_policy(policy: &AIPolicy, context: &Context<'_>) -> Result<(), Vec<Invalid>> {
    accept_policy(policy, context).map(drop)
}
