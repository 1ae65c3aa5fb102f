//! Streams that end because of their age, and a flood of them that begin.

use std::collections::BTreeSet;
use std::time::Duration;

use sidegate_tests::cable::Cable;
use sidegate_tests::feigned::Listener;
use sidegate_tests::objects::{denying, simple};
use sidegate_tests::plane::{Plane, in_force, within};
use sidegate_wire::v1::control_message::Message as Down;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Whole;

const MINUTE: u64 = 60;

#[tokio::test(start_paused = true)]
async fn cp15_streams_end_cleanly_at_thirty_minutes_give_or_take_a_fifth_and_not_together() {
    let (objects, cable) = (simple(), Cable::default());
    let _plane = Plane::start(&objects, &cable);
    let mut streams = JoinSet::new();
    for _ in 0..50 {
        let cable = cable.clone();
        streams.spawn(async move {
            let mut listener = Listener::open(&cable, "shop").await;
            let began = Instant::now();
            let hello = listener.takes_all(Listener::hello("shop")).await;
            assert!(listener.ends().await, "it ends without an error");
            let age = began.elapsed().as_secs();
            // It comes back with what it has, and nothing is sent twice.
            let mut again = Listener::greet(&cable, hello).await;
            assert!(again.hears().await.is_none());
            age
        });
    }
    let ages: Vec<u64> = streams.join_all().await;
    let (least, most) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
    assert!(*least >= 24 * MINUTE && *most <= 36 * MINUTE, "{least} to {most} seconds");
    let minutes: BTreeSet<u64> = ages.iter().map(|age| age / MINUTE).collect();
    assert!(minutes.len() >= 8, "spread over the time: {minutes:?}");
}

#[tokio::test(start_paused = true)]
async fn cp15_what_changes_while_a_stream_is_away_is_there_when_it_comes_back() {
    let (objects, cable) = (simple(), Cable::default());
    let plane = Plane::start(&objects, &cable);
    let mut listener = Listener::open(&cable, "shop").await;
    let hello = listener.takes_all(Listener::hello("shop")).await;
    drop(listener);
    objects.write("policy.yaml", denying("gpt-4o-mini"));
    plane.controller.reload();
    let mut again = Listener::greet(&cable, hello.clone()).await;
    let Some(Down::Policy(policy)) = again.hears().await else { panic!("the edit is missing, or more than it came") };
    assert_ne!(policy.version, hello.policy_version);
}

#[tokio::test(start_paused = true)]
async fn cp15_a_sidecar_lives_through_many_ages_with_one_policy_in_force_and_edits_arriving() {
    let mut whole = Whole::up(simple()).await;
    let armed = whole.stage.sidecar.armed.load_full().unwrap();
    sleep(Duration::from_secs(3 * 60 * MINUTE)).await;
    within(Duration::from_secs(1), "the link is up", || whole.linked.is_up()).await;
    let still = whole.stage.sidecar.armed.load_full().unwrap();
    assert!(std::sync::Arc::ptr_eq(&armed, &still), "something was sent again");
    let before = in_force(&whole.stage);
    whole.objects.write("policy.yaml", denying("gpt-4o-mini"));
    whole.edited().await;
    assert_ne!(in_force(&whole.stage), before);
    assert_eq!(whole.stage.call(sidegate_tests::client::chat("gpt-4o", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn cp7_a_flood_of_streams_is_let_in_at_a_bounded_rate_and_those_beyond_it_come_back() {
    let (objects, cable, began) = (simple(), Cable::default(), Instant::now());
    let _plane = Plane::start(&objects, &cable);
    let mut asked = JoinSet::new();
    for _ in 0..1_500 {
        let cable = cable.clone();
        asked.spawn(async move { (Listener::try_open(&cable, "shop").await, began.elapsed()) });
    }
    let answers = asked.join_all().await;
    let (let_in, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, _)| answer.is_ok());
    let codes: BTreeSet<i32> = refused.iter().filter_map(|(answer, _)| answer.err()).map(i32::from).collect();
    assert_eq!(codes, [i32::from(tonic::Code::ResourceExhausted)].into());
    assert!(!refused.is_empty() && refused.iter().all(|(_, at)| *at < Duration::from_millis(500)), "told at once");
    for second in 0..3 {
        let (from, to) = (Duration::from_secs(second), Duration::from_secs(second + 1));
        let within = let_in.iter().filter(|(_, at)| *at >= from && *at < to).count();
        assert!(within <= 601, "{within} in second {second}");
    }
    assert!(let_in.len() >= 1_000, "{}", let_in.len());
}
