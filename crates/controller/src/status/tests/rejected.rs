//! Keys that their providers turn down: which are called so, by whose word, and for how long.

use std::time::Duration;

use sidegate_crds::{AIProviderStatus, CredentialState};
use tokio::time::Instant;

use super::*;
use crate::control::RejectedKey;
use crate::index::{CredentialStanding, KeyState};
use crate::status::{Announced, Heard, Marks};

/// A provider in force with these keys: name, mark.
fn keys(keys: &[(&str, &str)]) -> Standing {
    let key = |(name, mark): &(&str, &str)| CredentialStanding {
        name: (*name).into(),
        state: KeyState::Ready,
        reason: String::new(),
        mark: (*mark).into(),
    };
    Standing { credentials: keys.iter().map(key).collect(), ..standing(2) }
}

fn rejected(credential: &str, mark: &str) -> RejectedKey {
    RejectedKey { provider: provider_name(), credential: credential.into(), mark: mark.into() }
}

/// A sidecar that has the provider, and says that these of its keys are turned down.
fn rejecting(pod: &str, keys: &[(&str, &str)]) -> Seated {
    let rejects = keys.iter().map(|(name, mark)| rejected(name, mark)).collect();
    Seated { rejects, ..sidecar(pod, &contents(&provider_name(), 7)) }
}

fn after(standing: &Standing, roll: &Roll, before: &AIProviderStatus, seconds: i64) -> AIProviderStatus {
    Known::new(&provider_name(), standing, roll).provider(before, at(seconds))
}

/// `a Ready 0`: name, state, and when it became so.
fn told(status: &AIProviderStatus) -> Vec<String> {
    let since = |key: &sidegate_crds::CredentialStatus| key.changed_at.as_ref().unwrap().0.duration_since(at(0));
    status.credentials.iter().map(|k| format!("{} {:?} {}", k.name, k.state, since(k).as_secs())).collect()
}

#[test]
fn a_key_that_one_of_many_sidecars_says_is_turned_down_is_rejected_and_its_neighbour_is_not() {
    let standing = keys(&[("a", "1"), ("b", "2")]);
    let first = after(&standing, &Roll::default(), &AIProviderStatus::default(), 0);
    assert_eq!(told(&first), ["a Ready 0", "b Ready 0"]);
    let roll = Roll::of(&[rejecting("x", &[]), rejecting("y", &[("a", "1")])]);
    let second = after(&standing, &roll, &first, 60);
    assert_eq!(told(&second), ["a Rejected 60", "b Ready 0"]);
    let words = condition(&second.conditions, "ResolvedRefs");
    let expected = "True ReferencesResolved: every reference of AIProvider sidegate-system/openai leads somewhere, but \
                    the provider turns down the key of a";
    assert_eq!(words, expected);
    assert_eq!(told(&after(&standing, &roll, &second, 90)), ["a Rejected 60", "b Ready 0"]);
    assert_eq!(told(&after(&standing, &Roll::of(&[]), &second, 99)), ["a Ready 99", "b Ready 0"]);
}

#[test]
fn a_key_that_was_rotated_is_ready_at_once_whatever_sidecars_say_of_the_one_before() {
    let roll = Roll::of(&[rejecting("x", &[("a", "1")])]);
    let before = after(&keys(&[("a", "1")]), &roll, &AIProviderStatus::default(), 0);
    assert_eq!(told(&before), ["a Rejected 0"]);
    let (name, rotated, marks) = (provider_name(), keys(&[("a", "2")]), Marks::from([("a".into(), "1".into())]));
    let now = Known::new(&name, &rotated, &roll).after(Some(&marks)).provider(&before, at(60));
    assert_eq!(told(&now), ["a Ready 60"]);
}

#[test]
fn a_key_that_is_not_there_is_missing_and_not_rejected() {
    let mut standing = keys(&[("a", "1")]);
    standing.credentials[0].state = KeyState::Missing;
    let status = after(&standing, &Roll::of(&[rejecting("x", &[("a", "1")])]), &AIProviderStatus::default(), 0);
    assert_eq!(status.credentials[0].state, CredentialState::Missing);
}

#[test]
fn what_is_said_of_another_provider_or_without_a_mark_counts_for_nothing() {
    let other = RejectedKey { provider: ObjectName::new(Kind::AiProvider, "shop", "openai"), ..rejected("a", "1") };
    let seated = |key| Seated { rejects: [key].into(), ..rejecting("x", &[]) };
    let roll = Roll::of(&[seated(other), seated(rejected("a", "")), seated(rejected("b", "1"))]);
    let status = after(&keys(&[("a", "1")]), &roll, &AIProviderStatus::default(), 0);
    assert_eq!(told(&status), ["a Ready 0"]);
}

