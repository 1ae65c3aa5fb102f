use std::cell::Cell;
use std::time::Duration;

use sidegate_policy::{Candidate, Class, Fault, Plan, Reason, Rule};

use super::{Means, Next, Tour};
use crate::dispatch::attempt::{Failure, Kind};

struct Fixed {
    repeats: Cell<u32>,
}

impl Means for Fixed {
    fn take_repeat(&self) -> bool {
        let left = self.repeats.get();
        self.repeats.set(left.saturating_sub(1));
        left > 0
    }
    fn has_repeat(&self) -> bool {
        self.repeats.get() > 0
    }
    fn draw(&self) -> u64 {
        0
    }
}

fn repeats(left: u32) -> Fixed {
    Fixed { repeats: Cell::new(left) }
}

fn plan(candidates: &[&[usize]]) -> Plan {
    let candidate = |(provider, credentials): (usize, &&[usize])| Candidate {
        provider,
        model: "m".into(),
        priority: 0,
        credentials: credentials.to_vec(),
        suspended: false,
    };
    Plan {
        rule: Rule::Accessible,
        candidates: candidates.iter().enumerate().map(candidate).collect(),
        lost: Vec::new(),
        left_out: Vec::new(),
        pinned: false,
        dry_run: None,
    }
}

fn failure(kind: Kind, reason: Option<Reason>, retry_after: Option<u64>) -> Failure {
    let mut fault = Fault::provider(Class::ProviderTransient, reason, "");
    fault.retry_after = retry_after.map(Duration::from_secs);
    Failure { kind, fault, response: None, status: None }
}

fn place(tour: &Tour<'_>) -> (usize, Option<usize>) {
    let target = tour.target();
    (target.provider, target.credential)
}

#[test]
fn a_transient_failure_repeats_the_target_once_and_then_moves() {
    let plan = plan(&[&[0], &[0]]);
    let mut tour = Tour::new(&plan);
    let means = repeats(9);
    assert_eq!(tour.next(&failure(Kind::Transient, None, None), &means), Next::After(Duration::from_millis(250)));
    assert_eq!(place(&tour), (0, Some(0)));
    assert_eq!(tour.next(&failure(Kind::Transient, None, None), &means), Next::Now);
    assert_eq!(place(&tour), (1, Some(0)));
}

#[test]
fn without_a_repeat_left_a_transient_failure_moves_at_once() {
    let plan = plan(&[&[0], &[0]]);
    let mut tour = Tour::new(&plan);
    assert_eq!(tour.next(&failure(Kind::Transient, None, None), &repeats(0)), Next::Now);
    assert_eq!(place(&tour), (1, Some(0)));
    assert_eq!(tour.next(&failure(Kind::Transient, None, None), &repeats(0)), Next::GiveUp);
}

#[test]
fn what_was_not_sent_moves_at_once_and_repeats_only_at_the_last() {
    let plan = plan(&[&[0], &[0]]);
    let mut tour = Tour::new(&plan);
    let means = repeats(9);
    assert_eq!(tour.next(&failure(Kind::Unsent, None, None), &means), Next::Now);
    assert_eq!(place(&tour), (1, Some(0)));
    assert!(matches!(tour.next(&failure(Kind::Unsent, None, None), &means), Next::After(_)));
    assert_eq!(tour.next(&failure(Kind::Unsent, None, None), &means), Next::GiveUp);
}

#[test]
fn a_quota_goes_to_the_next_credential_then_the_next_target_and_waits_at_the_last() {
    let plan = plan(&[&[3, 5], &[0]]);
    let mut tour = Tour::new(&plan);
    let means = repeats(9);
    let quota = failure(Kind::Quota { spent: false }, None, Some(2));
    assert_eq!((tour.next(&quota, &means), place(&tour)), (Next::Now, (0, Some(5))));
    assert_eq!((tour.next(&quota, &means), place(&tour)), (Next::Now, (1, Some(0))));
    assert_eq!(tour.next(&quota, &means), Next::After(Duration::from_secs(2)));
}

#[test]
fn a_wait_that_is_too_long_or_a_spent_quota_is_given_up() {
    let plan = plan(&[&[0]]);
    let long = failure(Kind::Quota { spent: false }, None, Some(3600));
    assert_eq!(Tour::new(&plan).next(&long, &repeats(9)), Next::GiveUp);
    let spent = failure(Kind::Quota { spent: true }, None, Some(1));
    assert_eq!(Tour::new(&plan).next(&spent, &repeats(9)), Next::GiveUp);
}

#[test]
fn a_key_that_was_turned_down_is_never_tried_again() {
    let plan = plan(&[&[0, 1], &[]]);
    let mut tour = Tour::new(&plan);
    let auth = failure(Kind::Auth, None, None);
    assert_eq!((tour.next(&auth, &repeats(9)), place(&tour)), (Next::Now, (0, Some(1))));
    assert_eq!((tour.next(&auth, &repeats(9)), place(&tour)), (Next::Now, (1, None)));
    assert_eq!(tour.next(&auth, &repeats(9)), Next::GiveUp);
}

#[test]
fn a_target_that_took_too_long_is_repeated_once_as_any_other_is() {
    let plan = plan(&[&[0]]);
    let slow = failure(Kind::Transient, Some(Reason::FirstEventTimeout), None);
    let mut tour = Tour::new(&plan);
    assert!(matches!(tour.next(&slow, &repeats(9)), Next::After(_)));
    assert_eq!(tour.next(&slow, &repeats(9)), Next::GiveUp);
}

#[test]
fn four_attempts_are_the_most() {
    let plan = plan(&[&[0], &[0], &[0], &[0], &[0], &[0]]);
    let mut tour = Tour::new(&plan);
    let redirect = failure(Kind::Redirect, None, None);
    for _ in 0..3 {
        assert_eq!(tour.next(&redirect, &repeats(9)), Next::Now);
    }
    assert!(!tour.may_go_on(&repeats(9)));
    assert_eq!(tour.next(&redirect, &repeats(9)), Next::GiveUp);
}

#[test]
fn the_gate_stays_open_when_nothing_could_follow() {
    let one = plan(&[&[0]]);
    assert!(!Tour::new(&one).may_go_on(&repeats(0)));
    assert!(Tour::new(&one).may_go_on(&repeats(1)));
    assert!(Tour::new(&plan(&[&[0], &[0]])).may_go_on(&repeats(0)));
}
