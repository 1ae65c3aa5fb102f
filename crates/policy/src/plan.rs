//! What was decided about a call, with everything that was weighed: the plan is a value that tests compare,
//! that `explain` prints, and that the record of the call keeps.

use std::sync::Arc;

use crate::meta::Meta;
use crate::refusal::Class;

/// The rule that a call goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Index into the snapshot's routes.
    Route(usize),
    /// No route for the model: the accessible provider of the caller's dialect.
    Accessible,
}

/// Where an earlier turn of the conversation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// `namespace/name` of the provider.
    pub provider: Arc<str>,
    /// Name of the credential; empty for a provider without one.
    pub credential: Arc<str>,
    /// The model that was asked for there.
    pub model: Arc<str>,
}

/// One place that the call may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Index into the snapshot's providers.
    pub provider: usize,
    /// The model to ask for.
    pub model: Arc<str>,
    /// Candidates of a lower priority are finished first.
    pub priority: u8,
    /// Indices into the provider's credentials, in the order to try; empty for a provider without any.
    pub credentials: Vec<usize>,
    /// The circuit is out, and it is tried because all others are too.
    pub suspended: bool,
}

/// Why a target is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyLeft {
    /// No provider of that name.
    ProviderMissing,
    /// The provider does not serve this caller.
    NotAccessible,
    /// None of its credentials is here.
    NoCredential,
    /// A list denies its model.
    Denied(Meta),
    /// A list of higher rank does not allow its model.
    NotAllowed(Meta),
    /// It speaks another language than the caller.
    OtherDialect,
    /// Its weight, or that of its credentials, is 0.
    Drained,
    /// Its circuit is out.
    Suspended,
}

impl WhyLeft {
    /// The word in records.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ProviderMissing => "provider_missing",
            Self::NotAccessible => "not_accessible",
            Self::NoCredential => "no_credential",
            Self::Denied(_) => "denied",
            Self::NotAllowed(_) => "not_allowed",
            Self::OtherDialect => "other_dialect",
            Self::Drained => "drained",
            Self::Suspended => "suspended",
        }
    }
}

/// A target that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `namespace/name` of the provider.
    pub provider: Arc<str>,
    /// The model it would have been asked for.
    pub model: Arc<str>,
    /// Why not.
    pub why: WhyLeft,
}

/// Why a route that names the model did not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostBecause {
    /// An earlier route matched too.
    Outranked,
    /// The call lacks a header that it asks for.
    HeaderMissing,
}

/// A route that names the model and did not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Index into the snapshot's routes.
    pub route: usize,
    /// Why.
    pub why: LostBecause,
}

/// What objects in dry run would have done to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRun {
    /// Nothing else than what happened.
    Same,
    /// They would have refused it.
    Refused {
        /// As what.
        class: Class,
        /// By which rule.
        rule: Option<Meta>,
    },
    /// They would have sent it by another rule.
    Routed {
        /// Which; none for the accessible provider.
        rule: Option<Meta>,
    },
}

/// Where the call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The rule that won.
    pub rule: Rule,
    /// Where to try, in order; never empty.
    pub candidates: Vec<Candidate>,
    /// Routes that name the model and did not win.
    pub lost: Vec<Lost>,
    /// Targets of the winning rule that cannot be used.
    pub left_out: Vec<LeftOut>,
    /// An earlier turn of the conversation put the first candidate first.
    pub pinned: bool,
    /// What objects in dry run would have done; none where there are none.
    pub dry_run: Option<DryRun>,
}