#[test]
fn another_replica_is_told_names_of_keys_in_force_and_nothing_else() {
    let seated = [rejecting("x", &[("a", "1"), ("b", "old")]), rejecting("y", &[("c", "3")])];
    let standing = keys(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let roll = Roll::of(&seated).for_others(|name| (*name == provider_name()).then(|| standing.clone()));
    let text = roll.to_text(10_000);
    assert_eq!(text, "AIProvider/sidegate-system\n openai 7 2 0 a c\n");
    let heard = Roll::from_text(&text);
    assert_eq!(heard.acks(&provider_name(), 7).programmed, 2);
    // It marks the same keys otherwise.
    let theirs = keys(&[("a", "x"), ("b", "y"), ("c", "z")]);
    let mut all = Roll::of(&[rejecting("z", &[("b", "y")])]);
    all.add_all(&heard);
    let states = told(&after(&theirs, &all, &AIProviderStatus::default(), 0));
    assert_eq!(states, ["a Rejected 0", "b Rejected 0", "c Rejected 0"]);
}

/// What is heard, second by second.
struct Ear {
    heard: Heard,
    began: Instant,
}

impl Ear {
    fn new() -> Self {
        Self { heard: Heard::default(), began: Instant::now() }
    }

    /// The names that are called rejected at a second, and the second of the next look.
    fn at(&mut self, seconds: u64, standing: &Standing, roll: &Roll) -> (String, Option<u64>) {
        let now = self.began + Duration::from_secs(seconds);
        let (names, again) = self.heard.take(&provider_name(), standing, roll, now);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        (names.join(" "), again.map(|at| (at - self.began).as_secs()))
    }
}

#[test]
fn a_stream_that_ends_and_comes_back_is_no_change() {
    let (standing, down) = (keys(&[("a", "1")]), Roll::of(&[rejecting("x", &[("a", "1")])]));
    let mut ear = Ear::new();
    assert_eq!(ear.at(0, &standing, &down), ("a".to_owned(), None));
    assert_eq!(ear.at(5, &standing, &Roll::of(&[])), ("a".to_owned(), Some(10)));
    assert_eq!(ear.at(9, &standing, &down), ("a".to_owned(), None));
    assert_eq!(ear.at(18, &standing, &Roll::of(&[])), ("a".to_owned(), Some(19)));
    assert_eq!(ear.at(19, &standing, &Roll::of(&[])), (String::new(), None));
}

#[test]
fn a_rotation_ends_it_at_once_and_the_word_of_a_replica_that_may_be_behind_waits() {
    let elsewhere = Roll::from_text("AIProvider/sidegate-system\n openai 7 1 0 a\n");
    let mut ear = Ear::new();
    assert_eq!(ear.at(0, &keys(&[("a", "1")]), &elsewhere), ("a".to_owned(), None), "nothing was rotated yet");
    assert_eq!(ear.at(1, &keys(&[("a", "2")]), &elsewhere), (String::new(), Some(21)));
    let here = Roll::of(&[rejecting("x", &[("a", "2")])]);
    assert_eq!(ear.at(2, &keys(&[("a", "3")]), &here), (String::new(), None));
    assert_eq!(ear.at(3, &keys(&[("a", "2")]), &here), ("a".to_owned(), None), "of this key it is certain");
    assert_eq!(ear.at(30, &keys(&[("a", "2")]), &elsewhere), ("a".to_owned(), None), "it has had time to catch up");
}

fn reasons(announced: &mut Announced, status: &AIProviderStatus) -> Vec<String> {
    let news = announced.news(&status.conditions, &status.credentials);
    news.iter().map(|a| format!("{} {}", a.reason, a.note)).filter(|told| told.starts_with("Credential")).collect()
}

#[test]
fn a_key_is_told_as_rejected_once_and_as_accepted_only_after_that() {
    let standing = keys(&[("a", "1"), ("b", "2")]);
    let of =
        |down: &[(&str, &str)]| after(&standing, &Roll::of(&[rejecting("x", down)]), &AIProviderStatus::default(), 0);
    let mut announced = Announced::default();
    assert!(reasons(&mut announced, &of(&[])).is_empty());
    let told = ["CredentialRejected the provider turns down the key of b"];
    assert_eq!(reasons(&mut announced, &of(&[("b", "2")])), told);
    assert!(reasons(&mut announced, &of(&[("b", "2")])).is_empty());
    let mut by_the_next = Announced::by(&of(&[("b", "2")]).conditions, &of(&[("b", "2")]).credentials);
    for announced in [&mut announced, &mut by_the_next] {
        assert_eq!(reasons(announced, &of(&[])), ["CredentialAccepted the provider turns down no key any more"]);
    }
}

#[test]
fn a_key_that_is_gone_is_not_told_as_accepted() {
    let mut announced = Announced::default();
    let standing = keys(&[("a", "1")]);
    let down = Roll::of(&[rejecting("x", &[("a", "1")])]);
    reasons(&mut announced, &after(&standing, &down, &AIProviderStatus::default(), 0));
    let mut gone = standing;
    gone.credentials[0].state = KeyState::Missing;
    assert!(reasons(&mut announced, &after(&gone, &down, &AIProviderStatus::default(), 0)).is_empty());
}
