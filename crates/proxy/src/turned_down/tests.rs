use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::{MOST_TOLD, Marked, TurnedDown};

fn key(credential: &str, mark: &str) -> Marked {
    Marked { namespace: "ns".into(), provider: "p".into(), credential: credential.into(), mark: mark.into() }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn with(keys: &[(&str, &str)]) -> TurnedDown {
    let turned_down = TurnedDown::default();
    turned_down.replace(keys.iter().map(|(name, mark)| key(name, mark)).collect(), |_, _| true);
    let _ = turned_down.changed().now_or_never();
    turned_down
}

fn down(turned_down: &TurnedDown, credential: &str, now: u64) {
    assert!(turned_down.note((&"ns/p".into(), &credential.into()), at(now), || true));
}

fn taken(turned_down: &TurnedDown, credential: &str, began: u64) {
    turned_down.taken((&Arc::from("ns/p"), &Arc::from(credential)), at(began));
}

/// What is told, as `credential mark`.
fn told(turned_down: &TurnedDown) -> Vec<String> {
    turned_down.told().iter().map(|key| format!("{} {}", key.name, key.mark)).collect()
}

#[test]
fn a_key_is_told_from_the_answer_that_turns_it_down_to_the_one_that_takes_it() {
    let turned_down = with(&[("a", "1"), ("b", "2")]);
    assert_eq!(told(&turned_down), Vec::<String>::new());
    down(&turned_down, "b", 5);
    assert_eq!(told(&turned_down), ["b 2"]);
    taken(&turned_down, "a", 6);
    assert_eq!(told(&turned_down), ["b 2"], "of another key that says nothing");
    taken(&turned_down, "b", 4);
    assert_eq!(told(&turned_down), ["b 2"], "it began before");
    taken(&turned_down, "b", 6);
    assert_eq!(told(&turned_down), Vec::<String>::new());
}

#[test]
fn another_key_in_its_place_was_not_turned_down() {
    let turned_down = with(&[("a", "1"), ("b", "2")]);
    down(&turned_down, "a", 5);
    down(&turned_down, "b", 5);
    turned_down.replace(vec![key("a", "3"), key("b", "2")], |_, credential| credential == "b");
    assert_eq!(told(&turned_down), ["b 2"]);
    turned_down.replace(Vec::new(), |_, _| true);
    assert_eq!(told(&turned_down), Vec::<String>::new(), "it is gone");
}

#[test]
fn the_same_key_is_told_by_the_mark_that_it_has_now() {
    let turned_down = with(&[("a", "1")]);
    down(&turned_down, "a", 5);
    turned_down.replace(vec![key("a", "9")], |_, _| true);
    assert_eq!(told(&turned_down), ["a 9"], "another replica marks it otherwise");
}

#[test]
fn what_a_key_that_was_replaced_did_is_not_noted() {
    let turned_down = with(&[("a", "1")]);
    assert!(!turned_down.note((&"ns/p".into(), &"a".into()), at(5), || false));
    assert_eq!(told(&turned_down), Vec::<String>::new());
}

#[test]
fn only_what_is_new_is_news() {
    let turned_down = with(&[("a", "1")]);
    down(&turned_down, "a", 5);
    assert!(turned_down.changed().now_or_never().is_some());
    down(&turned_down, "a", 6);
    taken(&turned_down, "b", 9);
    assert!(turned_down.changed().now_or_never().is_none());
    taken(&turned_down, "a", 6);
    assert!(turned_down.changed().now_or_never().is_some());
}

#[test]
fn what_is_told_is_bounded_and_keys_without_a_mark_are_not_told() {
    let names: Vec<String> = (0..100).map(|n| format!("k{n:03}")).collect();
    let turned_down = with(&names.iter().map(|name| (&**name, "1")).chain([("a", "")]).collect::<Vec<_>>());
    names.iter().for_each(|name| down(&turned_down, name, 5));
    down(&turned_down, "a", 5);
    let told = told(&turned_down);
    assert_eq!((told.len(), &*told[0]), (MOST_TOLD, "k000 1"));
}
