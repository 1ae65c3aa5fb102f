use std::time::Duration;

use super::{FLOOR, RetryBudgets};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(100 + seconds)
}

#[test]
fn few_calls_still_get_the_floor() {
    let budget = RetryBudgets::default();
    let granted = (0..10).filter(|_| budget.take(at(0))).count() as u64;
    assert_eq!(granted, FLOOR);
}

#[test]
fn many_calls_get_a_fifth() {
    let budget = RetryBudgets::default();
    (0..1000).for_each(|_| budget.note_call(at(0)));
    let granted = (0..1000).filter(|_| budget.take(at(1))).count();
    assert_eq!(granted, 200);
}

#[test]
fn what_was_long_ago_neither_pays_nor_blames() {
    let budget = RetryBudgets::default();
    (0..1000).for_each(|_| budget.note_call(at(0)));
    while budget.take(at(0)) {}
    assert!(budget.has_room(at(30)));
    let granted = (0..100).filter(|_| budget.take(at(30))).count() as u64;
    assert_eq!(granted, FLOOR);
}
