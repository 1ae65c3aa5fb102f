//! Trouble that lasts: an API server that is away, mute, busy, or says no.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::stage::{HOME, Stage, full, policy, provider, secret};

const SOON: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn ka2_ten_minutes_without_an_api_server_change_nothing_and_show() {
    let stage = Stage::ready().await;
    let before = (stage.usable(), stage.routes());
    stage.api.faults(|faults| faults.down = true);
    stage.api.put("secrets", secret("openai", "sk-2"));
    sleep(10 * MINUTE).await;
    assert!(stage.is_ready() && stage.control.complete());
    assert_eq!((stage.usable(), stage.routes()), before);
    assert!(stage.control.caller_of("shop", "web-1", "uid-web-1").is_some(), "a sidecar that restarts gets its policy");
    for kind in stage.control.watches() {
        assert!(kind.age > 4 * MINUTE && kind.trouble == Some("not reached"), "{kind:?}");
    }
    stage.api.faults(|faults| faults.down = false);
    stage.within(MINUTE, "it is current again", || stage.usable().1 == [b"sk-2".to_vec()]).await;
    let current = || stage.control.watches().iter().all(|kind| kind.trouble.is_none());
    stage.within(MINUTE, "every kind", current).await;
}

#[tokio::test(start_paused = true)]
async fn ka3_a_watch_that_is_silently_dead_is_opened_again_within_six_minutes() {
    let stage = Stage::ready().await;
    stage.api.faults(|faults| faults.mute = true);
    sleep(Duration::from_secs(1)).await;
    stage.api.put("aipolicies", policy("late", "late"));
    sleep(MINUTE).await;
    // Whoever opens a new one hears again; those that are open stay dead.
    stage.api.faults(|faults| faults.mute = false);
    assert_eq!(stage.routes(), ["fast"]);
    let took = stage.within(5 * MINUTE, "the late policy", || stage.routes().len() == 2).await;
    assert!(took > 3 * MINUTE, "{took:?}: it was not dead");
    assert!(stage.is_ready());
}

