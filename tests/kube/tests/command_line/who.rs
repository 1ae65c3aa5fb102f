//! Who calls: pods and workloads of the cluster, and where they are looked for.

use std::path::Path;

use sidegate_kube::objects;

use crate::stage::{Stage, json, sidegate};

fn rule(kubeconfig: &Path, subject: &str, more: &[&str]) -> serde_json::Value {
    json(kubeconfig, &[&["explain", subject, "--model", "fast"], more].concat())["rule"].clone()
}

#[tokio::test]
async fn a_pod_is_known_by_its_owners_labels_and_account() {
    let stage = Stage::new().await;
    let admin = stage.kubeconfig("admin", stage.server.token());
    let answer = json(&admin, &["explain", "pod/checkout-5d8f-x", "--model", "fast"]);
    assert_eq!(answer["caller"]["workload"], "deployment/checkout", "through its ReplicaSet: {answer}");
    assert_eq!(answer["caller"]["serviceAccount"], "web");
    assert_eq!(answer["caller"]["labels"]["app"], "checkout");
    assert_eq!((&answer["rule"]["name"], &answer["rule"]["generation"]), (&"checkout".into(), &1.into()), "{answer}");
    let version = answer["policyVersion"].clone();

    // A Deployment is asked about by its template, and has the same policy.
    let of_deployment = json(&admin, &["explain", "deploy/checkout", "--model", "fast"]);
    assert_eq!((&of_deployment["rule"], &of_deployment["policyVersion"]), (&answer["rule"], &version));
    assert_eq!(json(&admin, &["effective", "deployment/checkout"])["version"], version);
    assert_eq!(rule(&admin, "pod/alone", &[])["name"], "everyone", "no workload, no rule of a workload");
    let alone = json(&admin, &["explain", "pod/alone", "--model", "fast"])["notes"].to_string();
    assert!(alone.contains("sidegate.dev/injected=true"), "{alone}");

    // Where it is looked for.
    assert_eq!(rule(&admin, "pod/checkout-5d8f-x", &["--context", "plain", "-n", "shop"])["name"], "checkout");
    let elsewhere = sidegate(&admin, &["explain", "pod/checkout-5d8f-x", "--context", "plain", "-m", "fast"]);
    assert!(elsewhere.code == 69 && elsewhere.err.contains("there is no Pod/default/"), "{}", elsewhere.err);
    let named = ["explain", "pod/checkout-5d8f-x", "-m", "fast", "--kubeconfig", admin.to_str().unwrap()];
    assert_eq!(sidegate(Path::new("/dev/null"), &named).code, 0);
    let unknown = sidegate(&admin, &["explain", "pod/checkout-5d8f-x", "-m", "fast", "--context", "gone"]);
    assert!(unknown.code == 64 && unknown.err.contains("gone"), "{}", unknown.err);
    let plane = json(&admin, &["explain", "pod/alone", "-m", "fast", "--control-namespace", "elsewhere"]);
    assert_eq!(plane["rule"], serde_json::Value::Null, "its objects are not the cluster's: {plane}");

    // An edit shows at once, with its generation.
    let edited = serde_json::json!({
        "apiVersion": "sidegate.dev/v1alpha1",
        "kind": "AIPolicy",
        "metadata": {"name": "frugal", "namespace": "shop"},
        "spec": {"models": {"deny": [fast()]}},
    });
    objects::apply_one(&stage.server.client(), &edited).await.unwrap();
    let refused = json(&admin, &["explain", "pod/checkout-5d8f-x", "--model", "fast"]);
    assert_eq!(refused["refusal"]["class"], "model_not_allowed", "{refused}");
    assert_eq!(
        (&refused["refusal"]["rule"]["name"], &refused["refusal"]["rule"]["generation"]),
        (&"frugal".into(), &2.into())
    );

    stage.server.stop();
    let away = sidegate(&admin, &["explain", "pod/checkout-5d8f-x", "--model", "fast"]);
    assert!(away.code == 69 && away.err.contains("cannot ask the API server"), "{} {}", away.code, away.err);
}

fn fast() -> &'static str {
    "fast"
}
