//! Many clients that vanish at once (CD6).

use std::time::Duration;

use sidegate_policy::{Snapshot, Unit};
use sidegate_testkit::sim::{Answers, Outcome};
use sidegate_tests::Stage;
use sidegate_tests::policy::{ladder, limit};
use sidegate_tests::raw::{Raw, body, chat};
use tokio::time::{Instant, timeout};

const MANY: usize = 300;

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[tokio::test]
async fn cd6_many_that_vanish_at_once_leave_nothing_behind() {
    let inflight = limit("inflight", Unit::ConcurrentRequests, MANY as u64, Duration::from_secs(1));
    let policy = Snapshot { limits: vec![inflight], ..ladder(&[1]) }.sealed();
    let (stage, at) = Stage::on_sockets(policy).await;
    stage.sim.set_answers(Answers { pause_ms: 50, events: Some(100), ..Answers::default() });
    let files = open_files();
    let mut clients = Vec::new();
    for n in 0..MANY {
        let mut raw = Raw::connect(at).await;
        let more = if n % 3 == 0 { "" } else { r#","stream":true"# };
        raw.send(chat("", &body("hello", more))).await;
        clients.push(raw);
    }
    let arrived = stage.sim.bill().when(|seen| seen.iter().filter(|e| e.body_bytes > 0).count() == MANY);
    assert!(timeout(Duration::from_secs(5), arrived).await.is_ok());
    let left = Instant::now();
    clients.into_iter().for_each(Raw::reset);
    let bill = timeout(Duration::from_secs(5), stage.sim.bill().settled(MANY)).await;
    let bill = bill.unwrap_or_else(|_| panic!("upstream goes on"));
    assert!(left.elapsed() <= Duration::from_secs(1), "{:?}", left.elapsed());
    assert!(bill.iter().filter(|e| e.outcome == Outcome::ClientGone).count() >= MANY * 2 / 3 - 1);
    stage.settled().await;
    assert_eq!(stage.audit().len(), MANY);
    let limits = &stage.sidecar.armed.load_full().map(|a| a.snapshot.limits.clone()).unwrap_or_default();
    let room = stage.sidecar.book().headroom(limits, stage.sidecar.clock.now());
    assert_eq!(room[0].remaining, MANY as u64, "no place is held any more");
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The answers that were whole leave their connections to the next call.
    assert!(open_files() <= files + 2 * (MANY / 3) + 8, "{files} files before, {} after", open_files());
}