#[tokio::test(start_paused = true)]
async fn ka3_a_quiet_watch_with_bookmarks_is_left_alone() {
    let stage = Stage::ready().await;
    let before = stage.kind("AIPolicy");
    sleep(30 * MINUTE).await;
    let after = stage.kind("AIPolicy");
    assert_eq!((after.lists, after.failures), (before.lists, before.failures));
    assert!(after.age <= 2 * MINUTE, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn ka4_a_throttled_controller_asks_less_and_less_and_as_told() {
    let stage = Stage::ready().await;
    let busy = json!({"kind": "Status", "code": 429, "reason": "TooManyRequests", "message": "slow down",
        "details": {"retryAfterSeconds": 20}});
    stage.api.faults(|faults| faults.down = true);
    sleep(Duration::from_millis(50)).await;
    stage.api.faults(|faults| (faults.down, faults.status) = (false, Some((429, busy))));
    sleep(2 * MINUTE).await;
    let asked = stage.api.requests("aipolicies");
    sleep(5 * MINUTE).await;
    let more = stage.api.requests("aipolicies") - asked;
    assert!((5..=15).contains(&more), "{more} requests in five minutes, with 20 s between them asked for");
    stage.api.faults(|faults| faults.status = None);
    stage.api.put("aipolicies", policy("late", "late"));
    stage.within(MINUTE, "it goes on", || stage.routes().len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn ka4_failures_of_the_server_are_waited_out_and_nothing_is_lost() {
    let stage = Stage::ready().await;
    for code in [500, 503, 504] {
        let failure =
            json!({"kind": "Status", "code": code, "reason": "InternalError", "message": "etcd has no leader"});
        stage.api.faults(|faults| faults.down = true);
        sleep(Duration::from_millis(50)).await;
        let asked = stage.api.requests("aipolicies");
        stage.api.faults(|faults| (faults.down, faults.status) = (false, Some((code, failure))));
        sleep(5 * MINUTE).await;
        let more = stage.api.requests("aipolicies") - asked;
        assert!((8..=40).contains(&more), "{more} requests in five minutes");
        assert_eq!(stage.routes(), ["fast"]);
        stage.api.faults(|faults| faults.status = None);
        stage.within(MINUTE, "current", || stage.kind("AIPolicy").trouble.is_none()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ka4_slow_lists_are_asked_for_one_at_a_time() {
    let api = full();
    api.faults(|faults| faults.slow = Duration::from_secs(20));
    let stage = Stage::start(api);
    stage.within(5 * MINUTE, "it is ready", || stage.is_ready()).await;
    assert_eq!(stage.api.most_lists_at_once(), 1);
    assert_eq!(stage.routes(), ["fast"]);
}

#[tokio::test(start_paused = true)]
async fn ka6_a_kind_that_may_not_be_read_any_more_stays_as_it_was_and_the_others_go_on() {
    let stage = Stage::ready().await;
    stage.api.faults(|faults| {
        faults.down = true;
        faults.denied.insert("aipolicies".to_owned());
        faults.denied.insert("secrets".to_owned());
    });
    sleep(Duration::from_millis(50)).await;
    stage.api.faults(|faults| faults.down = false);
    stage.api.put("aipolicies", policy("unseen", "unseen"));
    stage.api.put("aiproviders", provider("second", &json!({"credentials": []})));
    stage.within(MINUTE, "another kind goes on", || stage.usable().0.len() == 2).await;
    let denied = || ["AIPolicy", "Secret"].iter().all(|kind| stage.kind(kind).trouble == Some("denied"));
    stage.within(MINUTE, "both are told", denied).await;
    assert_eq!((stage.routes(), stage.usable().1), (vec!["fast".to_owned()], vec![b"sk-1".to_vec()]));
    assert!(stage.is_ready());
    stage.api.faults(|faults| faults.denied.clear());
    stage.within(MINUTE, "it may again", || stage.routes().len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_may_not_be_read_from_the_start_holds_everything_back() {
    let api = full();
    api.faults(|faults| {
        faults.denied.insert("aipolicies".to_owned());
    });
    let stage = Stage::start(api);
    sleep(10 * MINUTE).await;
    assert!(!stage.is_ready(), "without its policies a cluster would allow too much");
    stage.api.faults(|faults| faults.denied.clear());
    stage.until_ready().await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read_from_the_start_is_missing_and_holds_nobody_up() {
    let api = full();
    api.faults(|faults| {
        faults.denied.insert("secrets".to_owned());
    });
    let stage = Stage::start(api);
    stage.until_ready().await;
    assert!(stage.usable().1.is_empty());
    stage.api.faults(|faults| faults.denied.clear());
    stage.within(MINUTE, "it may be read", || stage.usable().1.len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn ka7_an_object_that_does_not_decode_is_alone_with_it() {
    let stage = Stage::ready().await;
    let mut newer = policy("fast", "fast");
    newer["spec"]["routes"][0]["targets"][0]["weight"] = json!("a tenth");
    stage.api.put("aipolicies", newer);
    let undecodable = || stage.kind("AIPolicy").undecodable.iter().map(ToString::to_string).collect::<Vec<_>>();
    stage.within(SOON, "it is told by name", || undecodable() == ["AIPolicy/shop/fast"]).await;
    assert_eq!(stage.routes(), ["fast"], "its last good version stays");
    stage.api.put("aipolicies", policy("other", "other"));
    stage.within(SOON, "others are read", || stage.routes().len() == 2).await;
    let name = sidegate_controller::ObjectName::new(sidegate_controller::Kind::AiPolicy, "shop", "fast");
    let standing = stage.control.standing(&name).unwrap();
    assert_eq!((standing.generation, standing.in_force), (2, Some(1)));
    assert!(standing.refusals[0].message.starts_with("does not decode"), "{:?}", standing.refusals);
    stage.api.put("aipolicies", policy("fast", "faster"));
    stage
        .within(SOON, "it is repaired", || undecodable().is_empty() && stage.routes().contains(&"faster".into()))
        .await;
    stage.api.put("aiproviders", json!({"metadata": {"name": "odd", "namespace": HOME}, "spec": {"dialect": 7}}));
    stage.within(SOON, "a provider", || stage.kind("AIProvider").undecodable.len() == 1).await;
    stage.api.delete("aiproviders", HOME, "odd");
    stage.within(SOON, "it is deleted", || stage.kind("AIProvider").undecodable.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn ka7_a_list_with_such_an_object_is_taken_without_it() {
    let api = full();
    let mut odd = policy("odd", "odd");
    odd["spec"]["frobnicate"] = json!(true);
    api.put("aipolicies", odd);
    let stage = Stage::start(api);
    stage.until_ready().await;
    assert_eq!(stage.routes(), ["fast"]);
    assert_eq!(stage.kind("AIPolicy").undecodable.len(), 1);
}
