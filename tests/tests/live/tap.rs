//! `tap`: who watches sees what they asked for, and costs others nothing.

use std::time::Duration;

use sidegate_controller::Peer;
use sidegate_tests::client::chat;
use sidegate_tests::objects::{denying, simple};
use sidegate_tests::plane::{DAY, Plane, in_force, within};
use sidegate_wire::v1;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::live_client::LiveClient;
use sidegate_wire::v1::tap_event::Event;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::{Cluster, SOON, everywhere, namespace};

#[tokio::test(start_paused = true)]
async fn who_watches_a_namespace_sees_its_calls_with_whose_they_are_and_no_others() {
    let mut cluster = Cluster::simple().await;
    let mut tap = cluster.tap(v1::TapRequest { scope: namespace("shop"), ..v1::TapRequest::default() }).await;
    cluster.watched("shop").await;
    assert!(!cluster.teller.is_watched(), "others are not even asked");
    let first = cluster.checkout.call("gpt-4o").await;
    cluster.teller.call("gpt-4o").await;
    let (whose, line) = tap.call().await;
    assert_eq!(whose, "shop deployment/checkout checkout-1");
    assert_eq!(line["request_id"], first.header("x-sidegate-request-id"));
    assert_eq!(line, cluster.checkout.stage.line().await, "it is the audit line");
    cluster.search.call("forbidden").await;
    let (whose, line) = tap.call().await;
    assert_eq!(
        (whose.as_str(), line["class"].as_str()),
        ("shop deployment/search search-1", Some("model_not_allowed"))
    );
    tap.silence().await;
}

