//! What people apply, and what a pod's application sees of it a moment later.

use std::time::Duration;

use kube::api::Api;
use serde_json::json;
use sidegate_crds::{AIProvider, CredentialState};
use sidegate_kube::objects;

use crate::world::{World, policy, secret};
use crate::{SOON, within};

/// From the answer of `kubectl apply` to the sidecar.
const APPLIED: Duration = Duration::from_secs(1);
/// From a changed Secret to the calls.
const ROTATED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_is_applied_reaches_a_sidecar_within_a_second() {
    let world = World::start().await;
    assert!(!world.is_routed("fast").await, "nobody has said so yet");
    objects::apply_one(&world.client, &policy("fast", "fast")).await.unwrap();
    let took = within(APPLIED, "the route", async || world.is_routed("fast").await).await;
    let mut deny = policy("fast", "fast");
    deny["spec"]["models"] = json!({"deny": ["fast"]});
    objects::apply_one(&world.client, &deny).await.unwrap();
    within(APPLIED, "the ban", async || world.call("fast").await == 403).await;
    let (_, ready) = world.page("/readyz").await;
    assert!(
        ready.contains("1 providers, 1 policies, 1 sidecars") && ready.contains("Pod: 1 known"),
        "{took:?} {ready}"
    );
    let (_, metrics) = world.page("/metrics").await;
    assert!(metrics.contains("sidegate_control_watch_up{kind=\"AIPolicy\"} 1"), "{metrics}");
    within(SOON, "it writes statuses", async || {
        let (_, metrics) = world.page("/metrics").await;
        metrics.contains("sidegate_control_status_writer 1") && !metrics.contains("{result=\"written\"} 0")
    })
    .await;
}

#[tokio::test]
async fn sr1_a_rotated_secret_of_the_cluster_is_used_within_five_seconds() {
    let world = World::start().await;
    assert_eq!(world.last_key().as_deref(), Some("a"));
    secret(&world.client, "openai", "sim-key-b").await;
    within(ROTATED, "the new key", async || {
        assert_eq!(world.call("gpt-4o").await, 200, "no call fails meanwhile");
        world.last_key().as_deref() == Some("b")
    })
    .await;
}

/// Both keys of the overlap, in one Secret.
async fn two_keys(world: &World, main: &str, next: &str) {
    let both = json!([{"name": "main", "secretRef": {"name": "openai", "key": "api-key"}},
        {"name": "next", "secretRef": {"name": "openai", "key": "next"}}]);
    let encoded = |text: &str| serde_json::to_value(k8s_openapi::ByteString(text.as_bytes().to_vec())).unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "openai", "namespace": "sidegate-system"},
        "data": {"api-key": encoded(main), "next": encoded(next)}});
    objects::apply_one(&world.client, &secret).await.unwrap();
    world.apply_provider(|provider| provider["spec"]["credentials"] = both).await;
}

#[tokio::test]
async fn sr2_a_new_key_that_the_provider_refuses_leaves_the_calls_to_the_old_one() {
    let world = World::start().await;
    two_keys(&world, "sim-key-a", "wrong-key").await;
    let refused = || world.sim.bill().entries().iter().filter(|entry| entry.status == 401).count();
    within(ROTATED, "the new key was tried", async || {
        assert_eq!(world.call("gpt-4o").await, 200);
        refused() > 0
    })
    .await;
    for _ in 0..40 {
        assert_eq!(world.call("gpt-4o").await, 200);
    }
    assert_eq!(refused(), 1, "a key that was turned down is left alone");
}

