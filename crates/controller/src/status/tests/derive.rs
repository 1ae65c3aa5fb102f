//! What a status says of the object itself.

use sidegate_crds::{AIProviderStatus, CredentialState};

use super::*;
use crate::index::{Conflict, CredentialStanding, KeyState, Overruled};
use crate::status::Marks;

fn key(name: &str, state: KeyState) -> CredentialStanding {
    CredentialStanding { name: name.into(), state, reason: "why".to_owned(), mark: "1".into() }
}

#[test]
fn a_policy_has_four_conditions_and_a_provider_three_each_of_the_generation_that_was_observed() {
    let (policy, provider) = (policy(&standing(0), &[]), provider(&standing(0), &[]));
    let types = |conditions: &[Condition]| conditions.iter().map(|c| c.type_.clone()).collect::<Vec<_>>();
    assert_eq!(types(&policy.conditions), ["Accepted", "ResolvedRefs", "Conflicted", "Programmed"]);
    assert_eq!(types(&provider.conditions), ["Accepted", "ResolvedRefs", "Programmed"]);
    assert_eq!((policy.observed_generation, provider.observed_generation), (Some(7), Some(7)));
    let all = policy.conditions.iter().chain(&provider.conditions);
    assert!(all.map(|c| c.observed_generation).all(|generation| generation == Some(7)));
}

#[test]
fn an_accepted_object_is_named_with_its_generation() {
    let words = condition(&policy(&standing(0), &[]).conditions, "Accepted");
    assert_eq!(words, "True Accepted: AIPolicy shop/checkout is valid and in force at generation 7");
}

#[test]
fn a_refused_object_that_never_was_in_force_says_why_by_field_and_that_nothing_of_it_is() {
    let refusals = vec![invalid("spec.routes[fast].targets", "has 17 entries; at most 16 are allowed")];
    let refused = Standing { in_force: None, refusals, ..standing(0) };
    let status = policy(&refused, &[]);
    assert_eq!(
        condition(&status.conditions, "Accepted"),
        "False Invalid: AIPolicy shop/checkout is refused at generation 7, nothing of it is in force: \
         spec.routes[fast].targets: has 17 entries; at most 16 are allowed"
    );
    let programmed = "False NotAccepted: generation 7 is not accepted, and no other is in force";
    assert_eq!(condition(&status.conditions, "Programmed"), programmed);
    assert!(condition(&status.conditions, "ResolvedRefs").starts_with("Unknown NotAccepted: "));
}

#[test]
fn a_refused_edit_says_which_generation_is_still_in_force_and_where() {
    let refused = Standing { generation: 8, refusals: vec![invalid("spec.mode", "must not be")], ..standing(2) };
    let holds = contents(&policy_name(), 7);
    let status = policy(&refused, &[sidecar("a", &holds), sidecar("b", &holds)]);
    assert_eq!(status.observed_generation, Some(8));
    let words = condition(&status.conditions, "Accepted");
    assert!(words.starts_with("False Invalid: "), "{words}");
    assert!(words.contains("at generation 8, generation 7 is still in force: spec.mode: must not be"), "{words}");
    let programmed = "False NotAccepted: generation 8 is not accepted; 2 of 2 sidecars at generation 7";
    assert_eq!(condition(&status.conditions, "Programmed"), programmed);
    let counts = status.sidecars.unwrap();
    assert_eq!((counts.selected, counts.programmed, counts.rejected), (2, 0, 0), "of generation 8, as the status says");
}

#[test]
fn of_many_refusals_the_first_few_are_told_and_the_others_counted() {
    let refusals = (0..9).map(|n| invalid(&format!("spec.limits[{n}]"), "is wrong")).collect();
    let words = condition(&policy(&Standing { in_force: None, refusals, ..standing(0) }, &[]).conditions, "Accepted");
    assert!(words.contains("spec.limits[3]: is wrong; and 5 more") && !words.contains("limits[4]"), "{words}");
}

#[test]
fn a_message_ends_within_a_kilobyte() {
    let refusals = vec![invalid("spec.endpoint", &"ü".repeat(5_000))];
    let status = policy(&Standing { in_force: None, refusals, ..standing(0) }, &[]);
    let message = &status.conditions[0].message;
    assert!(message.len() <= 1024 && message.ends_with('…'), "{}", message.len());
}

#[test]
fn a_reference_that_leads_nowhere_is_told_with_its_field() {
    let unresolved =
        vec![invalid("spec.credentials[a].secretRef", "there is no Secret openai in namespace sidegate-system")];
    let status = provider(&Standing { unresolved, ..standing(0) }, &[]);
    assert_eq!(
        condition(&status.conditions, "ResolvedRefs"),
        "False ReferencesUnresolved: references of AIProvider sidegate-system/openai lead nowhere: \
         spec.credentials[a].secretRef: there is no Secret openai in namespace sidegate-system"
    );
    assert!(condition(&status.conditions, "Accepted").starts_with("True"), "the object itself is valid");
}

#[test]
fn references_that_lead_somewhere_are_resolved() {
    let words = condition(&provider(&standing(0), &[]).conditions, "ResolvedRefs");
    let expected = "every reference of AIProvider sidegate-system/openai leads to what can be used";
    assert_eq!(words, format!("True ReferencesResolved: {expected}"));
}

