//! Which changes of a status are told as events: each state once, and no state again that was told last.
//!
//! What was told is kept beside the object, and after a change of writers read off the status that stands there, so
//! that a new writer does not tell it all again. Counts of sidecars come and go with every roll-out and are no state.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sidegate_crds::{CredentialState, CredentialStatus};

use super::condition::{Reason, Type};

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Something is not as it should be.
    pub warning: bool,
    /// What happened, in CamelCase.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// The same for people.
    pub note: String,
}

/// A state, as far as it makes one event differ from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    reason: &'static str,
    /// What else has to be the same.
    detail: String,
}

/// What was told last, by type of condition, and of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced(BTreeMap<&'static str, State>);

const TYPES: [Type; 4] = [Type::Accepted, Type::ResolvedRefs, Type::Conflicted, Type::Programmed];
/// What was told of the keys stands beside what was told of the conditions.
const KEYS: &str = "credentials";

impl Announced {
    /// What must have been told of an object whose conditions and keys are these.
    #[must_use]
    pub fn by(conditions: &[Condition], keys: &[CredentialStatus]) -> Self {
        let mut announced = Self::default();
        announced.news(conditions, keys);
        announced
    }

    /// What is to be told now that the conditions and the keys are these.
    pub fn news(&mut self, conditions: &[Condition], keys: &[CredentialStatus]) -> Vec<Announcement> {
        let told: Vec<_> = TYPES.into_iter().filter_map(|of| self.news_of(of, conditions)).collect();
        told.into_iter().chain(self.news_of_keys(keys)).collect()
    }

    fn news_of_keys(&mut self, keys: &[CredentialStatus]) -> Option<Announcement> {
        let state = State::of_keys(keys)?;
        let told = self.0.insert(KEYS, state.clone());
        let warning = !state.detail.is_empty();
        if told.as_ref() == Some(&state) || (told.is_none() && !warning) {
            return None;
        }
        let note = match &*state.detail {
            "" => "the provider turns down no key any more".to_owned(),
            names => format!("the provider turns down the key of {names}"),
        };
        Some(Announcement { warning, reason: state.reason, action: "UseCredentials", note })
    }

    fn news_of(&mut self, of: Type, conditions: &[Condition]) -> Option<Announcement> {
        let condition = conditions.iter().find(|c| c.type_ == of.as_str())?;
        let state = State::of(of, condition)?;
        let told = self.0.insert(of.as_str(), state.clone());
        // Good news is worth an event only after bad news.
        let quiet = told.is_none() && matches!(state.reason, "ReferencesResolved" | "NoConflicts");
        if quiet || told.as_ref() == Some(&state) || state.reason == "NoConflicts" {
            return None;
        }
        Some(Announcement {
            warning: !matches!(state.reason, "Accepted" | "ReferencesResolved" | "Programmed"),
            reason: state.reason,
            action: match of {
                Type::Accepted => "Accept",
                Type::ResolvedRefs => "ResolveReferences",
                Type::Conflicted => "Rank",
                Type::Programmed => "Program",
            },
            note: condition.message.clone(),
        })
    }
}

impl State {
    /// Of keys that are turned down, by name, or of keys all of which can be used. `None` as below.
    fn of_keys(keys: &[CredentialStatus]) -> Option<Self> {
        let rejected = keys.iter().filter(|key| key.state == CredentialState::Rejected);
        let detail = rejected.map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
        let usable = !keys.is_empty() && keys.iter().all(|key| key.state == CredentialState::Ready);
        match detail.is_empty() {
            false => Some(Self { reason: "CredentialRejected", detail }),
            true => usable.then_some(Self { reason: "CredentialAccepted", detail }),
        }
    }

    /// `None`: nothing to tell, and what was told stays told.
    fn of(of: Type, condition: &Condition) -> Option<Self> {
        let whole = || condition.message.clone();
        let (reason, detail) = match (of, condition.status.as_str()) {
            (Type::Accepted, "True") => ("Accepted", String::new()),
            (Type::Accepted, "False") => ("Rejected", whole()),
            (Type::ResolvedRefs, "True") => ("ReferencesResolved", String::new()),
            (Type::ResolvedRefs, "False") => ("ReferencesUnresolved", whole()),
            (Type::Conflicted, "True") => ("Conflicted", whole()),
            (Type::Conflicted, "False") => ("NoConflicts", String::new()),
            (Type::Programmed, "True") => ("Programmed", generation(condition)),
            (Type::Programmed, "False") if condition.reason == Reason::RejectedBySidecars.as_str() => {
                // Not how many, and not which: why.
                let why = condition.message.split_once(" because: ").map_or("", |(_, why)| why);
                ("NackedBySidecar", format!("{} {why}", generation(condition)))
            }
            _ => return None,
        };
        Some(Self { reason, detail })
    }
}

fn generation(condition: &Condition) -> String {
    condition.observed_generation.unwrap_or_default().to_string()
}
