//! Limits in dry run: they never refuse, and say what they would have done.

use sidegate_policy::{Limit, Mode, Unit};
use sidegate_testkit::sim::Fault;
use sidegate_tests::client::{Answer, chat};

use super::{a_minute, under};

fn told(name: &str, unit: Unit, amount: u64) -> Limit {
    Limit { mode: Mode::DryRun, ..a_minute(name, unit, amount) }
}

#[tokio::test(start_paused = true)]
async fn a_limit_in_dry_run_refuses_nothing_and_is_told() {
    let mut stage = under(vec![told("burst", Unit::Requests, 1)]);
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.line().await["limits_would_refuse"], serde_json::Value::Null);
    for _ in 0..3 {
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "", "it is no limit that a caller should heed");
        let line = stage.line().await;
        assert_eq!(line["limits_would_refuse"][0], "AIPolicy/sidegate-system/cluster spec.limits[burst]");
    }
    let counted = r#"sidegate_dry_run_total{result="limited",rule="AIPolicy/sidegate-system/cluster"}"#;
    assert_eq!(stage.metric(counted), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_tokens_in_dry_run_is_told_too() {
    let mut stage = under(vec![told("tpm", Unit::OutputTokens, 100)]);
    stage.fail("first", 1, Fault::Overbill { output: 500 });
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.line().await["limits_would_refuse"], serde_json::Value::Null);
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.line().await["limits_would_refuse"][0], "AIPolicy/sidegate-system/cluster spec.limits[tpm]");
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_calls_at_once_in_dry_run_is_told_too() {
    let mut stage = under(vec![told("inflight", Unit::ConcurrentRequests, 1)]);
    stage.fail("first", 1, Fault::Pace { ms: 100 });
    let running = stage.send(chat("m", r#","stream":true"#)).await;
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert!(Answer::read(running).await.complete);
    stage.settled().await;
    let lines = stage.audit();
    assert_eq!(lines[0]["limits_would_refuse"][0], "AIPolicy/sidegate-system/cluster spec.limits[inflight]");
    assert_eq!(lines[1]["limits_would_refuse"], serde_json::Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_takes_nothing_of_the_enforced_limit_of_its_name() {
    let enforced = a_minute("burst", Unit::Requests, 2);
    let mut stage = under(vec![enforced, told("burst", Unit::Requests, 1)]);
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.call(chat("m", "")).await.status, 429);
}