#[test]
fn a_conflict_names_the_field_and_the_winner() {
    let winner = ObjectName::new(Kind::AiPolicy, "shop", "pay");
    let conflict = Conflict {
        object: policy_name(),
        field: "spec.routes[fast]".into(),
        winner,
        winner_field: "spec.routes[all]".into(),
        why: Overruled::Covered,
    };
    let status = policy(&Standing { conflicts: vec![conflict], ..standing(0) }, &[]);
    assert_eq!(
        condition(&status.conditions, "Conflicted"),
        "True RoutesConflicted: spec.routes[fast] never matches where spec.routes[all] of AIPolicy shop/pay ranks \
         higher and has all of its matches"
    );
    let told = &status.conflicts[0];
    assert_eq!(told.field, "spec.routes[fast]");
    assert_eq!((&*told.winner.kind, &*told.winner.namespace, &*told.winner.name), ("AIPolicy", "shop", "pay"));
}

#[test]
fn what_is_said_of_telemetry_in_vain_is_told_with_what_takes_its_effect() {
    let conflict = |field: &str, why| Conflict {
        object: policy_name(),
        field: format!("spec.telemetry.{field}").into(),
        winner: ObjectName::new(Kind::AiPolicy, "shop", "pay"),
        winner_field: format!("spec.telemetry.{field}").into(),
        why,
    };
    let told = |conflicts| condition(&policy(&Standing { conflicts, ..standing(0) }, &[]).conditions, "Conflicted");
    let all = vec![
        conflict("traces", Overruled::Outranked),
        conflict("content", Overruled::Withheld),
        conflict("attributes[team]", Overruled::Crowded),
    ];
    assert_eq!(
        told(all),
        "True TelemetryConflicted: spec.telemetry.traces has no effect where spec.telemetry.traces of AIPolicy shop/pay \
         comes before it; spec.telemetry.content captures nothing where spec.telemetry.content of AIPolicy shop/pay \
         withholds content; spec.telemetry.attributes[team] is left out where as many attributes as may be told come \
         before it, up to spec.telemetry.attributes[team] of AIPolicy shop/pay"
    );
    let both = vec![conflict("content", Overruled::Withheld), conflict("traces", Overruled::Covered)];
    assert!(told(both).starts_with("True RoutesConflicted: "), "a route weighs more");
}

#[test]
fn at_most_sixteen_conflicts_are_listed() {
    let conflict = |n: usize| Conflict {
        object: policy_name(),
        field: format!("spec.routes[{n}]").into(),
        winner: policy_name(),
        winner_field: "spec.routes[all]".into(),
        why: Overruled::Covered,
    };
    let status = policy(&Standing { conflicts: (0..40).map(conflict).collect(), ..standing(0) }, &[]);
    assert_eq!(status.conflicts.len(), 16);
    assert!(condition(&status.conditions, "Conflicted").ends_with("; and 36 more"));
}

#[test]
fn without_conflicts_it_is_not_conflicted() {
    let words = condition(&policy(&standing(0), &[]).conditions, "Conflicted");
    assert!(words.starts_with("False NoConflicts: "), "{words}");
}

#[test]
fn keys_are_told_by_name_and_state_and_since_when() {
    let credentials = vec![key("a", KeyState::Ready), key("b", KeyState::Missing), key("c", KeyState::Invalid)];
    let status = provider(&Standing { credentials, ..standing(0) }, &[]);
    let told: Vec<_> = status.credentials.iter().map(|c| (&*c.name, c.state)).collect();
    let expected = [("a", CredentialState::Ready), ("b", CredentialState::Missing), ("c", CredentialState::Invalid)];
    assert_eq!(told, expected);
    assert!(status.credentials.iter().all(|c| c.changed_at.as_ref().unwrap().0 == at(0)));
}

#[test]
fn the_time_of_a_key_changes_with_its_state_only() {
    let with = |state| Standing { credentials: vec![key("a", state)], ..standing(0) };
    let (name, roll) = (provider_name(), Roll::default());
    let derive = |standing: &Standing, before: &AIProviderStatus, seconds| {
        Known::new(&name, standing, &roll).provider(before, at(seconds))
    };
    let first = derive(&with(KeyState::Ready), &AIProviderStatus::default(), 0);
    let second = derive(&with(KeyState::Ready), &first, 60);
    assert_eq!(second.credentials, first.credentials);
    let third = derive(&with(KeyState::Missing), &second, 90);
    assert_eq!(third.credentials[0].changed_at.as_ref().unwrap().0, at(90));
}

#[test]
fn sr1_the_time_of_a_key_changes_when_its_value_is_rotated() {
    let rotated = CredentialStanding { mark: "2".into(), ..key("a", KeyState::Ready) };
    let rotated = Standing { credentials: vec![rotated, key("b", KeyState::Ready)], ..standing(0) };
    let first = Standing { credentials: vec![key("a", KeyState::Ready), key("b", KeyState::Ready)], ..standing(0) };
    let before = provider(&first, &[]);
    let marks = Marks::from([("a".into(), "1".into()), ("b".into(), "1".into())]);
    let (name, roll) = (provider_name(), Roll::default());
    let after = Known::new(&name, &rotated, &roll).after(Some(&marks)).provider(&before, at(60));
    let times: Vec<_> = after.credentials.iter().map(|c| c.changed_at.as_ref().unwrap().0).collect();
    assert_eq!(times, [at(60), at(0)]);
}

#[test]
fn the_time_of_a_transition_changes_with_the_status_only() {
    let first = policy(&standing(2), &[]);
    let refused = Standing { generation: 8, refusals: vec![invalid("spec", "is wrong")], ..standing(2) };
    let second = policy_after(&refused, &[], &first, 60);
    let time = |status: &AIPolicyStatus, of: &str| {
        status.conditions.iter().find(|c| c.type_ == of).unwrap().last_transition_time.0
    };
    assert_eq!(time(&second, "Accepted"), at(60), "it was True");
    assert_eq!(time(&second, "Programmed"), at(0), "another reason and message, and still False");
    let third = policy_after(&refused, &[], &second, 120);
    assert_eq!(third, second, "and nothing changes by itself");
}
