//! Who sits where, and what each has.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{from_value, json};
use sidegate_policy::Caller;

use super::{Control, Refusal, Tally};
use crate::index::Index;
use crate::prices::PriceBook;
use crate::problem::{Kind, ObjectName};

fn control() -> Arc<Control> {
    Arc::new(Control::new(Index::new("sidegate-system", PriceBook::empty(), [3; 32]), 42))
}

fn caller(namespace: &str) -> Arc<Caller> {
    Arc::new(Caller { namespace: namespace.into(), ..Caller::default() })
}

fn edit(control: &Control, namespace: &str, generation: i64) {
    let metadata = json!({"namespace": namespace, "name": "own", "uid": "u", "generation": generation});
    let spec = json!({"models": {"deny": [format!("m{generation}")]}});
    let object = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata, "spec": spec});
    control.update(|index| index.apply_policy(&from_value(object).unwrap()));
}

#[test]
fn only_seats_of_touched_classes_are_rung() {
    let control = control();
    let seats = ["shop", "bank"].map(|namespace| control.sit(caller(namespace), "".into(), 9).unwrap());
    edit(&control, "shop", 1);
    assert!(seats[0].rung().now_or_never().is_some());
    assert!(seats[0].rung().now_or_never().is_none(), "once");
    assert!(seats[1].rung().now_or_never().is_none());
}

#[test]
fn a_newer_stream_of_a_pod_takes_the_place_of_the_older_one() {
    let control = control();
    let older = control.sit(caller("shop"), "pod 1".into(), 9).unwrap();
    let other = control.sit(caller("shop"), "pod 2".into(), 9).unwrap();
    let newer = control.sit(caller("shop"), "pod 1".into(), 9).unwrap();
    assert!(older.rung().now_or_never().is_some());
    assert!(older.is_replaced() && !newer.is_replaced() && !other.is_replaced());
    drop(older);
    let newest = control.sit(caller("shop"), "pod 1".into(), 9).unwrap();
    assert!(newer.is_replaced() && !newest.is_replaced());
    let unproven = ["", ""].map(|uid| control.sit(caller("shop"), uid.into(), 9).unwrap());
    assert!(unproven.iter().all(|seat| !seat.is_replaced()));
}

#[test]
fn there_are_no_more_seats_than_there_may_be() {
    let control = control();
    let first = control.sit(caller("shop"), "".into(), 1);
    assert!(first.is_some() && control.sit(caller("shop"), "".into(), 1).is_none());
    drop(first);
    assert!(control.sit(caller("shop"), "".into(), 1).is_some());
    assert_eq!(control.roster.count(), 0);
}

#[test]
fn a_tally_counts_for_each_generation_who_took_and_who_refused_it() {
    let control = control();
    let seats: Vec<_> = (0..3).map(|_| control.sit(caller("shop"), "".into(), 9).unwrap()).collect();
    edit(&control, "shop", 1);
    let first = seats[0].effective().contents.clone();
    seats.iter().for_each(|seat| seat.note(|seated| seated.holds = first.clone()));
    edit(&control, "shop", 2);
    let second = seats[0].effective().contents.clone();
    seats[0].note(|seated| seated.holds = second.clone());
    let refusal = Refusal { version: "v".into(), reason: "r".into(), of: second };
    seats[1].note(|seated| seated.refusal = Some(refusal));
    let tally = control.tally();
    let of = |generation| tally[&(ObjectName::new(Kind::AiPolicy, "shop", "own"), generation)];
    assert_eq!(of(1), Tally { programmed: 2, rejected: 0 });
    assert_eq!(of(2), Tally { programmed: 1, rejected: 1 });
}
