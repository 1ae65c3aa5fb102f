//! The state machine, step by step.

use std::time::Duration;

use tokio::time::Instant;

use crate::lease::{Election, Pace, Seen, Step};

fn seen(holder: &str, transitions: i32, version: &str) -> Seen {
    Seen { holder: holder.into(), transitions, duration: Duration::from_secs(30), version: version.into() }
}

fn replica() -> (Election, Instant) {
    (Election::new("a", Pace::DEFAULT), Instant::now())
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_lease_lasts_thirty_seconds_and_is_renewed_at_a_third() {
    assert_eq!(Pace::DEFAULT.duration, Duration::from_secs(30));
    assert_eq!(Pace::DEFAULT.renew, Duration::from_secs(10));
    assert_eq!((Pace::DEFAULT.retry, Pace::DEFAULT.margin), (Duration::from_secs(2), Duration::from_secs(10)));
}

#[test]
fn where_there_is_no_lease_it_is_created() {
    let (mut election, now) = replica();
    assert_eq!(election.step(None, now), Step::Create { transitions: 0 });
    assert_eq!(election.term(), None, "asking is not having");
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    let (mut election, now) = replica();
    let step = election.step(Some(seen("", 4, "x")), now);
    assert_eq!(step, Step::Replace { version: "x".into(), transitions: 5 });
}

#[test]
fn anothers_lease_is_left_alone_until_it_was_seen_unchanged_for_its_whole_duration() {
    let (mut election, now) = replica();
    assert_eq!(election.step(Some(seen("b", 4, "x")), now), Step::Wait(Duration::from_secs(2)));
    assert_eq!(election.step(Some(seen("b", 4, "x")), after(now, 29)), Step::Wait(Duration::from_secs(1)));
    let taken = Step::Replace { version: "x".into(), transitions: 5 };
    assert_eq!(election.step(Some(seen("b", 4, "x")), after(now, 30)), taken);
}

#[test]
fn any_change_of_anothers_lease_starts_the_wait_anew_whatever_times_it_says() {
    let (mut election, now) = replica();
    election.step(Some(seen("b", 4, "x")), now);
    let renewed = seen("b", 4, "y");
    assert_eq!(election.step(Some(renewed.clone()), after(now, 29)), Step::Wait(Duration::from_secs(2)));
    assert_eq!(election.step(Some(renewed), after(now, 58)), Step::Wait(Duration::from_secs(1)));
}

#[test]
fn a_term_ends_before_others_may_take_the_lease_counted_from_before_it_was_asked_for() {
    let (mut election, now) = replica();
    election.won(seen("a", 1, "x"), now);
    let term = election.term().unwrap();
    assert_eq!(term.number, 1);
    assert!(term.allows(after(now, 19)));
    assert!(!term.allows(after(now, 20)), "ten seconds before anybody who saw the renewal at once may take it");
}

#[test]
fn a_renewal_keeps_the_number_and_moves_the_end() {
    let (mut election, now) = replica();
    election.won(seen("a", 1, "x"), now);
    let step = election.step(Some(seen("a", 1, "x")), after(now, 10));
    assert_eq!(step, Step::Replace { version: "x".into(), transitions: 1 });
    election.won(seen("a", 1, "y"), after(now, 10));
    assert!(election.term().unwrap().allows(after(now, 29)));
}

#[test]
fn whoever_sees_another_holder_has_lost_its_term() {
    let (mut election, now) = replica();
    election.won(seen("a", 1, "x"), now);
    assert_eq!(election.step(Some(seen("b", 2, "x")), after(now, 5)), Step::Wait(Duration::from_secs(2)));
    assert_eq!(election.term(), None);
}

#[test]
fn a_term_that_is_given_up_is_over() {
    let (mut election, now) = replica();
    election.won(seen("a", 1, "x"), now);
    election.give_up();
    assert_eq!(election.term(), None);
}

#[test]
fn a_lease_taken_by_a_request_whose_answer_was_lost_begins_a_new_term() {
    let (mut election, now) = replica();
    let step = election.step(Some(seen("a", 3, "x")), now);
    assert_eq!(step, Step::Replace { version: "x".into(), transitions: 4 });
}

#[test]
fn a_deleted_lease_ends_its_holders_term_and_binds_the_others_until_it_would_have_ended() {
    let (mut holder, now) = replica();
    holder.won(seen("a", 1, "x"), now);
    assert_eq!(holder.step(None, after(now, 1)), Step::Create { transitions: 2 }, "it knows that nobody else has it");
    assert_eq!(holder.term(), None);

    let mut other = Election::new("b", Pace::DEFAULT);
    other.step(Some(seen("a", 1, "x")), now);
    assert_eq!(other.step(None, after(now, 1)), Step::Wait(Duration::from_secs(2)));
    assert_eq!(other.step(None, after(now, 30)), Step::Create { transitions: 2 });
}

#[test]
fn a_lease_that_claims_to_last_for_ever_lasts_five_minutes() {
    let (mut election, now) = replica();
    let forever = Seen { duration: Duration::from_secs(i32::MAX.unsigned_abs().into()), ..seen("b", 1, "x") };
    assert!(matches!(election.step(Some(forever.clone()), now), Step::Wait(_)));
    assert!(matches!(election.step(Some(forever), after(now, 300)), Step::Replace { .. }));
}
