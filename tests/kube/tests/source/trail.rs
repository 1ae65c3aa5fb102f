//! The audit trail of a cluster: who changed what, and when it was in force everywhere; and what is told to nobody.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use sidegate_kube::objects;
use sidegate_tests::audit;
use sidegate_tests::canary::Outputs;

use crate::world::{World, policy, secret};
use crate::{SOON, within};

const PROVIDER: &str = "AIProvider/sidegate-system/openai";
const POLICY: &str = "AIPolicy/shop/checkout";

fn api(world: &World, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("sidegate.dev", "v1alpha1", kind));
    Api::namespaced_with(world.client.clone(), namespace, &resource)
}

/// What the control plane has told, as `change kind/namespace/name generation`.
fn changes(world: &World) -> Vec<(String, Value)> {
    let log = world.controller.said();
    // A line may be on its way.
    let whole = log.lines().filter(|line| line.starts_with('{') && line.ends_with('}'));
    let word = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let object = format!("{}/{}/{}", text("kind"), text("namespace"), text("name"));
        format!("{} {object} {}", text("change"), line["generation"])
    };
    audit::lines(&whole.collect::<Vec<_>>().join("\n")).into_iter().map(|line| (word(&line), line)).collect()
}

/// Waits until a change is told, and gives its line.
async fn told(world: &World, words: &str) -> Value {
    let find = || changes(world).into_iter().find(|(told, _)| told == words);
    within(SOON, words, async || find().is_some()).await;
    find().unwrap().1
}

/// Edits the specification as that field manager.
async fn edit(world: &World, manager: &str, spec: Value) {
    let parameters = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"spec": spec}));
    api(world, "AIPolicy", "shop").patch("checkout", &parameters, &patch).await.unwrap();
}

#[tokio::test]
async fn every_change_is_told_with_its_field_manager_and_again_when_its_sidecars_have_it() {
    let mut world = World::start().await;
    let found = told(&world, &format!("found {PROVIDER} 1")).await;
    assert_eq!((&found["manager"], &found["manager_operation"]), (&json!("tests"), &json!("Apply")));
    assert_eq!(told(&world, &format!("programmed {PROVIDER} 1")).await["sidecars"], 1);

    objects::apply_one(&world.client, &policy("checkout", "fast")).await.unwrap();
    let created = told(&world, &format!("created {POLICY} 1")).await;
    assert!(created["manager"] == "tests" && created["written_at"].is_string() && created["uid"].is_string());
    told(&world, &format!("programmed {POLICY} 1")).await;

    edit(&world, "kubectl-edit", json!({"models": {"deny": ["denied-*"]}})).await;
    let changed = told(&world, &format!("changed {POLICY} 2")).await;
    assert_eq!((&changed["manager"], &changed["manager_operation"]), (&json!("kubectl-edit"), &json!("Update")));
    assert_eq!(changed["fields"], json!(["spec.models"]));
    let programmed = told(&world, &format!("programmed {POLICY} 2")).await;
    assert!(programmed["accepted_at"].as_str() <= programmed["time"].as_str() && programmed["sidecars"] == 1);

    // Only the control plane's namespace may select others, which the definition alone cannot know.
    edit(&world, "argocd", json!({"namespaceSelector": {"matchLabels": {"team": "web"}}})).await;
    let refused = told(&world, &format!("refused {POLICY} 3")).await;
    assert_eq!((&refused["manager"], &refused["in_force"]), (&json!("argocd"), &json!(2)));
    assert!(refused["refusals"][0].as_str().unwrap().starts_with("spec.namespaceSelector"), "{refused}");

    secret(&world.client, "openai", "sim-key-b").await;
    let rotated = told(&world, "changed Secret/sidegate-system/openai null").await;
    assert_eq!((&rotated["fields"], &rotated["manager"]), (&json!(["data[api-key]"]), &json!("tests")));

    // Nobody tells for a while; then somebody else does, and only what was not told.
    world.controller.end();
    let before = changes(&world).len();
    edit(&world, "kubectl-edit", json!({"namespaceSelector": null, "models": {"deny": ["other-*"]}})).await;
    world.replace_controller();
    let found = told(&world, &format!("found {POLICY} 4")).await;
    assert_eq!((&found["manager"], &found["fields"]), (&json!("kubectl-edit"), &Value::Null));
    told(&world, &format!("programmed {POLICY} 4")).await;
    api(&world, "AIPolicy", "shop").delete("checkout", &DeleteParams::default()).await.unwrap();
    let deleted = told(&world, &format!("deleted {POLICY} 4")).await;
    assert_eq!(deleted["manager"], Value::Null, "whoever wrote it last is not who deleted it");
    let since: Vec<String> = changes(&world).into_iter().skip(before).map(|(words, _)| words).collect();
    let expected = ["found", "programmed", "deleted"].map(|word| format!("{word} {POLICY} 4"));
    assert_eq!(since, expected, "what was told before is not told again");
    let log = world.controller.said();
    let lines: String = log.lines().filter(|line| line.starts_with('{')).collect();
    for value in ["sim-key", "denied", "other-", "127.0.0.1"] {
        assert!(!lines.contains(value), "{value}: {lines}");
    }
}