#[tokio::test(start_paused = true)]
async fn filters_by_model_and_outcome_are_applied_where_the_calls_are() {
    let mut cluster = Cluster::simple().await;
    let errors = v1::TapRequest { scope: everywhere(), outcomes: vec!["error".into()], ..v1::TapRequest::default() };
    let mut errors = cluster.tap(errors).await;
    let minis = v1::TapRequest { scope: everywhere(), models: vec!["*-mini".into()], ..v1::TapRequest::default() };
    let mut minis = cluster.tap(minis).await;
    sleep(SOON).await;
    cluster.checkout.call("gpt-4o").await;
    cluster.teller.call("gpt-4o-mini").await;
    cluster.search.call("forbidden").await;
    assert_eq!(minis.call().await.1["model"], "gpt-4o-mini");
    assert_eq!(errors.call().await.1["outcome"], "refused");
    minis.silence().await;
    errors.silence().await;
    for (models, outcomes) in [(vec!["g*t".to_owned()], vec![]), (vec![], vec!["sometimes".to_owned()])] {
        let wrong = v1::TapRequest { scope: everywhere(), models, outcomes };
        assert_eq!(cluster.person().tap(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_ends_it_at_the_sidecars_at_once() {
    let mut cluster = Cluster::simple().await;
    let tap = cluster.tap(v1::TapRequest { scope: everywhere(), ..v1::TapRequest::default() }).await;
    cluster.watched("").await;
    sleep(Duration::from_secs(60)).await;
    cluster.watched("").await;
    drop(tap);
    cluster.left_alone(SOON).await;
    assert_eq!(cluster.checkout.call("gpt-4o").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn who_stops_reading_is_ended_and_delays_neither_calls_nor_policy() {
    let mut cluster = Cluster::simple().await;
    let stuck = cluster.tap(v1::TapRequest { scope: everywhere(), ..v1::TapRequest::default() }).await;
    let mut reads = cluster.tap(v1::TapRequest { scope: namespace("shop"), ..v1::TapRequest::default() }).await;
    cluster.watched("").await;
    // Long lines: the window of the one who does not read takes 2 MiB before it is full.
    let (model, mut seen) = (format!("gpt-4o-{}", "x".repeat(240)), 0);
    for round in 0..30 {
        for _ in 0..100 {
            assert_eq!(cluster.checkout.stage.call(chat(&model, "")).await.status, 200);
        }
        if round == 25 {
            let before = in_force(&cluster.checkout.stage);
            cluster.objects.write("another.yaml", denying("gpt-4o-mini").replace("name: cluster", "name: another"));
            within(SOON, "the edit is in force", || in_force(&cluster.checkout.stage) != before).await;
        }
        sleep(SOON).await;
        while seen < (round + 1) * 90 {
            match reads.next().await {
                Event::Call(_) => seen += 1,
                Event::Missed(missed) => seen += missed,
                Event::Coverage(_) => {}
            }
        }
    }
    sleep(Duration::from_secs(60)).await;
    let number = cluster.pods("").iter().filter(|pod| pod.is_watched()).count();
    assert_eq!(number, 2, "those that the one who reads watches");
    drop(reads);
    cluster.left_alone(SOON).await;
    let mut stuck = stuck;
    let mut before = 0;
    let ended = loop {
        match stuck.events.message().await {
            Ok(Some(_)) => before += 1,
            Ok(None) => panic!("it ends with its reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::ResourceExhausted, "{ended}");
    assert!(before < 2_700, "{before}: what nobody read was not kept");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_comes_back_is_asked_again() {
    let mut cluster = Cluster::simple().await;
    let mut tap = cluster.tap(v1::TapRequest { scope: namespace("shop"), ..v1::TapRequest::default() }).await;
    cluster.watched("shop").await;
    let cable = cluster.cable.clone();
    cluster.checkout.link(&cable);
    within(Duration::from_secs(5), "it is asked again", || cluster.checkout.is_watched()).await;
    cluster.checkout.call("gpt-4o").await;
    loop {
        match tap.next().await {
            Event::Call(call) => break assert_eq!(call.pod, "checkout-1"),
            Event::Coverage(_) => {}
            Event::Missed(missed) => panic!("{missed} missed"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_sidecar_tells_a_hundred_calls_a_second_and_counts_the_rest() {
    let mut cluster = Cluster::simple().await;
    let mut tap = cluster.tap(v1::TapRequest { scope: namespace("bank"), ..v1::TapRequest::default() }).await;
    cluster.watched("bank").await;
    sleep(SOON).await;
    for _ in 0..500 {
        cluster.teller.stage.call(chat("gpt-4o", "")).await;
    }
    let (mut calls, mut missed) = (0, 0);
    while calls + missed < 500 {
        match tap.next().await {
            Event::Call(_) => calls += 1,
            Event::Missed(more) => missed += more,
            Event::Coverage(_) => {}
        }
    }
    assert_eq!(calls + missed, 500);
    assert!((100..=300).contains(&calls), "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_tells_as_many_calls_a_second_as_it_says_and_their_lines_may_be_long() {
    let mut cluster = Cluster::simple().await;
    let mut tap = cluster.tap(v1::TapRequest { scope: namespace("bank"), ..v1::TapRequest::default() }).await;
    cluster.watched("bank").await;
    sleep(SOON).await;
    let model = format!("gpt-4o-{}", "x".repeat(240));
    let (mut seen, mut bytes) = (0, 0);
    for round in 0..130 {
        for _ in 0..if round < 120 { 9 } else { 0 } {
            assert_eq!(cluster.teller.stage.call(chat(&model, "")).await.status, 200);
        }
        sleep(Duration::from_millis(100)).await;
        while let Ok(event) = timeout(Duration::from_millis(1), tap.next()).await {
            match event {
                Event::Call(call) => (seen, bytes) = (seen + 1, bytes + call.record.len()),
                Event::Missed(missed) => panic!("{missed} missed after {seen}"),
                Event::Coverage(_) => {}
            }
        }
    }
    assert_eq!(seen, 1_080, "within a second of the last one");
    assert!(bytes / seen > 1_200, "{} bytes a line", bytes / seen);
}

#[tokio::test(start_paused = true)]
async fn so_many_may_watch_at_once_and_see_calls_and_the_next_one_is_told() {
    let mut cluster = Cluster::simple().await;
    let request = || v1::TapRequest { scope: namespace("shop"), ..v1::TapRequest::default() };
    let mut taps = Vec::new();
    for _ in 0..16 {
        taps.push(cluster.tap(request()).await);
    }
    let refused = cluster.person().tap(request()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    sleep(SOON).await;
    cluster.checkout.call("gpt-4o").await;
    for tap in &mut taps {
        assert_eq!(tap.call().await.0, "shop deployment/checkout checkout-1");
    }
    taps.pop();
    sleep(SOON).await;
    cluster.tap(request()).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_beyond_loopback_is_answered() {
    let (objects, cable) = (simple(), sidegate_tests::cable::Cable::default());
    let far = Peer::at("10.1.2.3:4444".parse().unwrap());
    let plane = Plane::with(objects.path(), &cable, far, DAY);
    let mut person = LiveClient::new(plane.people.channel());
    let codes = [
        person.tap(v1::TapRequest::default()).await.unwrap_err().code(),
        person.top(v1::TopRequest::default()).await.unwrap_err().code(),
        person.trace(v1::TraceRequest::default()).await.unwrap_err().code(),
    ];
    assert_eq!(codes, [Code::PermissionDenied; 3]);
}

#[tokio::test(start_paused = true)]
async fn people_are_not_answered_where_sidecars_are_and_sidecars_get_no_keys_where_people_are() {
    let cluster = Cluster::simple().await;
    let there = LiveClient::new(cluster.cable.channel()).top(v1::TopRequest::default()).await.unwrap_err();
    assert_eq!(there.code(), Code::Unimplemented, "{there}");
    let hello = v1::SidecarMessage::default();
    let mut sidecar = ControlPlaneClient::new(cluster.plane.people.channel());
    let here = sidecar.subscribe(futures_util::stream::iter([hello])).await.unwrap_err();
    assert_eq!(here.code(), Code::Unimplemented, "{here}");
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_ends_ends_those_who_watch() {
    let cluster = Cluster::simple().await;
    let mut tap = cluster.tap(v1::TapRequest { scope: everywhere(), ..v1::TapRequest::default() }).await;
    cluster.plane.end().await;
    while let Ok(Some(_)) = tap.events.message().await {}
}
