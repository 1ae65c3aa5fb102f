//! Conditions: what is true of an object, by type, with the reason and the time of the last change.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Bytes of a message; the API server takes 32 KiB, and nobody reads that.
const LONGEST: usize = 1024;

/// The types of condition, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// The newest generation is valid, and in force.
    Accepted,
    /// All that it names is there and can be used.
    ResolvedRefs,
    /// Something of it has no effect because another object ranks higher.
    Conflicted,
    /// Every sidecar that it selects enforces this generation.
    Programmed,
}

impl Type {
    /// As it stands in a condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::Conflicted => "Conflicted",
            Self::Programmed => "Programmed",
        }
    }
}

/// Why a condition is what it is: all that can stand in `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Accepted: it is valid.
    Accepted,
    /// Not accepted: a rule is broken.
    Invalid,
    /// Resolved: every reference leads somewhere.
    ReferencesResolved,
    /// Not resolved: at least one leads nowhere.
    ReferencesUnresolved,
    /// Conflicted: a route never matches.
    RoutesConflicted,
    /// Conflicted: something that it wants told of calls has no effect.
    TelemetryConflicted,
    /// Not conflicted.
    NoConflicts,
    /// Programmed: all sidecars enforce it.
    Programmed,
    /// Not programmed: some sidecars do not enforce it yet.
    PartiallyProgrammed,
    /// Not programmed: no sidecar enforces it yet.
    Pending,
    /// Not programmed: a sidecar refused it.
    RejectedBySidecars,
    /// Not programmed: it selects no sidecar.
    NoSidecars,
    /// Unknown or not programmed, because the newest generation is not in force.
    NotAccepted,
}

impl Reason {
    /// As it stands in a condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Invalid => "Invalid",
            Self::ReferencesResolved => "ReferencesResolved",
            Self::ReferencesUnresolved => "ReferencesUnresolved",
            Self::RoutesConflicted => "RoutesConflicted",
            Self::TelemetryConflicted => "TelemetryConflicted",
            Self::NoConflicts => "NoConflicts",
            Self::Programmed => "Programmed",
            Self::PartiallyProgrammed => "PartiallyProgrammed",
            Self::Pending => "Pending",
            Self::RejectedBySidecars => "RejectedBySidecars",
            Self::NoSidecars => "NoSidecars",
            Self::NotAccepted => "NotAccepted",
        }
    }
}

/// What is found of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which condition.
    pub of: Type,
    /// Whether it holds; `None`: it cannot be said.
    pub holds: Option<bool>,
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub message: String,
}

impl Finding {
    pub(super) fn new(of: Type, holds: Option<bool>, reason: Reason, message: String) -> Self {
        Self { of, holds, reason, message: shortened(message) }
    }

    /// As a condition of `generation`; its time is `now` unless the condition was the same `before`.
    fn into_condition(self, generation: i64, before: &[Condition], now: Timestamp) -> Condition {
        let status = match self.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let same = before.iter().find(|c| c.type_ == self.of.as_str() && c.status == status);
        Condition {
            type_: self.of.as_str().to_owned(),
            status: status.to_owned(),
            observed_generation: Some(generation),
            last_transition_time: same.map_or(Time(now), |c| c.last_transition_time.clone()),
            reason: self.reason.as_str().to_owned(),
            message: self.message,
        }
    }
}

/// The conditions of `generation`; `before` are the last ones.
pub(super) fn conditions(found: Vec<Finding>, generation: i64, before: &[Condition], now: Timestamp) -> Vec<Condition> {
    found.into_iter().map(|f| f.into_condition(generation, before, now)).collect()
}

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST {
        let end = (0..=LONGEST - 4).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push_str(" …");
    }
    message
}
