//! How often.

use std::time::Duration;

use tokio::time::Instant;

use crate::status::due::{Allowance, Doubt, Due};

#[test]
fn a_status_is_written_at_most_once_a_second() {
    let (mut due, now) = (Due::default(), Instant::now());
    assert_eq!(due.at(now), Ok(()));
    due.began(now);
    assert_eq!(due.at(now + Duration::from_millis(999)), Err(now + Duration::from_secs(1)));
    assert_eq!(due.at(now + Duration::from_secs(1)), Ok(()));
}

#[test]
fn failures_are_tried_again_later_and_later_up_to_a_minute_and_spread() {
    let now = Instant::now();
    let waits = |draw: f64| {
        let mut due = Due::default();
        let wait = |due: &mut Due| {
            due.failed(now, draw);
            due.at(now).unwrap_err().duration_since(now).as_millis()
        };
        (0..9).map(|_| wait(&mut due)).collect::<Vec<_>>()
    };
    assert_eq!(waits(1.0), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    assert_eq!(waits(0.0)[..3], [500, 1_000, 2_000]);
}

#[test]
fn a_success_ends_the_back_off() {
    let (mut due, now) = (Due::default(), Instant::now());
    due.failed(now, 1.0);
    due.failed(now, 1.0);
    due.succeeded();
    due.failed(now, 1.0);
    assert_eq!(due.at(now), Err(now + Duration::from_secs(1)));
}

#[test]
fn an_object_that_flaps_has_a_dozen_events_at_once_and_then_three_a_minute() {
    let (mut allowance, now) = (Allowance::default(), Instant::now());
    let granted = |allowance: &mut Allowance, at: Instant| (0..50).filter(|_| allowance.take(at)).count();
    assert_eq!(granted(&mut allowance, now), 12);
    assert_eq!(granted(&mut allowance, now + Duration::from_secs(60)), 3);
    assert_eq!(granted(&mut allowance, now + Duration::from_secs(86_400)), 12);
}

#[test]
fn a_reference_that_leads_nowhere_is_told_when_it_did_so_for_a_second() {
    let (mut doubt, now) = (Doubt::default(), Instant::now());
    let later = |millis| now + Duration::from_millis(millis);
    assert_eq!(doubt.found(true, now), Err(later(1_000)));
    assert_eq!(doubt.found(true, later(999)), Err(later(1_000)));
    assert_eq!(doubt.found(true, later(1_000)), Ok(()));
    assert_eq!(doubt.found(false, later(2_000)), Ok(()), "good news need no second");
    assert_eq!(doubt.found(true, later(3_000)), Err(later(4_000)));
}
