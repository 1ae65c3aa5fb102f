//! What keeps failing is left alone for a while, then probed once.

use std::time::Duration;

use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::ladder;
use tokio::time::sleep;

fn unwell() -> Fault {
    Fault::Status { status: 500, headers: Vec::new(), body: None, code: None }
}

/// Calls until `first` is out.
async fn take_out(stage: &mut Stage) {
    for _ in 0..5 {
        stage.call(chat("m", "")).await;
    }
    drop(stage.audit());
    stage.sim.bill().clear();
}

async fn hits_of_one_call(stage: &mut Stage) -> Vec<String> {
    stage.sim.bill().clear();
    stage.call(chat("m", "")).await;
    stage.trail()
}

#[tokio::test(start_paused = true)]
async fn it_is_out_after_failures_in_a_row_and_the_record_says_so() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, unwell());
    take_out(&mut stage).await;
    assert_eq!(hits_of_one_call(&mut stage).await, ["second/a 200"]);
    let line = stage.line().await;
    assert_eq!(line["left_out"][0]["why"], "suspended");
    assert_eq!(line["left_out"][0]["provider"], "sidegate-system/first");
}

#[tokio::test(start_paused = true)]
async fn it_is_out_for_its_model_only() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    let mut policy = ladder(&[1, 1]);
    policy.routes[0].matches.clear();
    policy.routes[0].matches.push(sidegate_policy::Match::default());
    stage.arm(policy);
    let matching = sidegate_testkit::sim::Match { model: Some("m".into()), ..Default::default() };
    stage.sim.add_faults(vec![sidegate_testkit::sim::Rule::always(unwell()).matching(matching)]);
    take_out(&mut stage).await;
    stage.sim.clear_faults();
    stage.call(chat("other", "")).await;
    assert_eq!(stage.trail(), ["first/a 200"]);
}

#[tokio::test(start_paused = true)]
async fn one_probe_goes_and_brings_it_back() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, unwell());
    take_out(&mut stage).await;
    sleep(Duration::from_secs(7)).await;
    stage.sim.clear_faults();
    stage.fail("first", 1, Fault::Delay { ms: 1_000 });
    let mut probe = stage.client().await;
    let probing = async { probe.send(chat("m", "")).await.map(|r| r.status().as_u16()).ok() };
    let others = async {
        sleep(Duration::from_millis(100)).await;
        for _ in 0..5 {
            assert_eq!(stage.call(chat("m", "")).await.status, 200);
        }
    };
    let (probed, ()) = tokio::join!(probing, others);
    assert_eq!(probed, Some(200));
    let mut trail = stage.trail();
    trail.sort();
    assert_eq!(trail[..2], ["first/a 200", "second/a 200"], "one probe, the others stay away");
    assert_eq!(hits_of_one_call(&mut stage).await, ["first/a 200"], "it is back");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_doubles_the_time() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, unwell());
    take_out(&mut stage).await;
    let mut gaps = Vec::new();
    let mut waited = 0;
    while gaps.len() < 4 {
        sleep(Duration::from_millis(500)).await;
        waited += 1;
        if hits_of_one_call(&mut stage).await[0].starts_with("first") {
            gaps.push(std::mem::take(&mut waited));
        }
    }
    // 5, 10, 20 and 40 s, each up to a fifth longer, in half seconds.
    for (gap, base) in gaps.iter().zip([10, 20, 40, 80]) {
        assert!((base - 2..=base * 6 / 5 + 3).contains(gap), "{gaps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_leaves_decides_nothing() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, unwell());
    take_out(&mut stage).await;
    sleep(Duration::from_secs(7)).await;
    stage.sim.clear_faults();
    stage.fail("first", 1, Fault::Delay { ms: 60_000 });
    let mut client = stage.client().await;
    let waiting = tokio::time::timeout(Duration::from_secs(1), client.send(chat("m", ""))).await;
    assert!(waiting.is_err());
    client.leave();
    stage.settled().await;
    assert_eq!(hits_of_one_call(&mut stage).await, ["first/a 200"], "the next call is the probe");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_out_the_least_bad_is_tried() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, unwell());
    stage.fail("second", 1_000, unwell());
    for _ in 0..10 {
        stage.call(chat("m", "")).await;
    }
    stage.sim.clear_faults();
    assert_eq!(stage.call(chat("m", "")).await.status, 200, "somebody is still asked");
}

#[tokio::test(start_paused = true)]
async fn half_the_answers_failing_takes_it_out_too() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    for _ in 0..12 {
        stage.fail("first", 1, Fault::Cut { after_event: Some(2), at_byte: None, reset: false });
        stage.call(chat("m", r#","stream":true"#)).await;
        stage.call(chat("m", "")).await;
    }
    let seconds = stage.trail().iter().filter(|hit| hit.starts_with("second")).count();
    assert!(seconds > 0, "never five in a row, but every second one: {:?}", stage.trail());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_counts_as_a_failure() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, Fault::Cut { after_event: Some(2), at_byte: None, reset: false });
    for _ in 0..5 {
        let answer = stage.call(chat("m", r#","stream":true"#)).await;
        assert!(!answer.complete);
    }
    assert_eq!(hits_of_one_call(&mut stage).await, ["second/a 200"]);
}
