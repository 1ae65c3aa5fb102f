//! What a status says when something is wrong.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams};
use serde_json::json;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::stage::{OBJECTS, Stage};

const PROVIDER: (&str, &str, &str) = ("AIProvider", "sidegate-system", "openai");
const POLICY: (&str, &str, &str) = ("AIPolicy", "shop", "checkout");

#[tokio::test]
async fn the_reason_of_a_sidecar_that_refuses_is_in_the_status_and_in_an_event() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let sidecars = (stage.sidecar("web-1").await, stage.sidecar("web-2").await);
    stage.until(POLICY, "Programmed", "True Programmed: 2 of 2 sidecars at generation 1").await;

    sidecars.1.refuses.send_replace(Some("snapshot.allow[0]: not a glob that is known here".to_owned()));
    stage.apply(&OBJECTS.replace("gpt-*", "gpt-4*")).await;
    let words = "False RejectedBySidecars: 1 of 2 sidecars at generation 2; 1 refused it, shop/web-2 because: \
                 snapshot.allow[0]: not a glob that is known here";
    let status = stage.until(POLICY, "Programmed", words).await;
    assert_eq!(status["sidecars"], json!({"selected": 2, "programmed": 1, "rejected": 1}));
    stage.until_told("shop", "checkout", &["Accepted", "Programmed", "NackedBySidecar"]).await;

    sidecars.1.refuses.send_replace(None);
    stage.apply(&OBJECTS.replace("gpt-*", "gpt-5*")).await;
    stage.until(POLICY, "Programmed", "True Programmed: 2 of 2 sidecars at generation 3").await;
}

#[tokio::test]
async fn po1_the_loser_of_a_conflict_names_its_field_and_the_winner() {
    let stage = Stage::start().await;
    let route = |name: &str, route: &str| {
        format!(
            "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec:\n  routes:\n  - name: {route}\n    matches: [{{models: [fast]}}]\n    \
             targets: [{{provider: openai, namespace: sidegate-system, model: gpt-4o-mini}}]\n"
        )
    };
    stage.apply(OBJECTS).await;
    stage.apply(&route("a-winner", "quick")).await;
    stage.apply(&route("b-loser", "fast")).await;
    let _sidecar = stage.sidecar("web-1").await;
    let loser = ("AIPolicy", "shop", "b-loser");
    let status = stage.until(loser, "Conflicted", "True RoutesConflicted: spec.routes[fast] never matches").await;
    let winner = json!({"kind": "AIPolicy", "namespace": "shop", "name": "a-winner"});
    assert_eq!(status["conflicts"], json!([{"field": "spec.routes[fast]", "winner": winner}]));
    stage.until(("AIPolicy", "shop", "a-winner"), "Conflicted", "False NoConflicts").await;
    stage.until_told("shop", "b-loser", &["Accepted", "Conflicted", "Programmed"]).await;

    stage.apply(&route("a-winner", "quick").replace("[fast]", "[slow]")).await;
    let status = stage.until(loser, "Conflicted", "False NoConflicts").await;
    assert_eq!(status.get("conflicts"), None);
}

#[tokio::test]
async fn whoever_wants_content_in_traces_is_told_by_whom_it_is_withheld() {
    let stage = Stage::start().await;
    let said = |namespace: &str, capture: &str| {
        format!(
            "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: told, namespace: {namespace}}}\n\
             spec:\n  telemetry: {{content: {{capture: {capture}}}}}\n"
        )
    };
    stage.apply(OBJECTS).await;
    stage.apply(&said("shop", "Full")).await;
    let _sidecar = stage.sidecar("web-1").await;
    let wanting = ("AIPolicy", "shop", "told");
    stage.until(wanting, "Conflicted", "False NoConflicts").await;

    stage.apply(&said("sidegate-system", "None")).await;
    let words = "True TelemetryConflicted: spec.telemetry.content captures nothing where spec.telemetry.content of \
                 AIPolicy sidegate-system/told withholds content";
    let status = stage.until(wanting, "Conflicted", words).await;
    let winner = json!({"kind": "AIPolicy", "namespace": "sidegate-system", "name": "told"});
    assert_eq!(status["conflicts"], json!([{"field": "spec.telemetry.content", "winner": winner}]));
    stage.until(wanting, "Programmed", "True Programmed: 1 of 1 sidecars").await;
}

#[tokio::test]
async fn po2_a_missing_secret_and_a_missing_provider_are_told_by_name_until_they_are_there() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    stage.until(PROVIDER, "ResolvedRefs", "True ReferencesResolved").await;

    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), "sidegate-system");
    secrets.delete("openai", &DeleteParams::default()).await.unwrap();
    let status = stage.until(PROVIDER, "ResolvedRefs", "False ReferencesUnresolved").await;
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(message.contains("spec.credentials[a].secretRef"), "{message}");
    assert!(message.contains("there is no Secret openai in namespace sidegate-system"), "{message}");
    assert_eq!(status["credentials"][0]["state"], "Missing");

    stage.apply(OBJECTS).await;
    let status = stage.until(PROVIDER, "ResolvedRefs", "True ReferencesResolved").await;
    assert_eq!(status["credentials"][0]["state"], "Ready");
    stage.until_told("sidegate-system", "openai", &["Accepted", "ReferencesUnresolved", "ReferencesResolved"]).await;

    let lost = "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {name: lost, namespace: shop}\nspec:\n  \
                routes: [{name: x, matches: [{models: [m]}], targets: [{provider: nobody}]}]\n";
    stage.apply(lost).await;
    let status = stage.until(("AIPolicy", "shop", "lost"), "ResolvedRefs", "False ReferencesUnresolved").await;
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(message.contains("spec.routes[x].targets[0].provider: there is no AIProvider nobody"), "{message}");
    assert!(!stage.everything_said().await.contains("canary"), "the value of a key was told");
}

#[tokio::test]
async fn sr1_a_rotated_key_is_told_by_its_time_and_by_nothing_else() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let first = stage.until(PROVIDER, "ResolvedRefs", "True ReferencesResolved").await;
    // Times are told in seconds.
    sleep(Duration::from_secs(2)).await;
    stage.apply(&OBJECTS.replace("canary-key-value", "canary-other-value")).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status = stage.get(PROVIDER.0, PROVIDER.1, PROVIDER.2).await.data["status"].clone();
        if status["credentials"][0]["changedAt"] != first["credentials"][0]["changedAt"] {
            assert_eq!(status["credentials"][0]["state"], "Ready");
            assert_eq!(status["conditions"], first["conditions"]);
            break;
        }
        assert!(Instant::now() < deadline, "{status}");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(!stage.everything_said().await.contains("canary"), "the value of a key was told");
}
