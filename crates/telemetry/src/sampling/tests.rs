//! Which calls are taken, at the head and at the end.

use std::time::Duration;

use sidegate_policy::telemetry::{Always, Ratio, Traces};
use sidegate_policy::{Class, Fault, Reason, Refusal};

use super::{AtEnd, at_head};
use crate::record::{CallRecord, Outcome, RequestId};
use crate::testing::record;

fn rate(ratio: Ratio) -> Traces {
    Traces { ratio, ..Traces::default() }
}

fn alone(bits: u128) -> CallRecord {
    let mut record = record();
    (record.request_id, record.trace) = (RequestId::new(bits), None);
    record
}

#[test]
fn the_callers_decision_is_followed_whatever_the_ratio() {
    for (sampled, ratio) in [(true, Ratio::NONE), (false, Ratio::ALL)] {
        let mut record = record();
        record.trace.as_mut().unwrap().sampled = sampled;
        assert_eq!(at_head(&rate(ratio), &record), sampled);
    }
}

#[test]
fn without_a_caller_the_ratio_decides_by_trace_id_alike_everywhere() {
    let tenth = u128::from(u64::MAX / 10);
    assert!(at_head(&rate(Ratio::TENTH), &alone(tenth - 10)));
    assert!(!at_head(&rate(Ratio::TENTH), &alone(tenth + 100)));
    // What stands in the upper half changes nothing.
    assert!(at_head(&rate(Ratio::TENTH), &alone((7 << 64) | (tenth - 10))));
    assert!(!at_head(&rate(Ratio::NONE), &alone(1)) && at_head(&rate(Ratio::ALL), &alone(u128::MAX)));
}

#[test]
fn failures_refusals_slow_calls_and_the_first_are_taken_at_the_end() {
    let all = AtEnd::default();
    let mut record = record();
    assert!(!all.takes(&record, false), "a good call is not");
    assert!(all.takes(&record, true));
    record.duration = Duration::from_secs(10);
    assert!(!all.takes(&record, false), "as long as the bound is not over it");
    record.duration = Duration::from_millis(10_001);
    assert!(all.takes(&record, false));
    record.duration = Duration::ZERO;
    for (outcome, taken) in [
        (Outcome::Answered, false),
        (Outcome::PassedOn { class: Class::ProviderInvalid, reason: None }, true),
        (Outcome::ClientCancelled, false),
        (Outcome::Refused(Box::new(Refusal::new(Class::RateLimited, None, ""))), true),
        (Outcome::Failed(Box::new(Fault::gateway(Class::GatewayInternal, Reason::Panic, ""))), true),
    ] {
        record.outcome = outcome;
        assert_eq!(all.takes(&record, false), taken, "{:?}", record.outcome);
        let none = AtEnd::of(&Traces { always: Always::default(), ..Traces::default() });
        assert!(!none.takes(&record, true), "policy may want none of it");
    }
}
