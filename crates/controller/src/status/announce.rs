//! Which changes of a status are told as events: each state once, and no state again that was told last.
//!
//! What was told is kept beside the object, and after a change of writers read off the status that stands there, so
//! that a new writer does not tell it all again. Counts of sidecars come and go with every roll-out and are no state.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

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

/// What was told last, by type of condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced(BTreeMap<&'static str, State>);

const TYPES: [Type; 4] = [Type::Accepted, Type::ResolvedRefs, Type::Conflicted, Type::Programmed];

impl Announced {
    /// What must have been told of an object whose conditions are these.
    #[must_use]
    pub fn by(conditions: &[Condition]) -> Self {
        let mut announced = Self::default();
        announced.news(conditions);
        announced
    }

    /// What is to be told now that the conditions are these.
    pub fn news(&mut self, conditions: &[Condition]) -> Vec<Announcement> {
        TYPES.into_iter().filter_map(|of| self.news_of(of, conditions)).collect()
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
