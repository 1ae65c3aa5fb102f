//! Errors behind a good status, redirects, waits and bursts (HU9, HU13, HU15, HU16).

use std::time::Duration;

use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, message};
use sidegate_tests::policy::ladder;
use tokio::time::sleep;

use super::{ASKED, always, three};

#[tokio::test(start_paused = true)]
async fn hu9_what_is_no_answer_moves_and_counts_although_it_says_200() {
    for fault in [Fault::ErrorBody {}, Fault::Html {}, Fault::ErrorEvent { after_event: 0 }, Fault::EmptyChoices {}] {
        for more in ["", ASKED] {
            if more.is_empty() && matches!(fault, Fault::ErrorEvent { .. }) {
                continue;
            }
            let mut stage = Stage::with(ladder(&[1, 1]));
            stage.fail("first", 9, fault.clone());
            let answer = stage.call(chat("m", more)).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                stage.trail().last().map(String::as_str),
                Some("second/a 200"),
                "{fault:?}{more}: {}",
                answer.text()
            );
            let line = stage.line().await;
            assert_eq!(line["attempts"][0]["class"], "provider_transient", "{fault:?}{more}: {line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu9_an_overload_told_as_the_first_event_moves() {
    let mut stage = three();
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    stage.sim.add_faults(vec![sidegate_testkit::sim::Rule::times(1, super::events(overloaded))]);
    let answer = stage.call(message("claude-haiku-4-5", r#","stream":true"#)).await;
    assert!(answer.complete && answer.text().contains("message_stop"), "{}", answer.text());
    assert_eq!(answer.header("x-sidegate-attempts"), "2");
}

#[tokio::test(start_paused = true)]
async fn hu9_with_nowhere_to_go_the_body_is_still_passed_on() {
    for (fault, part) in [
        (Fault::ErrorBody {}, "on demand"),
        (Fault::Html {}, "Please sign in"),
        (Fault::EmptyChoices {}, "\"choices\":[]"),
    ] {
        let mut stage = Stage::with(ladder(&[1]));
        always(&stage, fault.clone());
        let answer = stage.call(chat("m", "")).await;
        assert!(answer.text().contains(part), "{fault:?}: {}", answer.text());
        let line = stage.line().await;
        let attempts = line["attempts"].as_array().cloned().unwrap_or_default();
        assert!(
            attempts.iter().all(|a| a["class"] == "provider_transient"),
            "{fault:?} was recorded as a success: {line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn hu9_an_error_later_in_a_stream_counts_against_the_provider() {
    let mut stage = Stage::with(ladder(&[1]));
    always(&stage, Fault::ErrorEvent { after_event: 3 });
    let answer = stage.call(chat("m", ASKED)).await;
    assert!(answer.text().contains("Overloaded"), "it is passed on: {}", answer.text());
    assert_eq!(stage.line().await["attempts"][0]["class"], "provider_transient");
}

#[tokio::test(start_paused = true)]
async fn hu13_a_redirect_into_the_cluster_is_not_followed() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://second.test/v1/chat/completions",
        "/v1/models",
        "//evil.test/",
    ] {
        for status in [301, 302, 307, 308] {
            let mut stage = Stage::with(ladder(&[1]));
            always(&stage, Fault::Redirect { status, location: location.into() });
            let answer = stage.call(chat("m", "")).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (502, ""));
            assert_eq!(answer.json()["error"]["sidegate"]["reason"], "unexpected_redirect");
            assert_eq!(answer.header("x-should-retry"), "false");
            assert_eq!(stage.trail(), [format!("first/a {status}")], "the key was sent once");
            assert_eq!(stage.memory.opened(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu15_every_wait_is_bounded_and_none_is_nothing() {
    for value in [
        "0",
        "-5",
        "1000000000",
        "1e300",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "soon",
        "",
        "NaN",
    ] {
        let mut stage = Stage::with(ladder(&[2]));
        let headers = vec![("retry-after".to_owned(), value.to_owned())];
        stage.fail("first", 1, Fault::Status { status: 429, headers, body: None, code: None });
        assert_eq!(stage.call(chat("m", "")).await.status, 200, "{value:?}");
        let out = stage.trail()[0].split(' ').next().unwrap_or_default().to_owned();
        let asked_again = |stage: &Stage| stage.trail().iter().filter(|hit| hit.starts_with(&out)).count() > 1;
        for _ in 0..10 {
            stage.call(chat("m", "")).await;
        }
        assert!(!asked_again(&stage), "{value:?}: at once again");
        sleep(Duration::from_secs(145)).await;
        for _ in 0..20 {
            stage.call(chat("m", "")).await;
        }
        assert!(asked_again(&stage), "{value:?}: never again");
    }
}

#[tokio::test(start_paused = true)]
async fn hu16_a_burst_of_failures_is_not_multiplied() {
    for status in [500, 502, 503] {
        let mut stage = Stage::with(ladder(&[1]));
        always(&stage, Fault::Status { status, headers: Vec::new(), body: None, code: None });
        for _ in 0..200 {
            stage.call(chat("m", "")).await;
        }
        let sent = stage.trail().len();
        assert!(sent <= 200 * 12 / 10 + 3, "{status}: 200 calls made {sent} requests");
        let lines = stage.audit();
        assert_eq!(lines.len(), 200);
        assert!(lines.iter().all(|line| line["cost_nanodollars"] == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn hu16_a_burst_opens_the_breaker() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 10_000, Fault::Status { status: 503, headers: Vec::new(), body: None, code: None });
    for _ in 0..100 {
        assert_eq!(stage.call(chat("m", "")).await.status, 200, "somebody else answers");
    }
    let first = stage.trail().iter().filter(|hit| hit.starts_with("first")).count();
    assert!(first <= 10, "{first} of 100 calls still tried it");
}
