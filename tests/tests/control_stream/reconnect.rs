//! Many sidecars and a control plane that comes back.

use std::time::Duration;

use sidegate_tests::cable::Cable;
use sidegate_tests::objects::{Folder, simple};
use sidegate_tests::plane::{Linked, Plane, within};
use sidegate_tests::stage::{Setting, Stage};
use tokio::time::{Instant, sleep};

/// Sidecars of one control plane.
const SIDECARS: usize = 400;
/// What attempts are counted in.
const SLICE: Duration = Duration::from_millis(250);

#[tokio::test(start_paused = true)]
async fn cp7_sidecars_come_back_spread_over_time_and_all_within_ten_seconds() {
    let (objects, cable, state, began) = (simple(), Cable::default(), Folder::new("state"), Instant::now());
    let plane = Plane::start(&objects, &cable);
    let stages: Vec<Stage> =
        (0..SIDECARS).map(|n| Stage::bare(Setting { seed: n as u64, ..Setting::default() })).collect();
    let linked: Vec<Linked> = stages.iter().map(|stage| Linked::over(stage, &cable, &state)).collect();
    let up = |plane: &Plane| plane.controller.sidecars().iter().filter(|s| !s.policy.is_empty()).count();
    within(Duration::from_secs(1), "all are connected", || up(&plane) == SIDECARS).await;

    sleep(Duration::from_secs(20)).await;
    let died = began.elapsed();
    plane.die();
    sleep(Duration::from_secs(30)).await;
    let attempts = cable.attempts();
    let during = |from: u64, to: u64| {
        let (from, to) = (died + Duration::from_secs(from), died + Duration::from_secs(to));
        attempts.iter().filter(move |at| **at >= from && **at < to)
    };
    // At first each asks soon, but not all in one moment.
    let first: Vec<_> = during(0, 1).map(|at| (*at - died).as_millis() / 10).collect();
    let most = (0..10).map(|slice| first.iter().filter(|s| **s == slice).count()).max().unwrap();
    assert!(first.len() >= SIDECARS && most <= SIDECARS / 4, "{most} of {SIDECARS} within 10 ms");
    // Later, each asks once in five seconds at the latest, and evenly.
    let slices: Vec<usize> = (0..60)
        .map(|n| died + Duration::from_secs(15) + SLICE * n)
        .map(|from| during(15, 30).filter(|at| **at >= from && **at < from + SLICE).count())
        .collect();
    let mean = slices.iter().sum::<usize>() / slices.len();
    let most = slices.iter().max().copied().unwrap();
    assert!(mean >= SIDECARS / 20 && most <= 2 * mean, "at most {most} and {mean} on average: {slices:?}");

    let plane = Plane::start(&objects, &cable);
    let took = within(Duration::from_secs(10), "all are back", || up(&plane) == SIDECARS).await;
    assert!(took <= Duration::from_millis(5_500), "{took:?}");
    drop(linked);
}
