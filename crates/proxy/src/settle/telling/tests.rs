use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{TOGETHER, TURNS, each};
use crate::assembly::runtime_of_calls;
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// A call that ends at once.
fn call(sidecar: &Arc<Sidecar>) {
    Settlement::open(sidecar, &HeaderMap::new()).answered_here(StatusCode::OK, 2);
}

/// A call that ends in a turn of its own.
fn call_in_turn(sidecar: &Arc<Sidecar>) {
    let _turn = sidecar.telling.turn();
    call(sidecar);
}

/// Calls that were told of.
fn told(sidecar: &Sidecar) -> u64 {
    sidecar.recent.take_sums(sidecar.clock.now()).iter().map(|sum| sum.calls).sum()
}

/// A sidecar whose runtime has idle moments.
fn patient() -> Arc<Sidecar> {
    let sidecar = Sidecar::for_tests();
    sidecar.telling.be_patient();
    sidecar
}

#[test]
fn what_settles_in_a_turn_is_told_after_it() {
    let sidecar = Sidecar::for_tests();
    let turn = sidecar.telling.turn();
    call(&sidecar);
    assert_eq!(told(&sidecar), 0);
    drop(turn);
    assert_eq!(told(&sidecar), 1);
}

#[test]
fn what_settles_outside_a_turn_is_told_at_once_with_what_waits() {
    let sidecar = patient();
    call_in_turn(&sidecar);
    call(&sidecar);
    assert_eq!(told(&sidecar), 2);
}

#[test]
fn an_idle_moment_is_when_the_runtime_of_calls_waits() {
    let sidecar = Sidecar::for_tests();
    let runtime = runtime_of_calls(&sidecar).unwrap();
    runtime.block_on(async { call_in_turn(&sidecar) });
    assert_eq!(told(&sidecar), 0, "it did not wait");
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    assert_eq!(told(&sidecar), 1);
}

#[test]
fn a_panic_for_one_call_is_none_for_the_next() {
    let sidecar = Sidecar::for_tests();
    let mut told = Vec::new();
    each(&sidecar, 1..=4, |number| {
        assert!(number % 2 == 1, "on purpose");
        told.push(number);
    });
    assert_eq!(told, [1, 3]);
    let mut text = String::new();
    sidecar.metrics.encode(&mut text);
    let counted = text.lines().find(|line| line.starts_with("sidegate_panics_total"));
    assert!(counted.is_some_and(|line| line.ends_with(" 2")), "{counted:?}");
}

#[test]
fn calls_wait_for_an_idle_moment() {
    let sidecar = patient();
    for _ in 1..TOGETHER {
        call_in_turn(&sidecar);
    }
    assert_eq!(told(&sidecar), 0);
    sidecar.telling.tell_all();
    assert_eq!(told(&sidecar), TOGETHER as u64 - 1);
}

#[test]
fn no_more_than_so_many_calls_wait() {
    let sidecar = patient();
    for _ in 0..TOGETHER {
        call_in_turn(&sidecar);
    }
    assert_eq!(told(&sidecar), TOGETHER as u64);
}

#[test]
fn no_call_waits_for_more_than_so_many_turns() {
    let sidecar = patient();
    call_in_turn(&sidecar);
    for _ in 2..TURNS {
        drop(sidecar.telling.turn());
    }
    assert_eq!(told(&sidecar), 0);
    drop(sidecar.telling.turn());
    assert_eq!(told(&sidecar), 1);
    // The next one has all of its turns again.
    call_in_turn(&sidecar);
    assert_eq!(told(&sidecar), 0);
}

#[test]
fn what_was_said_waits_for_nobody() {
    use sidegate_telemetry::{Content, Detail};
    let sidecar = patient();
    call_in_turn(&sidecar);
    let turn = sidecar.telling.turn();
    let mut settlement = Settlement::open(&sidecar, &HeaderMap::new());
    let content = Some(Box::new(Content::default()));
    settlement.with(|open| open.record.detail = Some(Box::new(Detail { content, ..Detail::default() })));
    settlement.answered_here(StatusCode::OK, 2);
    drop(turn);
    assert_eq!(told(&sidecar), 2, "with what waited before it");
}
