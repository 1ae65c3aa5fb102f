//! What a status says of the sidecars.

use super::*;

fn many(count: usize, holds: &Arc<Contents>) -> Vec<Seated> {
    (0..count).map(|n| sidecar(&format!("pod-{n}"), holds)).collect()
}

fn programmed(standing: &Standing, seated: &[Seated]) -> String {
    condition(&policy(standing, seated).conditions, "Programmed")
}

#[test]
fn it_is_programmed_when_all_selected_sidecars_have_taken_this_generation() {
    let seated = many(12, &contents(&policy_name(), 7));
    assert_eq!(programmed(&standing(12), &seated), "True Programmed: 12 of 12 sidecars at generation 7");
    let counts = policy(&standing(12), &seated).sidecars.unwrap();
    assert_eq!((counts.selected, counts.programmed, counts.rejected), (12, 12, 0));
}

#[test]
fn one_that_has_not_taken_it_yet_is_enough_to_say_partially() {
    let seated = many(11, &contents(&policy_name(), 7));
    let words = "False PartiallyProgrammed: 11 of 12 sidecars at generation 7";
    assert_eq!(programmed(&standing(12), &seated), words);
}

#[test]
fn a_sidecar_that_has_an_older_generation_does_not_count() {
    let seated = many(12, &contents(&policy_name(), 6));
    assert_eq!(programmed(&standing(12), &seated), "False Pending: 0 of 12 sidecars at generation 7");
}

#[test]
fn a_sidecar_whose_policy_lacks_the_object_does_not_count() {
    let seated = many(12, &contents(&provider_name(), 7));
    assert_eq!(programmed(&standing(12), &seated), "False Pending: 0 of 12 sidecars at generation 7");
}

#[test]
fn what_selects_no_sidecar_says_so_and_is_not_programmed() {
    assert_eq!(programmed(&standing(0), &[]), "False NoSidecars: AIPolicy shop/checkout selects no sidecar");
}

#[test]
fn a_sidecar_whose_pod_is_gone_adds_nothing() {
    let seated = many(3, &contents(&policy_name(), 7));
    assert_eq!(programmed(&standing(2), &seated), "True Programmed: 2 of 2 sidecars at generation 7");
}

#[test]
fn the_words_of_a_sidecar_that_refuses_are_in_the_message() {
    let (old, new) = (contents(&policy_name(), 6), contents(&policy_name(), 7));
    let mut seated = many(11, &new);
    seated.push(refusing("pod-x", &old, &new, "feature header_match is not known here"));
    assert_eq!(
        programmed(&standing(12), &seated),
        "False RejectedBySidecars: 11 of 12 sidecars at generation 7; 1 refused it, shop/pod-x because: \
         feature header_match is not known here"
    );
    let counts = policy(&standing(12), &seated).sidecars.unwrap();
    assert_eq!((counts.programmed, counts.rejected), (11, 1));
}

#[test]
fn of_many_that_refuse_the_same_one_speaks_every_time() {
    let (old, new) = (contents(&policy_name(), 6), contents(&policy_name(), 7));
    let mut seated: Vec<Seated> =
        (0..5).map(|n| refusing(&format!("pod-{n}"), &old, &new, &format!("reason {n}"))).collect();
    let words = programmed(&standing(5), &seated);
    assert!(words.ends_with("5 refused it, shop/pod-0 because: reason 0"), "{words}");
    seated.reverse();
    assert_eq!(programmed(&standing(5), &seated), words);
}

#[test]
fn a_policy_that_is_refused_for_something_else_leaves_what_it_already_enforces_programmed() {
    let other = ObjectName::new(Kind::AiPolicy, "shop", "other");
    let held = contents(&policy_name(), 7);
    let with_other = Arc::new(Contents::from([(policy_name(), 7), (other, 1)]));
    let seated = [refusing("a", &held, &with_other, "spec.routes[x] is too much")];
    assert_eq!(programmed(&standing(1), &seated), "True Programmed: 1 of 1 sidecars at generation 7");
}
