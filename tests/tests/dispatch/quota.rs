//! A rate that is used up: the next credential, then the next target; waiting only at the last one.

use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::ladder;

fn limited(headers: &[(&str, &str)]) -> Fault {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Fault::Status { status: 429, headers, body: None, code: None }
}

#[tokio::test(start_paused = true)]
async fn the_next_credential_then_the_next_target() {
    let mut stage = Stage::with(ladder(&[2, 1]));
    stage.fail("first", 9, limited(&[("retry-after", "7")]));
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    let mut trail = stage.trail();
    trail[..2].sort();
    assert_eq!(trail, ["first/a 429", "first/b 429", "second/a 200"]);
    let bill = stage.sim.bill().entries();
    assert!(bill[2].at_ms - bill[0].at_ms < 10, "nobody waits where there is room elsewhere");
}

#[tokio::test(start_paused = true)]
async fn at_the_last_one_the_providers_time_is_waited() {
    for (header, value, ms) in
        [("retry-after", "2", 2_000), ("retry-after-ms", "1500", 1_500), ("x-ratelimit-reset-requests", "3s", 3_000)]
    {
        let mut stage = Stage::with(ladder(&[1]));
        stage.fail("first", 1, limited(&[(header, value)]));
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
        let bill = stage.sim.bill().entries();
        let waited = bill[1].at_ms - bill[0].at_ms;
        assert!((ms..=ms + 500).contains(&waited), "{header}: {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_too_long_is_not_waited_but_told() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 9, limited(&[("retry-after", "60")]));
    let answer = stage.call(chat("m", "")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "60"));
    assert_eq!(stage.trail().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_time_the_caller_is_told_at_once() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 9, limited(&[]));
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("x-sidegate-attempts"), "", "there was one");
    assert_eq!(stage.trail().len(), 1);
    assert_eq!(stage.line().await["attempts"][0]["class"], "provider_quota");
}

#[tokio::test(start_paused = true)]
async fn a_credential_without_room_is_left_alone_for_its_time() {
    let mut stage = Stage::with(ladder(&[2]));
    stage.fail("first", 1, limited(&[("retry-after", "30")]));
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    let limited = stage.trail()[0].split(' ').next().unwrap_or_default().to_owned();
    for _ in 0..10 {
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
    }
    let later = stage.trail().split_off(2);
    assert!(later.iter().all(|hit| !hit.starts_with(&limited)), "{limited} was asked again: {later:?}");
}
