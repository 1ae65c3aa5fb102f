//! Providers that fall silent (HU8).

use std::time::Duration;

use sidegate_policy::{Dialect, Snapshot, Timeouts};
use sidegate_testkit::sim::{Answers, Fault};
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::{ladder, provider, snapshot};
use tokio::time::Instant;

use super::{ASKED, always, streams};

const TIMES: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    response: Duration::from_secs(40),
    first_event: Duration::from_secs(30),
    idle: Duration::from_secs(20),
    stream: Duration::from_secs(100),
};

fn hurried(mut policy: Snapshot) -> Snapshot {
    policy.providers.iter_mut().for_each(|p| p.timeouts = TIMES);
    policy
}

fn three() -> Stage {
    Stage::with(hurried(snapshot(Dialect::ALL.map(|d| provider(&d.as_str().to_lowercase(), d, 1)).to_vec())))
}

fn about(took: Duration, seconds: u64) -> bool {
    (Duration::from_secs(seconds)..Duration::from_secs(seconds + 2)).contains(&took)
}

#[tokio::test(start_paused = true)]
async fn hu8_silence_after_the_head_ends_in_time() {
    for (name, request) in streams() {
        for ping_ms in [None, Some(1_000)] {
            let mut stage = three();
            always(&stage, Fault::Stall { after_event: Some(0), ping_ms });
            let began = Instant::now();
            let answer = stage.call(request.clone()).await;
            // The same target gets a second chance. After that nothing else is possible, so that its head is not held
            // back, and the error is told in the stream.
            assert!(about(began.elapsed(), 60), "{name}, {ping_ms:?}: {:?}", began.elapsed());
            let text = answer.text();
            assert!(!answer.complete && text.contains("upstream_timeout"), "{name}: {} {text}", answer.status);
            assert_eq!(stage.line().await["reason"], "first_event_timeout", "{name}");
            assert_eq!(stage.memory.open(), 0, "{name}: the connection is not used again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu8_silence_in_the_middle_is_told_in_the_stream() {
    for (name, request) in streams() {
        let mut stage = three();
        stage.sim.set_answers(Answers { events: Some(20), ..Answers::default() });
        always(&stage, Fault::Stall { after_event: Some(8), ping_ms: None });
        let began = Instant::now();
        let answer = stage.call(request).await;
        assert!(about(began.elapsed(), 20), "{name}: {:?}", began.elapsed());
        assert!(!answer.complete && answer.text().contains("upstream_timeout"), "{name}: {}", answer.text());
        let line = stage.line().await;
        assert_eq!((&line["class"], &line["reason"]), (&"upstream_timeout".into(), &"idle_timeout".into()), "{name}");
        assert_eq!(stage.memory.open(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu8_pings_are_no_progress() {
    for (name, request) in streams().into_iter().filter(|(name, _)| !name.contains("array")) {
        let mut stage = three();
        stage.sim.set_answers(Answers { events: Some(20), ..Answers::default() });
        always(&stage, Fault::Stall { after_event: Some(8), ping_ms: Some(1_000) });
        let began = Instant::now();
        let answer = stage.call(request).await;
        assert!(about(began.elapsed(), 20), "{name}: {:?}", began.elapsed());
        assert!(!answer.complete, "{name}");
        assert_eq!(stage.line().await["reason"], "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu8_a_stream_that_gets_on_is_ended_by_its_whole_time_only() {
    let mut stage = Stage::with(hurried(ladder(&[1])));
    stage.sim.set_answers(Answers { events: Some(100), pause_ms: 15_000, ..Answers::default() });
    let began = Instant::now();
    let answer = stage.call(chat("m", ASKED)).await;
    assert!(about(began.elapsed(), 100), "{:?}", began.elapsed());
    assert!(!answer.complete);
    assert_eq!(stage.line().await["reason"], "stream_timeout");
}

#[tokio::test(start_paused = true)]
async fn hu8_an_answer_in_one_body_has_its_own_time() {
    let mut stage = Stage::with(hurried(ladder(&[1])));
    always(&stage, Fault::Stall { after_event: None, ping_ms: None });
    let began = Instant::now();
    let answer = stage.call(chat("m", "")).await;
    assert!(about(began.elapsed(), 80), "{:?}", began.elapsed());
    assert_eq!((answer.status.as_u16(), answer.class()), (504, "upstream_timeout"));
    assert_eq!(stage.line().await["reason"], "response_timeout");
}

#[tokio::test(start_paused = true)]
async fn hu8_a_slow_caller_is_not_the_providers_silence() {
    use http_body_util::BodyExt;
    let mut stage = Stage::with(hurried(ladder(&[1])));
    stage.sim.set_answers(Answers { text: Some(("w".repeat(8_000) + " ").repeat(60)), ..Answers::default() });
    let mut stream = stage.send(chat("m", ASKED)).await;
    assert!(stream.body_mut().frame().await.is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(sidegate_tests::Answer::read(stream).await.complete, "the caller had not read for a minute");
}
