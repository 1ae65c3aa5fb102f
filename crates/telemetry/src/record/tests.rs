//! What a record keeps, and what it makes of ids.

use std::sync::Arc;

use proptest::prelude::*;
use sidegate_policy::{
    Cost, LostBecause, Meta, Mode, Nanos, ObjectKind, Plan, Rank, Route, Rule, Snapshot, Specificity, Usage,
};

use super::{Decision, Outcome, RequestId, RuleName, TraceContext};
use crate::testing::{attempt, record};

fn route(name: &str) -> Route {
    Route {
        name: name.into(),
        matches: Vec::new(),
        targets: Vec::new(),
        rank: Rank { platform: true, specificity: Specificity::Cluster },
        mode: Mode::Enforce,
        meta: Meta {
            kind: ObjectKind::AiPolicy,
            namespace: "ns".into(),
            name: "p".into(),
            generation: 3,
            field: format!("spec.routes[{name}]").into(),
        },
    }
}

fn plan(rule: Rule) -> Plan {
    Plan { rule, candidates: Vec::new(), lost: Vec::new(), left_out: Vec::new(), pinned: true, dry_run: None }
}

#[test]
fn a_decision_outlives_the_snapshot_that_it_was_made_by() {
    let mut snapshot = Snapshot { routes: vec![route("one"), route("two")], ..Snapshot::default() };
    let mut plan = plan(Rule::Route(1));
    plan.lost = vec![sidegate_policy::Lost { route: 0, why: LostBecause::HeaderMissing }];
    let decision = Decision::of(&snapshot, &plan);
    snapshot.routes.clear();
    assert!(matches!(&decision.rule, RuleName::Route { name, meta } if **name == *"two" && meta.generation == 3));
    assert_eq!(&*decision.lost[0].meta.field, "spec.routes[one]");
    assert!(decision.pinned);
}

#[test]
fn without_a_route_the_rule_is_the_accessible_provider() {
    let decision = Decision::of(&Snapshot::default(), &plan(Rule::Accessible));
    assert_eq!(decision.rule, RuleName::Accessible);
}

#[test]
fn a_record_that_nobody_ended_counts_as_cancelled() {
    let fresh = super::CallRecord::new(RequestId::new(1), jiff::Timestamp::UNIX_EPOCH, Arc::default());
    assert_eq!(fresh.outcome, Outcome::ClientCancelled);
    assert_eq!((fresh.usage(), fresh.cost()), (None, None));
}

#[test]
fn usage_is_summed_class_by_class_and_unknown_classes_stay_unknown() {
    let mut record = record();
    let mut second = attempt();
    second.usage = Some(Usage { input_total: 1, output_total: 2, reasoning: Some(2), ..Usage::default() });
    record.attempts.push(second);
    let sum = record.usage().unwrap();
    assert_eq!((sum.input_total, sum.output_total), (13, 36));
    assert_eq!((sum.cache_read, sum.reasoning, sum.audio_input), (Some(5), Some(2), None));
}

#[test]
fn cost_is_summed_over_what_was_sent() {
    let mut record = record();
    record.attempts.push(attempt());
    assert_eq!(record.cost(), Some(Cost::Priced(Nanos(246_000))));
    record.attempts.iter_mut().for_each(|a| a.sent = false);
    assert_eq!(record.cost(), None);
}

#[test]
fn a_request_id_is_its_bits_in_hexadecimal() {
    assert_eq!(RequestId::new(0).to_string(), "0".repeat(32));
    assert_eq!(RequestId::new(u128::MAX).to_string(), "f".repeat(32));
    for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
        let id = RequestId::new(bits);
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
    }
    assert_eq!(RequestId::new(0x0123_4567_89ab_cdef).to_string(), "00000000000000000123456789abcdef");
    for no_id in ["", "1", &"g".repeat(32), &"F".repeat(32), &"0".repeat(33)] {
        assert_eq!(RequestId::parse(no_id), None, "{no_id}");
    }
}

#[test]
fn a_traceparent_is_read_as_w3c_has_it() {
    let good = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::parse(good).unwrap();
    assert_eq!(trace.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    assert_eq!((trace.span_id, trace.sampled), (0x00f0_67aa_0ba9_02b7, true));
    let later = b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-brings";
    assert!(!TraceContext::parse(later).unwrap().sampled);
}

#[test]
fn a_traceparent_in_any_other_form_is_ignored() {
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
    ] {
        assert_eq!(TraceContext::parse(bad.as_bytes()), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_traceparent_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = TraceContext::parse(&bytes);
    }
}

#[test]
fn a_record_stays_small() {
    assert!(size_of::<super::CallRecord>() <= 448, "{}", size_of::<super::CallRecord>());
    assert!(size_of::<super::AttemptRecord>() <= 384, "{}", size_of::<super::AttemptRecord>());
}
