//! What is counted of the sidecars.

use super::*;

#[test]
fn sidecars_with_equal_policies_are_counted_together_and_others_apart() {
    let both = Arc::new(Contents::from([(policy_name(), 7), (provider_name(), 3)]));
    let one = contents(&provider_name(), 3);
    let roll = Roll::of(&[sidecar("a", &both), sidecar("b", &both), sidecar("c", &one)]);
    assert_eq!(roll.acks(&policy_name(), 7).programmed, 2);
    assert_eq!(roll.acks(&provider_name(), 3).programmed, 3);
    assert_eq!(roll.acks(&provider_name(), 4).programmed, 0);
}

#[test]
fn keys_that_were_refused_count_against_the_providers_and_not_against_the_policies() {
    let both = Arc::new(Contents::from([(policy_name(), 7), (provider_name(), 3)]));
    let none = Arc::new(Contents::new());
    let roll = Roll::of(&[sidecar("a", &both), refusing("b", &both, &none, "credentials[0] cannot be used")]);
    let acks = roll.acks(&provider_name(), 3);
    assert_eq!((acks.programmed, acks.rejected), (1, 1));
    assert_eq!(acks.refusal.unwrap().sidecar, "shop/b");
    assert_eq!(roll.acks(&policy_name(), 7).programmed, 2);
}

#[test]
fn a_sidecar_that_has_nothing_yet_counts_for_nothing() {
    let roll = Roll::of(&[Seated::default()]);
    assert_eq!(roll.acks(&policy_name(), 7), super::super::Acks::default());
}
