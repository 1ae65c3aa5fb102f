use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Class, Fault};

use super::{Breakers, CONSECUTIVE, Circuit};
use crate::dispatch::attempt::{Failure, Kind};

fn failure(kind: Kind, retry_after: Option<u64>) -> Failure {
    let mut fault = Fault::provider(Class::ProviderTransient, None, "");
    fault.retry_after = retry_after.map(Duration::from_secs);
    Failure { kind, fault, response: None, status: None }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn is_out(breakers: &Breakers, credential: &str, model: &str, now: Duration) -> bool {
    breakers.suspensions().strikes(&"ns/p".into(), &credential.into(), &model.into(), now).is_some()
}

fn circuit(breakers: &Breakers) -> Arc<Circuit> {
    breakers.circuit(&"ns/p".into(), &"a".into(), &"m".into())
}

fn take_out(breakers: &Breakers, circuit: &Circuit, now: Duration) {
    for _ in 0..CONSECUTIVE {
        breakers.failed(circuit, &failure(Kind::Transient, None), now, 0.0);
    }
}

#[test]
fn consecutive_failures_take_a_circuit_out_and_no_other() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    take_out(&breakers, &circuit, at(0));
    assert!(is_out(&breakers, "a", "m", at(1)));
    assert!(!is_out(&breakers, "b", "m", at(1)));
    assert!(!is_out(&breakers, "a", "other", at(1)));
}

#[test]
fn a_success_in_between_keeps_it_in() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    for _ in 0..CONSECUTIVE - 1 {
        breakers.failed(&circuit, &failure(Kind::Transient, None), at(0), 0.0);
    }
    breakers.succeeded(&circuit, at(0));
    breakers.failed(&circuit, &failure(Kind::Transient, None), at(0), 0.0);
    assert!(!is_out(&breakers, "a", "m", at(0)));
}

#[test]
fn half_failing_takes_it_out_without_a_row_of_failures() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    for _ in 0..15 {
        breakers.succeeded(&circuit, at(0));
        breakers.failed(&circuit, &failure(Kind::Transient, None), at(0), 0.0);
    }
    assert!(is_out(&breakers, "a", "m", at(1)));
}

#[test]
fn one_probe_goes_after_the_time_and_decides() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    take_out(&breakers, &circuit, at(0));
    assert!(!is_out(&breakers, "a", "m", at(6)), "its time is over");
    breakers.begins(&circuit, at(6));
    assert!(is_out(&breakers, "a", "m", at(6)), "the probe is alone");
    breakers.succeeded(&circuit, at(6));
    assert!(!is_out(&breakers, "a", "m", at(6)));
}

#[test]
fn a_failed_probe_is_out_for_longer() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    take_out(&breakers, &circuit, at(0));
    breakers.begins(&circuit, at(6));
    breakers.failed(&circuit, &failure(Kind::Transient, None), at(6), 0.0);
    assert!(is_out(&breakers, "a", "m", at(15)));
    assert!(!is_out(&breakers, "a", "m", at(17)));
}

#[test]
fn a_probe_whose_caller_left_lets_the_next_one_go() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    take_out(&breakers, &circuit, at(0));
    breakers.begins(&circuit, at(6));
    breakers.abandoned(&circuit);
    assert!(!is_out(&breakers, "a", "m", at(6)));
}

#[test]
fn a_quota_is_out_for_as_long_as_the_provider_says_but_not_for_ever() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    breakers.failed(&circuit, &failure(Kind::Quota { spent: false }, Some(30)), at(0), 0.0);
    assert!(is_out(&breakers, "a", "m", at(29)));
    assert!(!is_out(&breakers, "a", "m", at(31)));
    breakers.failed(&circuit, &failure(Kind::Quota { spent: false }, Some(1_000_000_000)), at(40), 0.0);
    assert!(!is_out(&breakers, "a", "m", at(40 + 121)));
}

#[test]
fn a_key_that_was_turned_down_is_out_for_every_model() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    breakers.failed(&circuit, &failure(Kind::Auth, None), at(0), 0.0);
    assert!(is_out(&breakers, "a", "m", at(1)));
    assert!(is_out(&breakers, "a", "another", at(1)));
    assert!(!is_out(&breakers, "b", "m", at(1)));
}

#[test]
fn failures_that_come_together_are_one_strike() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    for _ in 0..100 {
        breakers.failed(&circuit, &failure(Kind::Transient, None), at(0), 0.0);
    }
    assert!(is_out(&breakers, "a", "m", at(4)));
    assert!(!is_out(&breakers, "a", "m", at(6)));
}

#[test]
fn a_success_of_before_does_not_bring_it_back() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    take_out(&breakers, &circuit, at(0));
    breakers.succeeded(&circuit, at(1));
    assert!(is_out(&breakers, "a", "m", at(2)), "only a probe decides");
}

#[test]
fn a_time_of_nothing_is_still_some_time() {
    let breakers = Breakers::default();
    let circuit = circuit(&breakers);
    breakers.failed(&circuit, &failure(Kind::Quota { spent: false }, Some(0)), at(0), 0.0);
    assert!(is_out(&breakers, "a", "m", Duration::from_millis(900)));
    assert!(!is_out(&breakers, "a", "m", at(2)));
}
