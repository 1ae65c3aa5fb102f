//! What stands in a status.

use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::{Duration, Instant};

use crate::stage::{OBJECTS, Stage, api, rests};

const PROVIDER: (&str, &str, &str) = ("AIProvider", "sidegate-system", "openai");
const POLICY: (&str, &str, &str) = ("AIPolicy", "shop", "checkout");

#[tokio::test]
async fn applied_objects_say_where_they_are_in_force_once_and_then_rest() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let status = stage.until(POLICY, "Programmed", "False NoSidecars: AIPolicy shop/checkout selects no sidecar").await;
    assert_eq!(status["sidecars"], json!({"selected": 0, "programmed": 0, "rejected": 0}));

    let _sidecars = (stage.sidecar("web-1").await, stage.sidecar("web-2").await);
    let status = stage.until(POLICY, "Programmed", "True Programmed: 2 of 2 sidecars at generation 1").await;
    assert_eq!(status["sidecars"], json!({"selected": 2, "programmed": 2, "rejected": 0}));
    assert_eq!(status["observedGeneration"], 1);
    let types: Vec<_> = status["conditions"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(types, ["Accepted", "ResolvedRefs", "Conflicted", "Programmed"]);

    let status = stage.until(PROVIDER, "Programmed", "True Programmed: 2 of 2 sidecars at generation 1").await;
    let key = &status["credentials"][0];
    assert_eq!((&key["name"], &key["state"]), (&json!("a"), &json!("Ready")));
    assert!(key["changedAt"].as_str().unwrap().ends_with('Z'), "{key}");

    assert!(rests(&stage, POLICY, 3).await && rests(&stage, PROVIDER, 1).await, "nothing changed, and it was written");
    assert_eq!(stage.events("shop", "checkout").await, ["Accepted", "Programmed"]);
    assert_eq!(stage.events("sidegate-system", "openai").await, ["Accepted", "Programmed"]);
    let managed = stage.get(POLICY.0, POLICY.1, POLICY.2).await.metadata.managed_fields.unwrap();
    let writer = managed.iter().find(|m| m.subresource.as_deref() == Some("status")).unwrap();
    assert_eq!(writer.manager.as_deref(), Some("sidegate-controller"));
    assert_eq!(writer.operation.as_deref(), Some("Apply"));
    assert!(!stage.everything_said().await.contains("canary"), "the value of a key was told");
}

#[tokio::test]
async fn an_edit_is_observed_at_once_and_a_refused_one_says_what_stays_in_force() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let _sidecar = stage.sidecar("web-1").await;
    stage.until(POLICY, "Programmed", "True Programmed: 1 of 1 sidecars at generation 1").await;

    let edited = Instant::now();
    stage.apply(&OBJECTS.replace("gpt-*", "gpt-4*")).await;
    stage.until(POLICY, "Programmed", "True Programmed: 1 of 1 sidecars at generation 2").await;
    assert!(edited.elapsed() < Duration::from_secs(10), "{:?}", edited.elapsed());

    // Only the control plane's namespace may select others, which the definition alone cannot know.
    let refused = "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {name: checkout, namespace: shop}\n\
                   spec: {namespaceSelector: {matchLabels: {team: web}}}\n";
    stage.apply(refused).await;
    let status =
        stage.until(POLICY, "Accepted", "False Invalid: AIPolicy shop/checkout is refused at generation 3").await;
    let message = status["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("generation 2 is still in force: spec.namespaceSelector"), "{message}");
    let words = "False NotAccepted: generation 3 is not accepted; 1 of 1 sidecars at generation 2";
    stage.until(POLICY, "Programmed", words).await;
    stage.until_told("shop", "checkout", &["Accepted", "Programmed", "Programmed", "Rejected"]).await;

    stage.apply(&OBJECTS.replace("gpt-*", "gpt-5*")).await;
    stage.until(POLICY, "Accepted", "True Accepted").await;
}

#[tokio::test]
async fn kubectl_shows_the_status_in_its_columns() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let _sidecar = stage.sidecar("web-1").await;
    stage.until(POLICY, "Programmed", "True").await;
    stage.until(PROVIDER, "Programmed", "True").await;
    for (arguments, name) in
        [(["get", "aipol", "-n", "shop"], "checkout"), (["get", "aip", "-n", "sidegate-system"], "openai")]
    {
        let answer = stage.server.kubectl(&arguments);
        let shown = String::from_utf8_lossy(&answer.stdout).into_owned();
        let row: Vec<&str> =
            shown.lines().find(|l| l.starts_with(name)).unwrap_or_default().split_whitespace().collect();
        let (head, body) = (shown.lines().next().unwrap_or_default().to_uppercase(), row.join(" "));
        assert!(head.contains("ACCEPTED") && head.contains("PROGRAMMED"), "{shown}");
        assert_eq!(row.iter().filter(|cell| **cell == "True").count(), 2, "{body} of {shown}");
        assert!(row.contains(&"1"), "{shown}");
    }
    let described = stage.server.kubectl(&["describe", "aipol", "-n", "shop", "checkout"]);
    let described = String::from_utf8_lossy(&described.stdout).into_owned();
    assert!(described.contains("1 of 1 sidecars at generation 1"), "{described}");
    assert!(described.contains("Normal") && described.contains("sidegate-controller"), "events: {described}");
}

#[tokio::test]
async fn po12_what_a_tenant_writes_into_a_status_is_written_over() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let _sidecar = stage.sidecar("web-1").await;
    let truth = stage.until(POLICY, "Programmed", "True").await;
    let keys = stage.until(PROVIDER, "Programmed", "True").await;

    let lie = |status: serde_json::Value| Patch::Merge(json!({"status": status}));
    let tenant = PatchParams { field_manager: Some("tenant".to_owned()), ..PatchParams::default() };
    let evil = json!({"type": "Blessed", "status": "True", "reason": "Because", "message": "",
                      "lastTransitionTime": "2020-01-01T00:00:00Z"});
    let mut conditions = truth["conditions"].clone();
    conditions[0]["status"] = json!("False");
    conditions.as_array_mut().unwrap().push(evil);
    let policies = api(&stage.client, "AIPolicy", "shop");
    let told = lie(json!({"sidecars": {"selected": 900, "programmed": 0, "rejected": 7}, "conditions": conditions}));
    policies.patch_status("checkout", &tenant, &told).await.unwrap();
    let providers = api(&stage.client, "AIProvider", "sidegate-system");
    let ghost = json!([{"name": "ghost", "state": "Ready"}]);
    providers.patch_status("openai", &tenant, &lie(json!({"credentials": ghost}))).await.unwrap();

    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let policy = stage.get(POLICY.0, POLICY.1, POLICY.2).await.data["status"].clone();
        let provider = stage.get(PROVIDER.0, PROVIDER.1, PROVIDER.2).await.data["status"].clone();
        if policy == truth && provider == keys {
            break;
        }
        assert!(Instant::now() < deadline, "{policy} is not {truth}, or {provider} is not {keys}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.events("shop", "checkout").await, ["Accepted", "Programmed"], "a lie changes no state");
}
