use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::{TOGETHER, TURNS};
use crate::settle::Settlement;
use crate::sidecar::Sidecar;

/// A call that ends at once.
fn call(sidecar: &Arc<Sidecar>) {
    Settlement::open(sidecar, &HeaderMap::new()).answered_here(StatusCode::OK, 2);
}

/// Calls that were told of.
fn told(sidecar: &Sidecar) -> u64 {
    sidecar.recent.take_sums(sidecar.clock.now()).iter().map(|sum| sum.calls).sum()
}

/// A sidecar whose runtime has idle moments.
fn patient() -> Arc<Sidecar> {
    let sidecar = Sidecar::for_tests();
    sidecar.telling.wait_for_idle();
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
fn what_settles_outside_a_turn_is_told_at_once() {
    let sidecar = patient();
    call(&sidecar);
    assert_eq!(told(&sidecar), 1);
}

#[test]
fn calls_wait_for_an_idle_moment() {
    let sidecar = patient();
    for _ in 1..TOGETHER {
        let _turn = sidecar.telling.turn();
        call(&sidecar);
    }
    assert_eq!(told(&sidecar), 0);
    sidecar.telling.tell_all();
    assert_eq!(told(&sidecar), TOGETHER as u64 - 1);
}

#[test]
fn no_more_than_so_many_calls_wait() {
    let sidecar = patient();
    for _ in 0..TOGETHER {
        let _turn = sidecar.telling.turn();
        call(&sidecar);
    }
    assert_eq!(told(&sidecar), TOGETHER as u64);
}

#[test]
fn no_call_waits_for_more_than_so_many_turns() {
    let sidecar = patient();
    {
        let _turn = sidecar.telling.turn();
        call(&sidecar);
    }
    for _ in 2..TURNS {
        drop(sidecar.telling.turn());
    }
    assert_eq!(told(&sidecar), 0);
    drop(sidecar.telling.turn());
    assert_eq!(told(&sidecar), 1);
    // The next one has all of its turns again.
    {
        let _turn = sidecar.telling.turn();
        call(&sidecar);
    }
    assert_eq!(told(&sidecar), 0);
}

#[test]
fn what_was_said_waits_for_nobody() {
    use sidegate_telemetry::{Content, Detail};
    let sidecar = patient();
    let turn = sidecar.telling.turn();
    let mut settlement = Settlement::open(&sidecar, &HeaderMap::new());
    let content = Some(Box::new(Content::default()));
    settlement.with(|open| open.record.detail = Some(Box::new(Detail { content, ..Detail::default() })));
    settlement.answered_here(StatusCode::OK, 2);
    drop(turn);
    assert_eq!(told(&sidecar), 1);
}
