//! How a call ended, in the same words everywhere: what a provider's error is called when it was passed on, what is
//! said of a call that found no place, and of one whose caller left.

use sidegate_policy::{Dialect, WhyLeft};
use sidegate_proxy::armed::Keys;
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, message};
use sidegate_tests::policy::{ladder, provider, snapshot};

/// Calls of that outcome and class, as a scraper is told.
fn counted(stage: &Stage, dialect: &str, outcome: &str, class: &str) -> u64 {
    let who = r#"sidegate_caller_namespace="shop",sidegate_caller_workload="""#;
    stage.metric(&format!(r#"sidegate_calls_total{{{who},dialect="{dialect}",outcome="{outcome}",class="{class}"}}"#))
}

#[tokio::test(start_paused = true)]
async fn a_providers_error_that_was_passed_on_has_its_class() {
    for (status, class) in [(429, "provider_quota"), (503, "provider_transient"), (400, "provider_invalid")] {
        let mut stage = Stage::with(ladder(&[1]));
        stage.fail("first", 9, Fault::Status { status, headers: Vec::new(), body: None, code: None });
        assert_eq!(stage.call(chat("m", "")).await.status.as_u16(), status);
        let line = stage.line().await;
        assert_eq!(
            (&line["outcome"], &line["status"], &line["class"]),
            (&"answered".into(), &status.into(), &class.into())
        );
        assert_eq!(counted(&stage, "OpenAI", "answered", class), 1);
        assert_eq!(counted(&stage, "OpenAI", "answered", ""), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_inside_a_success_is_no_success() {
    for fault in [Fault::ErrorEvent { after_event: 2 }, Fault::ErrorEvent { after_event: 0 }] {
        let mut stage = Stage::with(snapshot(vec![provider("first", Dialect::Anthropic, 1)]));
        stage.fail("first", 9, fault);
        assert_eq!(stage.call(message("m", r#","stream":true"#)).await.status, 200);
        let line = stage.line().await;
        assert_eq!((&line["status"], &line["class"]), (&200.into(), &"provider_transient".into()), "{line}");
        assert_eq!(counted(&stage, "Anthropic", "answered", "provider_transient"), 1);
        assert_eq!(counted(&stage, "Anthropic", "answered", ""), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_place_says_under_which_policy_and_why() {
    let mut stage = Stage::with(ladder(&[0, 0]));
    stage.arm_with(ladder(&[1, 1]), &Keys::default());
    assert_eq!(stage.call(chat("m", "")).await.status, 503);
    let line = stage.line().await;
    assert_eq!((&line["policy_version"], &line["status"]), (&"test".into(), &503.into()), "{line}");
    assert_eq!(line["rule"], "AIPolicy/sidegate-system/cluster spec.routes[m]");
    let out: Vec<_> = line["left_out"].as_array().unwrap().iter().map(|l| (&l["provider"], &l["why"])).collect();
    let why = WhyLeft::NoCredential.as_str().into();
    assert_eq!(out, [(&"sidegate-system/first".into(), &why), (&"sidegate-system/second".into(), &why)]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_caller_left_is_counted_as_that() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 1, Fault::Stall { after_event: Some(4), ping_ms: None });
    let mut client = stage.client().await;
    drop(client.send(chat("m", r#","stream":true"#)).await.unwrap());
    client.leave();
    let line = stage.line().await;
    assert_eq!(line["outcome"], "client_cancelled", "{line}");
    let of = |class: &str| {
        stage
            .metric(&format!(r#"sidegate_attempts_total{{sidegate_provider="sidegate-system/first",class="{class}"}}"#))
    };
    assert_eq!((of("client_cancelled"), of("")), (1, 0));
}
