//! What a status says, what is told of it as an event, what is sent, and when. Nothing here has IO but the writer's
//! own tests, whose API server is in memory.

mod acks;
mod announce;
mod derive;
mod due;
mod patch;
mod peers;
mod programmed;
mod rejected;
mod server;
mod writer;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sidegate_crds::{AIPolicyStatus, AIProviderStatus, Invalid};
use sidegate_policy::Caller;

use super::{Known, Roll};
use crate::control::{Contents, Refusal, Seated};
use crate::index::Standing;
use crate::problem::{Kind, ObjectName};

/// Seconds after some moment.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn policy_name() -> ObjectName {
    ObjectName::new(Kind::AiPolicy, "shop", "checkout")
}

fn provider_name() -> ObjectName {
    ObjectName::new(Kind::AiProvider, "sidegate-system", "openai")
}

/// An accepted object at generation 7 that selects so many sidecars.
fn standing(selected: usize) -> Standing {
    Standing { uid: "u".into(), generation: 7, in_force: Some(7), selected, ..Standing::default() }
}

fn invalid(field: &str, message: &str) -> Invalid {
    Invalid { field: field.to_owned(), message: message.to_owned() }
}

fn contents(name: &ObjectName, generation: i64) -> Arc<Contents> {
    Arc::new(Contents::from([(name.clone(), generation)]))
}

fn sidecar(pod: &str, holds: &Arc<Contents>) -> Seated {
    let caller = Arc::new(Caller { namespace: "shop".into(), pod: pod.into(), ..Caller::default() });
    Seated { caller, holds: holds.clone(), ..Seated::default() }
}

fn refusing(pod: &str, holds: &Arc<Contents>, of: &Arc<Contents>, reason: &str) -> Seated {
    let refusal = Refusal { version: "v".into(), reason: reason.into(), of: of.clone() };
    Seated { refusal: Some(refusal), ..sidecar(pod, holds) }
}

fn policy(standing: &Standing, seated: &[Seated]) -> AIPolicyStatus {
    policy_after(standing, seated, &AIPolicyStatus::default(), 0)
}

fn policy_after(standing: &Standing, seated: &[Seated], before: &AIPolicyStatus, seconds: i64) -> AIPolicyStatus {
    Known::new(&policy_name(), standing, &Roll::of(seated)).policy(before, at(seconds))
}

fn provider(standing: &Standing, seated: &[Seated]) -> AIProviderStatus {
    Known::new(&provider_name(), standing, &Roll::of(seated)).provider(&AIProviderStatus::default(), at(0))
}

/// `True Reason: message`
fn condition(conditions: &[Condition], of: &str) -> String {
    let condition = conditions.iter().find(|c| c.type_ == of).unwrap();
    format!("{} {}: {}", condition.status, condition.reason, condition.message)
}
