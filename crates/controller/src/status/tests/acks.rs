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

#[test]
fn what_a_replica_tells_another_is_what_its_sidecars_say() {
    let (old, new) = (contents(&policy_name(), 6), contents(&policy_name(), 7));
    let words = "snapshot.routes[0]: more than 8 headers";
    let roll = Roll::of(&[sidecar("a", &new), sidecar("b", &new), refusing("c", &old, &new, words)]);
    let told = Roll::from_text(&roll.to_text(10_000));
    for generation in [6, 7, 8] {
        assert_eq!(told.acks(&policy_name(), generation), roll.acks(&policy_name(), generation));
    }
    assert_eq!(&*told.acks(&policy_name(), 7).refusal.unwrap().reason, words);
}

#[test]
fn the_counts_of_replicas_add_up() {
    let new = contents(&policy_name(), 7);
    let mut roll = Roll::of(&[sidecar("a", &new)]);
    roll.add_all(&Roll::of(&[sidecar("b", &new), sidecar("c", &new)]));
    assert_eq!(roll.acks(&policy_name(), 7).programmed, 3);
}

#[test]
fn what_does_not_fit_or_cannot_be_read_is_not_counted() {
    let all = Arc::new(Contents::from([
        (policy_name(), 7),
        (ObjectName::new(Kind::AiPolicy, "shop", "pay"), 2),
        (provider_name(), 3),
    ]));
    let roll = Roll::of(&[sidecar("a", &all)]);
    let whole = roll.to_text(10_000);
    assert_eq!(whole, "AIProvider/sidegate-system\n openai 3 1 0\nAIPolicy/shop\n checkout 7 1 0\n pay 2 1 0\n");
    assert_eq!(roll.to_text(42), "AIProvider/sidegate-system\n openai 3 1 0\n");
    let odd = " a 1 1 0\nSecret/a\n b 1 1 0\nAIPolicy\n a 1 1 0\nAIPolicy/a\n b x 1 0\n b 1 -1 0\n! a/b c\n\n!\n";
    assert!(Roll::from_text(odd).is_empty());
}
