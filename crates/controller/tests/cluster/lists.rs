//! Lists and watches as they go well, and lists again after a gap.

use std::time::Duration;

use serde_json::json;

use crate::api::Api;
use crate::stage::{HOME, Stage, full, pod, policy, provider, secret};

const SOON: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn everything_is_there_before_it_is_ready_and_every_change_arrives() {
    let stage = Stage::start(full());
    assert!(!stage.is_ready() && !stage.control.complete());
    stage.until_ready().await;
    assert_eq!(stage.usable(), (vec!["openai".to_owned()], vec![b"sk-1".to_vec()]));
    assert_eq!(stage.routes(), ["fast"]);
    assert_eq!(stage.control.epoch(), 1, "made as the first");
    stage.api.put("aipolicies", policy("slow", "slow"));
    stage.within(SOON, "a policy is added", || stage.routes().len() == 2).await;
    stage.api.delete("aipolicies", "shop", "slow");
    stage.within(SOON, "a policy is deleted", || stage.routes() == ["fast"]).await;
    assert!(stage.control.caller_of("shop", "web-1", "uid-web-1").is_some());
    assert!(stage.control.caller_of("shop", "web-1", "another").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pod_leads_to_its_workload_and_counts_until_it_has_ended() {
    let stage = Stage::ready().await;
    let owner = |kind: &str, name: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true}]);
    let mut web = pod("web-2", "uid-web-2");
    web["metadata"]["ownerReferences"] = owner("ReplicaSet", "web-5d8f");
    stage.api.put("pods", web.clone());
    let set =
        json!({"metadata": {"name": "web-5d8f", "namespace": "shop", "ownerReferences": owner("Deployment", "web")}});
    stage.api.put("replicasets", set);
    let workload = || stage.control.caller_of("shop", "web-2", "uid-web-2").map(|caller| caller.workload.to_string());
    stage.within(SOON, "its workload is known", || workload().as_deref() == Some("deployment/web")).await;
    web["status"]["phase"] = json!("Succeeded");
    stage.api.put("pods", web);
    stage.within(SOON, "it has ended", || workload().is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_watched_by_its_name_while_a_provider_names_it_and_no_longer() {
    let stage = Stage::ready().await;
    stage.api.put("secrets", secret("other", "sk-other"));
    assert_eq!(stage.kind("Secret").objects, 1);
    assert_eq!(stage.api.requests("/secrets?"), stage.api.requests("metadata.name%3Dopenai"), "no other question");
    let elsewhere = json!({"credentials": [{"name": "a", "secretRef": {"name": "other", "key": "api-key"}}]});
    stage.api.put("aiproviders", provider("openai", &elsewhere));
    stage.within(SOON, "the other key", || stage.usable().1 == [b"sk-other".to_vec()]).await;
    stage.api.put("secrets", secret("openai", "sk-2"));
    stage.api.delete("aiproviders", HOME, "openai");
    stage.within(SOON, "no key", || stage.usable().1.is_empty()).await;
    stage.within(SOON, "no watch", || stage.control.watches().iter().all(|kind| kind.kind != "Secret")).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_without_streaming_lists_is_asked_for_pages() {
    let api = full();
    for n in 0..7 {
        api.put("aipolicies", policy(&format!("p{n}"), &format!("p{n}")));
    }
    api.faults(|faults| {
        faults.pages_only = true;
        faults.page = Some(3);
    });
    let stage = Stage::start(api);
    stage.until_ready().await;
    assert_eq!(stage.routes().len(), 8);
    assert_eq!(stage.usable().1, [b"sk-1".to_vec()]);
    stage.api.put("secrets", secret("openai", "sk-2"));
    stage.within(SOON, "a change", || stage.usable().1 == [b"sk-2".to_vec()]).await;
    assert_eq!(stage.api.requests("sendInitialEvents"), 1, "asked once, not again");
}

/// Edits while nobody listens: one policy goes, one comes. Never is there a moment without any.
async fn over_a_gap(stage: &Stage, mut expire: impl FnMut(&Api)) {
    let mut looks = 0_u32;
    stage.api.faults(|faults| faults.down = true);
    stage.api.put("aipolicies", policy("new", "new"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.api.delete("aipolicies", "shop", "fast");
    expire(&stage.api);
    stage.api.faults(|faults| faults.down = false);
    let lists = stage.kind("AIPolicy").lists;
    for _ in 0..60_000 {
        let routes = stage.routes();
        assert!(!routes.is_empty(), "everything deleted, for a moment");
        looks += 1;
        if routes == ["new"] && stage.kind("AIPolicy").lists > lists {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never again as it is: {:?} after {looks} looks", stage.routes());
}

#[tokio::test(start_paused = true)]
async fn ka1_a_place_that_is_gone_leads_to_a_new_list_and_never_to_an_empty_one() {
    let stage = Stage::ready().await;
    over_a_gap(&stage, |api| api.faults(|faults| faults.expire_openings = 20)).await;
}

#[tokio::test(start_paused = true)]
async fn ka1_so_does_one_that_is_told_to_be_gone_in_the_middle_of_a_watch() {
    let stage = Stage::ready().await;
    over_a_gap(&stage, |api| api.faults(|faults| faults.expire_watches = 20)).await;
}

#[tokio::test(start_paused = true)]
async fn ka1_a_second_page_that_is_gone_begins_the_list_again() {
    let api = full();
    for n in 0..5 {
        api.put("aipolicies", policy(&format!("p{n}"), &format!("p{n}")));
    }
    api.faults(|faults| {
        faults.pages_only = true;
        faults.page = Some(2);
        faults.expire_pages = 3;
    });
    let stage = Stage::start(api);
    stage.until_ready().await;
    assert_eq!(stage.routes().len(), 6);
    over_a_gap_of_pages(&stage).await;
}

async fn over_a_gap_of_pages(stage: &Stage) {
    stage.api.faults(|faults| faults.expire_openings = 20);
    stage.api.faults(|faults| faults.expire_pages = 2);
    stage.api.faults(|faults| faults.down = true);
    stage.api.delete("aipolicies", "shop", "p3");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.api.faults(|faults| faults.down = false);
    stage
        .within(Duration::from_secs(120), "the list again", || {
            let routes = stage.routes().len();
            assert!((5..=6).contains(&routes), "{routes}");
            routes == 5
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn ka5_a_list_from_before_what_was_seen_takes_nothing_back() {
    let stage = Stage::ready().await;
    let before = stage.api.version();
    stage.api.put("aipolicies", policy("fast", "faster"));
    stage.api.put("aipolicies", policy("late", "late"));
    stage.within(SOON, "both edits", || stage.routes().len() == 2).await;
    let known = stage.routes();
    stage.api.faults(|faults| {
        faults.behind = Some(before);
        faults.expire_openings = 20;
        faults.expire_watches = 20;
        faults.down = true;
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.api.faults(|faults| faults.down = false);
    stage
        .within(Duration::from_secs(300), "an older list is refused", || {
            assert_eq!(stage.routes(), known, "back in time");
            stage.kind("AIPolicy").trouble == Some("the API server is behind")
        })
        .await;
    stage.api.faults(|faults| faults.behind = None);
    stage.api.put("aipolicies", policy("last", "last"));
    let caught_up = || stage.routes().len() == 3 && stage.kind("AIPolicy").trouble.is_none();
    stage.within(Duration::from_secs(120), "it caught up", caught_up).await;
}
