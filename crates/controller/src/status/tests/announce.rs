//! What becomes an event, and what does not.

use super::*;
use crate::index::{Conflict, Overruled};
use crate::status::Announced;

fn reasons(announced: &mut Announced, status: &AIPolicyStatus) -> Vec<&'static str> {
    announced.news(&status.conditions, &[]).iter().map(|a| a.reason).collect()
}

fn refused() -> Standing {
    Standing { generation: 8, refusals: vec![invalid("spec.mode", "must not be")], ..standing(1) }
}

fn taken() -> Vec<Seated> {
    vec![sidecar("a", &contents(&policy_name(), 7))]
}

#[test]
fn a_new_object_is_told_as_accepted_then_as_programmed_and_each_once() {
    let mut announced = Announced::default();
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &[])), ["Accepted"]);
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &[])), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &taken())), ["Programmed"]);
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &taken())), Vec::<&str>::new());
}

#[test]
fn sidecars_that_come_and_go_are_no_news() {
    let mut announced = Announced::default();
    reasons(&mut announced, &policy(&standing(1), &taken()));
    assert_eq!(reasons(&mut announced, &policy(&standing(2), &taken())), Vec::<&str>::new(), "1 of 2");
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &taken())), Vec::<&str>::new(), "1 of 1 again");
}

#[test]
fn the_next_generation_in_force_everywhere_is_news() {
    let mut announced = Announced::default();
    reasons(&mut announced, &policy(&standing(1), &taken()));
    let next = Standing { generation: 8, in_force: Some(8), ..standing(1) };
    let seated = [sidecar("a", &contents(&policy_name(), 8))];
    assert_eq!(reasons(&mut announced, &policy(&next, &seated)), ["Programmed"]);
}

#[test]
fn a_refused_edit_is_told_once_and_its_correction_too() {
    let mut announced = Announced::default();
    reasons(&mut announced, &policy(&standing(1), &taken()));
    let told = announced.news(&policy(&refused(), &taken()).conditions, &[]);
    assert_eq!(told.len(), 1);
    assert!(told[0].warning && told[0].reason == "Rejected", "{told:?}");
    assert!(told[0].note.contains("spec.mode: must not be") && told[0].note.contains("generation 7 is still in force"));
    assert_eq!(reasons(&mut announced, &policy(&refused(), &[])), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&standing(1), &taken())), ["Accepted"]);
}

#[test]
fn references_are_told_when_they_break_and_when_they_are_whole_again() {
    let mut announced = Announced::default();
    let broken = Standing { unresolved: vec![invalid("spec.routes[x]", "leads nowhere")], ..standing(0) };
    assert_eq!(reasons(&mut announced, &policy(&standing(0), &[])), ["Accepted"], "nothing was broken before");
    assert_eq!(reasons(&mut announced, &policy(&broken, &[])), ["ReferencesUnresolved"]);
    assert_eq!(reasons(&mut announced, &policy(&broken, &[])), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&standing(0), &[])), ["ReferencesResolved"]);
}

#[test]
fn a_conflict_is_told_again_only_after_it_was_gone() {
    let mut announced = Announced::default();
    let conflict = Conflict {
        object: policy_name(),
        field: "spec.routes[a]".into(),
        winner: policy_name(),
        winner_field: "spec.routes[b]".into(),
        why: Overruled::Covered,
    };
    let conflicted = Standing { conflicts: vec![conflict], ..standing(0) };
    assert_eq!(reasons(&mut announced, &policy(&conflicted, &[])), ["Accepted", "Conflicted"]);
    assert_eq!(reasons(&mut announced, &policy(&conflicted, &[])), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&standing(0), &[])), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&conflicted, &[])), ["Conflicted"]);
}

#[test]
fn a_refusal_by_sidecars_is_told_once_however_many_there_are() {
    let mut announced = Announced::default();
    let (old, new) = (contents(&policy_name(), 6), contents(&policy_name(), 7));
    let seated = |count: usize| -> Vec<Seated> {
        (0..count).map(|n| refusing(&format!("p{n}"), &old, &new, "too many routes")).collect()
    };
    assert_eq!(reasons(&mut announced, &policy(&standing(3), &seated(1))), ["Accepted", "NackedBySidecar"]);
    assert_eq!(reasons(&mut announced, &policy(&standing(3), &seated(3))), Vec::<&str>::new());
    let others = [refusing("p", &old, &new, "something else")];
    assert_eq!(reasons(&mut announced, &policy(&standing(3), &others)), ["NackedBySidecar"]);
}

#[test]
fn a_new_writer_does_not_tell_what_the_status_shows_to_have_been_told() {
    let shown = policy(&standing(1), &taken());
    let mut announced = Announced::by(&shown.conditions, &[]);
    assert_eq!(reasons(&mut announced, &shown), Vec::<&str>::new());
    assert_eq!(reasons(&mut announced, &policy(&refused(), &taken())), ["Rejected"]);
}
