//! When a place is out.

use std::sync::Arc;
use std::time::Duration;

use super::{CircuitKey, Suspension, Suspensions};

const UNTIL: Duration = Duration::from_secs(10);

fn out(model: Option<&str>, probing: bool, strikes: u32) -> (CircuitKey, Suspension) {
    let key = CircuitKey { provider: "ns/p".into(), credential: "a".into(), model: model.map(Into::into) };
    (key, Suspension { until: UNTIL, probing, strikes })
}

fn strikes(suspensions: &Suspensions, place: [&str; 3], now: u64) -> Option<u32> {
    let [provider, credential, model] = place.map(Arc::from);
    suspensions.strikes(&provider, &credential, &model, Duration::from_secs(now))
}

const PLACE: [&str; 3] = ["ns/p", "a", "m"];

#[test]
fn nothing_is_out_where_nothing_is_noted() {
    assert_eq!(strikes(&Suspensions::default(), PLACE, 0), None);
    let one = Suspensions([out(Some("m"), false, 1)].into());
    for other in [["ns/q", "a", "m"], ["ns/p", "b", "m"], ["ns/p", "a", "n"]] {
        assert_eq!(strikes(&one, other, 0), None, "{other:?}");
    }
}

#[test]
fn a_place_is_out_until_its_time_and_a_probe_may_go_then() {
    let one = Suspensions([out(Some("m"), false, 2)].into());
    assert_eq!(strikes(&one, PLACE, 9), Some(2));
    assert_eq!(strikes(&one, PLACE, 10), None);
}

#[test]
fn while_a_probe_is_under_way_nobody_else_goes() {
    let probing = Suspensions([out(Some("m"), true, 2)].into());
    assert_eq!(strikes(&probing, PLACE, 11), Some(2));
}

#[test]
fn a_credential_that_is_out_is_out_for_every_model() {
    let key = Suspensions([out(None, false, 1)].into());
    assert_eq!(strikes(&key, PLACE, 0), Some(1));
    assert_eq!(strikes(&key, ["ns/p", "a", "other"], 0), Some(1));
}

#[test]
fn of_the_credential_and_the_model_the_worse_counts() {
    let both = Suspensions([out(None, false, 1), out(Some("m"), false, 5)].into());
    assert_eq!(strikes(&both, PLACE, 0), Some(5));
    let passed = Suspensions([out(None, true, 1), out(Some("m"), false, 5)].into());
    assert_eq!(strikes(&passed, PLACE, 10), Some(1), "the model's time is over, the credential is being probed");
}
