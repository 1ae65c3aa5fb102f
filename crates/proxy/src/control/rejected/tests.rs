use std::time::Duration;

use sidegate_wire::v1::sidecar_message::Message as ToControl;
use tokio::time::Instant;

use super::Report;
use crate::turned_down::{Marked, TurnedDown};

fn turned_down(credentials: &[&str]) -> TurnedDown {
    let key = |name: &&str| Marked {
        namespace: "ns".into(),
        provider: "p".into(),
        credential: (*name).into(),
        mark: "1".into(),
    };
    let turned_down = TurnedDown::default();
    turned_down.replace(credentials.iter().map(key).collect(), |_, _| true);
    turned_down
}

/// How many are told, if anything is.
fn told(report: &mut Report, turned_down: &TurnedDown, now: Instant) -> Option<usize> {
    match report.due(turned_down, now)? {
        ToControl::Rejected(rejected) => Some(rejected.credentials.len()),
        _ => None,
    }
}

#[test]
fn where_nothing_is_turned_down_nothing_is_told() {
    let (turned_down, now) = (turned_down(&["a"]), Instant::now());
    assert_eq!(told(&mut Report::new(now), &turned_down, now), None);
}

#[test]
fn it_is_told_once_to_each_stream_and_when_it_changes_but_no_more_than_once_a_second() {
    let (turned_down, now) = (turned_down(&["a", "b"]), Instant::now());
    let mut report = Report::new(now);
    let name = |credential: &str| ("ns/p".into(), credential.into());
    let (a, b) = (name("a"), name("b"));
    turned_down.note((&a.0, &a.1), Duration::ZERO, || true);
    assert_eq!(told(&mut report, &turned_down, now), Some(1));
    turned_down.note((&b.0, &b.1), Duration::ZERO, || true);
    assert_eq!(told(&mut report, &turned_down, now), None);
    let next = report.rests(now).expect("it rests");
    assert_eq!(next - now, Duration::from_secs(1));
    assert_eq!(told(&mut report, &turned_down, next), Some(2));
    assert_eq!(told(&mut report, &turned_down, next + Duration::from_secs(60)), None);
    assert_eq!(told(&mut Report::new(next), &turned_down, next), Some(2), "another stream");
    turned_down.replace(Vec::new(), |_, _| false);
    assert_eq!(told(&mut report, &turned_down, next + Duration::from_secs(60)), Some(0), "that is told too");
}