#[tokio::test]
async fn sr3_a_secret_deleted_from_the_cluster_is_no_credential_and_nothing_else() {
    let world = World::start().await;
    let mut ban = policy("ban", "fast");
    ban["spec"]["models"] = json!({"deny": ["banned"]});
    objects::apply_one(&world.client, &ban).await.unwrap();
    within(APPLIED, "the ban", async || world.call("banned").await == 403).await;
    world.delete_secret("openai").await;
    within(ROTATED, "no key", async || world.call("gpt-4o").await == 503).await;
    let (_, body) = world.answer("gpt-4o").await;
    assert!(body.contains("no_credential"), "{body}");
    assert_eq!(world.call("banned").await, 403, "other answers are as before");
    secret(&world.client, "openai", "sim-key-b").await;
    within(ROTATED, "a key again", async || world.call("gpt-4o").await == 200).await;
}

#[tokio::test]
async fn sr4_each_call_asks_with_the_current_key_and_a_corrected_one_is_not_held_to_its_past() {
    let world = World::start().await;
    secret(&world.client, "openai", "wrong-key").await;
    within(ROTATED, "turned down", async || world.call("gpt-4o").await == 502).await;
    let asked = world.sim.bill().entries().len();
    for _ in 0..10 {
        assert_eq!(world.call("gpt-4o").await, 502);
    }
    assert_eq!(world.sim.bill().entries().len(), asked + 10, "once for each call, not again and again");
    two_keys(&world, "wrong-key", "sim-key-b").await;
    within(ROTATED, "the other key", async || world.call("gpt-4o").await == 200).await;
    two_keys(&world, "sim-key-a", "sim-key-b").await;
    within(ROTATED, "the corrected key", async || {
        assert_eq!(world.call("gpt-4o").await, 200);
        world.last_key().as_deref() == Some("a")
    })
    .await;
}

#[tokio::test]
async fn sr5_what_pasting_adds_is_dropped_and_what_is_no_key_is_refused_without_being_shown() {
    let world = World::start().await;
    secret(&world.client, "openai", "\u{feff} sim-key-b\r\n").await;
    within(ROTATED, "the trimmed key", async || {
        world.call("gpt-4o").await == 200 && world.last_key().as_deref() == Some("b")
    })
    .await;
    for bad in ["canary one\ntwo".to_owned(), " \n".to_owned(), "canary".repeat(150_000)] {
        secret(&world.client, "openai", &bad).await;
        within(ROTATED, "no key", async || world.call("gpt-4o").await == 503).await;
        let told = world.controller.said() + &world.sidecar.said() + &world.page("/readyz").await.1;
        assert!(!told.contains("canary") && !told.contains("sim-key"), "a value is shown");
        secret(&world.client, "openai", "sim-key-a").await;
        within(ROTATED, "a key again", async || world.call("gpt-4o").await == 200).await;
    }
    let token = std::fs::read_to_string(world.directory.path().join("token")).unwrap();
    let told = world.controller.said() + &world.sidecar.said();
    assert!(!told.contains(&token) && !told.contains("sim-key"), "a token or key is shown");
}

#[tokio::test]
async fn a_key_that_the_provider_turns_down_is_rejected_in_the_status_until_it_is_rotated() {
    let world = World::start().await;
    let providers: Api<AIProvider> = Api::namespaced(world.client.clone(), "sidegate-system");
    let is = async |state: CredentialState| {
        let status = providers.get("openai").await.unwrap().status.unwrap_or_default();
        status.credentials.first().is_some_and(|key| key.state == state)
    };
    within(SOON, "a status", async || is(CredentialState::Ready).await).await;
    secret(&world.client, "openai", "canary-wrong").await;
    within(ROTATED, "turned down", async || world.call("gpt-4o").await == 502).await;
    within(SOON, "the status says so", async || is(CredentialState::Rejected).await).await;
    secret(&world.client, "openai", "sim-key-b").await;
    within(SOON, "the status says that it is another one", async || is(CredentialState::Ready).await).await;
    within(ROTATED, "it works", async || world.call("gpt-4o").await == 200).await;
    assert!(is(CredentialState::Ready).await);
    let told = world.controller.said() + &world.sidecar.said();
    assert!(told.contains("turns down the key of") && !told.contains("canary"), "{told}");
}
