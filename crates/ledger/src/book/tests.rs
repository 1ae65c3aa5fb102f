//! What a book promises, by example. `properties` holds the same over whatever comes.

use std::time::Duration;

use sidegate_policy::{Limit, LimitId, Meta, Mode, ObjectKind, Unit};

use super::Book;
use crate::hold::{Hold, Outcome, Tokens};

mod cost;
mod properties;
mod reference;

/// A limit that enforces; tests change what matters.
pub(super) fn limit(name: &str, unit: Unit, amount: u64, window: Duration) -> Limit {
    Limit {
        id: LimitId { object: "uid-1".into(), name: name.into() },
        unit,
        amount,
        window,
        mode: Mode::Enforce,
        meta: Meta {
            kind: ObjectKind::AiPolicy,
            namespace: "shop".into(),
            name: "checkout".into(),
            generation: 1,
            field: format!("spec.limits[{name}]").into(),
        },
    }
}

fn requests(amount: u64, seconds: u64) -> Limit {
    limit("rpm", Unit::Requests, amount, Duration::from_secs(seconds))
}

fn tokens(unit: Unit, amount: u64) -> Limit {
    limit("tpm", unit, amount, Duration::from_secs(60))
}

fn concurrent(amount: u64) -> Limit {
    limit("inflight", Unit::ConcurrentRequests, amount, Duration::ZERO)
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn used(input: u64, output: u64) -> Outcome {
    Outcome::Used(Tokens { input, output })
}

const START: Duration = Duration::from_secs(1000);

fn remaining(book: &Book, limit: &Limit, now: Duration) -> u64 {
    book.headroom(std::slice::from_ref(limit), now)[0].remaining
}

#[test]
fn the_full_amount_is_admitted_at_once_and_no_more() {
    let (mut book, limits) = (Book::new(), [requests(3, 60)]);
    for _ in 0..3 {
        let _ = book.admit(&limits, START).unwrap();
    }
    let short = book.admit(&limits, START).unwrap_err();
    assert_eq!((short.limit, short.wanted, short.remaining), (0, 1, 0));
    assert_eq!(short.retry_after, Some(Duration::from_secs(20)), "60 s for 3, so 20 s for one");
}

#[test]
fn a_call_is_admitted_when_retry_after_has_passed_and_not_a_nanosecond_earlier() {
    let (mut book, limits) = (Book::new(), [requests(7, 60)]);
    (0..7).for_each(|_| drop(book.admit(&limits, START).unwrap()));
    let after = book.admit(&limits, START).unwrap_err().retry_after.unwrap();
    assert!(book.admit(&limits, START + after - Duration::from_nanos(1)).is_err());
    assert!(book.admit(&limits, START + after).is_ok());
}

#[test]
fn a_bucket_never_holds_more_than_its_amount() {
    let (mut book, limits) = (Book::new(), [requests(2, 1)]);
    book.reconcile(&limits, START);
    let much_later = START + Duration::from_secs(1_000_000);
    assert!(book.admit(&limits, much_later).is_ok());
    assert!(book.admit(&limits, much_later).is_ok());
    assert!(book.admit(&limits, much_later).is_err());
}

#[test]
fn a_million_tiny_steps_refill_exactly_as_much_as_one_long_one() {
    // 7 in 60 s is no whole number of nanoseconds for each.
    let (mut book, limits) = (Book::new(), [requests(7, 60)]);
    (0..7).for_each(|_| drop(book.admit(&limits, START).unwrap()));
    let mut now = START;
    let end = START + Duration::from_secs(60);
    let mut admitted = 0;
    while now < end {
        admitted += u32::from(book.admit(&limits, now).is_ok());
        now += Duration::from_nanos(61_031);
    }
    admitted += u32::from(book.admit(&limits, end).is_ok());
    assert_eq!(admitted, 7);
}

#[test]
fn time_that_goes_back_refills_nothing() {
    let (mut book, limits) = (Book::new(), [requests(1, 1)]);
    let _ = book.admit(&limits, START).unwrap();
    assert!(book.admit(&limits, START - Duration::from_secs(100)).is_err());
    assert!(book.admit(&limits, START + at(0.5)).is_err());
    assert!(book.admit(&limits, START + at(1.0)).is_ok());
}

#[test]
fn a_settlement_at_an_earlier_time_does_not_make_time_pass_twice() {
    let (mut book, limits) = (Book::new(), [requests(2, 60)]);
    let first = book.admit(&limits, START).unwrap();
    let _second = book.admit(&limits, START).unwrap();
    book.settle(first, Outcome::Unknown, START - Duration::from_secs(600));
    assert!(book.admit(&limits, START).is_err());
}

#[test]
fn all_limits_are_taken_or_none() {
    let (mut book, limits) = (Book::new(), [requests(5, 60), concurrent(1)]);
    let first = book.admit(&limits, START).unwrap();
    let short = book.admit(&limits, START).unwrap_err();
    assert_eq!((short.limit, short.retry_after), (1, None), "nobody knows when a place becomes free");
    assert_eq!(remaining(&book, &limits[0], START), 4, "the refused call took no request");
    book.settle(first, used(0, 0), START);
    assert!(book.admit(&limits, START).is_ok());
}

#[test]
fn of_two_limits_without_room_the_longer_wait_is_told() {
    let slow = limit("slow", Unit::Requests, 1, Duration::from_secs(100));
    let (mut book, limits) = (Book::new(), [requests(1, 10), slow]);
    let _ = book.admit(&limits, START).unwrap();
    let short = book.admit(&limits, START).unwrap_err();
    assert_eq!((short.limit, short.retry_after), (1, Some(Duration::from_secs(100))));
}

#[test]
fn tokens_are_reserved_by_bound_and_settled_by_usage() {
    for (unit, bound, left) in
        [(Unit::InputTokens, 300, 990), (Unit::OutputTokens, 500, 980), (Unit::TotalTokens, 800, 970)]
    {
        let (mut book, limits) = (Book::new(), [tokens(unit, 1000)]);
        let hold = book.reserve(&limits, Tokens { input: 300, output: 500 }, START).unwrap();
        assert_eq!(remaining(&book, &limits[0], START), 1000 - bound, "{unit:?}");
        book.settle(hold, used(10, 20), START);
        assert_eq!(remaining(&book, &limits[0], START), left, "{unit:?}");
    }
}

#[test]
fn a_bound_above_the_amount_is_clamped_to_it() {
    let (mut book, limits) = (Book::new(), [tokens(Unit::TotalTokens, 100)]);
    let hold = book.reserve(&limits, Tokens { input: 1_000_000, output: 1 }, START).unwrap();
    assert_eq!(remaining(&book, &limits[0], START), 0);
    book.settle(hold, Outcome::Void, START);
    assert_eq!(remaining(&book, &limits[0], START), 100);
}

#[test]
fn usage_above_the_hold_takes_a_bucket_below_zero_and_it_pays_back() {
    let (mut book, limits) = (Book::new(), [tokens(Unit::TotalTokens, 60)]);
    let hold = book.reserve(&limits, Tokens { input: 60, output: 0 }, START).unwrap();
    book.settle(hold, used(120, 60), START);
    let one = Tokens { input: 1, output: 0 };
    let short = book.reserve(&limits, one, START).unwrap_err();
    // 180 used of 60: 120 to pay back and one more, at one a second.
    assert_eq!(short.retry_after, Some(Duration::from_secs(121)));
    assert!(book.reserve(&limits, one, START + at(120.9)).is_err());
    assert!(book.reserve(&limits, one, START + at(121.0)).is_ok());
}

#[test]
fn what_was_never_sent_is_given_back_whole() {
    let (mut book, limits) = (Book::new(), [requests(2, 60), concurrent(2)]);
    let hold = book.admit(&limits, START).unwrap();
    book.settle(hold, Outcome::Void, START);
    assert_eq!(remaining(&book, &limits[0], START), 2);
    assert_eq!(remaining(&book, &limits[1], START), 2);
}

#[test]
fn what_may_have_been_processed_stays_taken_but_gives_its_place_back() {
    let (mut book, limits) = (Book::new(), [requests(2, 60), concurrent(2), tokens(Unit::InputTokens, 100)]);
    let door = book.admit(&limits, START).unwrap();
    let attempt = book.reserve(&limits, Tokens { input: 40, output: 9 }, START).unwrap();
    book.settle(attempt, Outcome::Unknown, START);
    book.settle(door, Outcome::Unknown, START);
    let left: Vec<u64> = book.headroom(&limits, START).iter().map(|r| r.remaining).collect();
    assert_eq!(left, [1, 2, 60]);
}

#[test]
fn an_answer_keeps_the_request_that_it_took() {
    let (mut book, limits) = (Book::new(), [requests(2, 60)]);
    let hold = book.admit(&limits, START).unwrap();
    book.settle(hold, used(5, 5), START);
    assert_eq!(remaining(&book, &limits[0], START), 1);
}

#[test]
fn giving_back_late_never_fills_a_bucket_above_its_amount() {
    let (mut book, limits) = (Book::new(), [tokens(Unit::InputTokens, 60)]);
    let hold = book.reserve(&limits, Tokens { input: 60, output: 0 }, START).unwrap();
    let later = START + Duration::from_secs(45);
    book.settle(hold, used(0, 0), later);
    assert_eq!(remaining(&book, &limits[0], later), 60);
    assert!(book.reserve(&limits, Tokens { input: 60, output: 0 }, later).is_ok());
    assert!(book.reserve(&limits, Tokens { input: 1, output: 0 }, later).is_err());
}

#[test]
fn an_edit_keeps_what_was_used() {
    let mut book = Book::new();
    let before = [requests(10, 60)];
    (0..6).for_each(|_| drop(book.admit(&before, START).unwrap()));
    let more = [requests(100, 60)];
    book.reconcile(&more, START);
    assert_eq!(remaining(&book, &more[0], START), 94, "six are used, whatever the amount");
    let fewer = [requests(5, 60)];
    book.reconcile(&fewer, START);
    assert_eq!(remaining(&book, &fewer[0], START), 0);
    assert!(book.admit(&fewer, START).is_err());
    let slower = [requests(10, 600)];
    book.reconcile(&slower, START);
    assert_eq!(remaining(&book, &slower[0], START), 4);
    assert_eq!(book.headroom(&slower, START)[0].reset, Duration::from_secs(360));
}

#[test]
fn editing_back_and_forth_refills_nothing() {
    let mut book = Book::new();
    let limits = [requests(7, 60)];
    (0..7).for_each(|_| drop(book.admit(&limits, START).unwrap()));
    for window in [1, 3600, 7, 86_400, 13].repeat(100) {
        book.reconcile(&[requests(1_000_000, window)], START);
        book.reconcile(&limits, START);
    }
    assert!(book.admit(&limits, START).is_err());
}

#[test]
fn a_part_of_a_request_that_is_missing_is_never_rounded_away() {
    let mut book = Book::new();
    let limits = [requests(1, 60)];
    let _ = book.admit(&limits, START).unwrap();
    let half_full = START + at(30.0);
    let nanosecond = [limit("rpm", Unit::Requests, 1, Duration::from_nanos(1))];
    book.reconcile(&nanosecond, half_full);
    book.reconcile(&limits, half_full);
    assert!(book.admit(&limits, half_full).is_err());
}

#[test]
fn a_limit_that_was_removed_and_added_again_is_not_refilled() {
    let (mut book, limits) = (Book::new(), [requests(3, 60)]);
    (0..3).for_each(|_| drop(book.admit(&limits, START).unwrap()));
    book.reconcile(&[], START);
    book.reconcile(&limits, START + at(10.0));
    assert!(book.admit(&limits, START + at(10.0)).is_err());
    assert!(book.admit(&limits, START + at(20.0)).is_ok());
}

#[test]
fn a_removed_limit_is_forgotten_once_its_bucket_is_full_and_nobody_holds_of_it() {
    let (mut book, limits) = (Book::new(), [requests(3, 60)]);
    let hold = book.admit(&limits, START).unwrap();
    book.reconcile(&[], START + at(60.0));
    assert_eq!(book.by_key.len(), 1, "full, but a hold is open");
    book.settle(hold, Outcome::Unknown, START + at(60.0));
    let hold = book.admit(&limits, START + at(60.0)).unwrap();
    book.settle(hold, used(0, 0), START + at(60.0));
    book.reconcile(&[], START + at(79.9));
    assert_eq!(book.by_key.len(), 1, "nobody holds of it, but a request is missing");
    book.reconcile(&[], START + at(80.0));
    assert_eq!(book.by_key.len(), 0);
}

#[test]
fn a_hold_of_a_forgotten_bucket_touches_no_other() {
    let mut book = Book::new();
    let gone = limit("gone", Unit::Requests, 5, Duration::from_secs(1));
    let hold = book.admit(std::slice::from_ref(&gone), START).unwrap();
    // Too many retired buckets push this one out although its hold is open.
    let flood: Vec<Limit> =
        (0..2000).map(|i| limit(&format!("l{i}"), Unit::Requests, 5, Duration::from_secs(3600))).collect();
    let _ = book.admit(&flood, START).unwrap();
    book.reconcile(&[], START);
    assert!(book.by_key.len() <= super::MAX_RETIRED);
    let fresh = [requests(5, 60)];
    book.reconcile(&fresh, START);
    let _ = book.admit(&fresh, START).unwrap();
    book.settle(hold, Outcome::Void, START);
    assert_eq!(remaining(&book, &fresh[0], START), 4);
}

#[test]
fn a_dry_run_never_refuses_and_says_that_it_would_have() {
    let mut dry = requests(1, 60);
    dry.mode = Mode::DryRun;
    let (mut book, limits) = (Book::new(), [concurrent(10), dry]);
    let first = book.admit(&limits, START).unwrap();
    assert!(first.would_refuse().is_empty());
    let second = book.admit(&limits, START).unwrap();
    assert_eq!(second.would_refuse(), [1]);
    assert_eq!(book.headroom(&limits, START).len(), 1, "a dry run is nobody's headroom");
    let (a, b) = (START, START + at(60.0));
    book.settle(second, Outcome::Void, a);
    assert_eq!(book.admit(&limits, a).unwrap().would_refuse(), [1], "what it would have refused took nothing of it");
    assert!(book.admit(&limits, b).unwrap().would_refuse().is_empty());
}

#[test]
fn a_dry_run_counts_apart_from_the_same_limit_enforced() {
    let mut dry = requests(2, 60);
    dry.mode = Mode::DryRun;
    let (mut book, enforced) = (Book::new(), [requests(2, 60)]);
    (0..2).for_each(|_| drop(book.admit(std::slice::from_ref(&dry), START).unwrap()));
    book.reconcile(&enforced, START);
    assert!(book.admit(&enforced, START).is_ok());
}

#[test]
fn an_amount_of_zero_admits_nothing() {
    let (mut book, limits) = (Book::new(), [requests(0, 60), concurrent(0), tokens(Unit::TotalTokens, 0)]);
    assert_eq!(book.admit(&limits[..1], START).unwrap_err().retry_after, None);
    assert!(book.admit(&limits[1..2], START).is_err());
    assert!(book.reserve(&limits, Tokens::default(), START).is_err());
}

#[test]
fn a_call_by_an_older_policy_counts_in_the_same_bucket() {
    let mut book = Book::new();
    let old = [requests(10, 60), concurrent(5)];
    // The new policy has the limits in another order and one more, so that no place is where it was.
    let new = [tokens(Unit::TotalTokens, 9), concurrent(5), requests(10, 60)];
    book.reconcile(&new, START);
    let hold = book.admit(&old, START).unwrap();
    assert_eq!(remaining(&book, &new[2], START), 9);
    assert_eq!(remaining(&book, &new[1], START), 4);
    book.settle(hold, used(0, 0), START);
    assert_eq!(remaining(&book, &new[1], START), 5);
}

#[test]
fn the_tightest_limit_is_told_for_each_unit() {
    let wide = limit("wide", Unit::Requests, 100, Duration::from_secs(60));
    let (mut book, limits) = (Book::new(), [wide, requests(10, 60), tokens(Unit::TotalTokens, 1000), concurrent(1)]);
    let _ = book.admit(&limits, START).unwrap();
    let _ = book.reserve(&limits, Tokens { input: 250, output: 250 }, START).unwrap();
    let headroom = book.tightest(&limits, START + Duration::from_secs(3));
    let room = headroom.requests.unwrap();
    assert_eq!((room.index, room.limit, room.remaining, room.reset), (1, 10, 9, Duration::from_secs(3)));
    let room = headroom.tokens.unwrap();
    assert_eq!((room.index, room.limit, room.remaining, room.reset), (2, 1000, 550, Duration::from_secs(27)));
}

#[test]
fn more_limits_than_fit_inline_are_held_and_settled_all_the_same() {
    let many: Vec<Limit> =
        (0..9).map(|i| limit(&format!("c{i}"), Unit::ConcurrentRequests, 1, Duration::ZERO)).collect();
    let mut book = Book::new();
    let hold = book.admit(&many, START).unwrap();
    assert!(book.admit(&many[8..], START).is_err());
    book.settle(hold, used(0, 0), START);
    assert!(book.admit(&many, START).is_ok());
}

#[test]
fn a_hold_stays_small() {
    assert!(size_of::<Hold>() <= 128, "{}", size_of::<Hold>());
}