const KEY: &str = "sk-canary+Key/7\"&%=~0123456789abcdef";
const NOTE: &str = "annotated canary+Note/3\"&%=~";

/// The object with notes at it, as people and `kubectl apply` leave them.
fn noted(mut object: Value) -> Value {
    object["metadata"]["annotations"] = json!({"note": NOTE,
        "kubectl.kubernetes.io/last-applied-configuration": json!({"stringData": {"api-key": KEY}}).to_string()});
    object
}

fn secret_with(value: &[u8], hosts: Option<&str>) -> Value {
    let encoded = serde_json::to_value(k8s_openapi::ByteString(value.to_vec())).unwrap();
    let mut secret = noted(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "openai", "namespace": "sidegate-system"},
        "data": {"api-key": encoded, "note": encoded}}));
    if let Some(hosts) = hosts {
        secret["metadata"]["annotations"]["sidegate.dev/hosts"] = hosts.into();
    }
    secret
}

/// Events, statuses, leases and settings: all that the control plane writes into the cluster.
async fn written(world: &World, outputs: &mut Outputs) {
    let events: Api<Event> = Api::all(world.client.clone());
    outputs.add("events", format!("{:?}", events.list(&ListParams::default()).await.unwrap().items));
    for (kind, namespace) in [("AIProvider", "sidegate-system"), ("AIPolicy", "shop")] {
        for object in api(world, kind, namespace).list(&ListParams::default()).await.unwrap().items {
            outputs.add(format!("the status of {kind}"), object.data["status"].to_string());
        }
    }
    let leases: Api<Lease> = Api::namespaced(world.client.clone(), "sidegate-system");
    outputs.add("leases", format!("{:?}", leases.list(&ListParams::default()).await.unwrap().items));
    let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), "sidegate-system");
    outputs.add("settings", format!("{:?}", maps.list(&ListParams::default()).await.unwrap().items));
}

#[tokio::test]
async fn se2_no_key_and_no_note_is_in_what_a_cluster_is_told() {
    let world = World::start().await;
    world.apply_provider(|provider| *provider = noted(provider.take())).await;
    objects::apply_one(&world.client, &noted(policy("checkout", "fast"))).await.unwrap();
    let mut lost = noted(policy("lost", "lost"));
    lost["spec"]["routes"][0]["targets"][0]["provider"] = "nobody".into();
    objects::apply_one(&world.client, &lost).await.unwrap();
    let mut refused = noted(policy("refused", "refused"));
    refused["spec"]["namespaceSelector"] = json!({"matchLabels": {"team": "web"}});
    objects::apply_one(&world.client, &refused).await.unwrap();
    told(&world, "refused AIPolicy/shop/refused 1").await;

    let mut outputs = Outputs::default();
    let (whole, two) = (KEY.as_bytes().to_vec(), format!("{KEY} {KEY}").into_bytes());
    let (odd, long) = ([KEY.as_bytes(), b"\xff\x00"].concat(), KEY.repeat(1000).into_bytes());
    for (value, hosts, status) in [
        (&whole, None, 502),
        (&two, None, 503),
        (&odd, None, 503),
        (&long, None, 503),
        (&whole, Some("example.com"), 503),
    ] {
        secret(&world.client, "openai", "sim-key-a").await;
        within(SOON, "a good key", async || world.call("gpt-4o").await == 200).await;
        objects::apply_one(&world.client, &secret_with(value, hosts)).await.unwrap();
        within(SOON, "this key", async || world.call("gpt-4o").await == status).await;
        written(&world, &mut outputs).await;
    }
    within(SOON, "it is told as unresolved", async || {
        let object = api(&world, "AIProvider", "sidegate-system").get("openai").await.unwrap();
        object.data["status"].to_string().contains("ReferencesUnresolved")
    })
    .await;
    written(&world, &mut outputs).await;
    for page in ["/livez", "/readyz", "/metrics"] {
        outputs.add(page, world.page(page).await.1);
    }
    // Logs, audit lines, and what the sidecar keeps. Its token and the way to the cluster are the test's.
    for secret in ["token", "kubeconfig"] {
        std::fs::remove_file(world.directory.path().join(secret)).unwrap();
    }
    outputs.files(world.directory.path());
    for (name, part) in [
        ("sidegate-controller.log", "\"change\":\"refused\""),
        ("audit.jsonl", "provider_auth"),
        ("policy.pb", "openai"),
        ("events", "ReferencesUnresolved"),
        ("the status of AIPolicy", "nobody"),
        ("leases", "sidegate-controller"),
    ] {
        assert!(outputs.have(name, part), "{name} lacks {part}");
    }
    for canary in [KEY, NOTE] {
        outputs.hold_none_of(canary);
    }
}
