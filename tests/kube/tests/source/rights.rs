//! The rights that a control plane has are enough, are needed, and may be taken away.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use sidegate_kube::objects;

use crate::world::{ROLE, World, policy, secret};
use crate::{SOON, within};

#[tokio::test]
async fn the_role_is_enough_and_names_secrets_one_by_one() {
    let world = World::start().await;
    let said = world.controller.said();
    assert!(!said.contains("not allowed") && !said.contains("forbidden"), "{said}");
    assert!(ROLE.lines().filter(|line| line.contains("secrets")).all(|line| !line.contains("list")), "{ROLE}");
}

#[tokio::test]
async fn ka6_policies_that_may_not_be_read_any_more_stay_in_force_and_the_rest_goes_on() {
    let world = World::start().await;
    objects::apply_one(&world.client, &policy("fast", "fast")).await.unwrap();
    within(SOON, "the route", async || world.is_routed("fast").await).await;
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    let without = json!({"rules": [
        {"apiGroups": ["sidegate.dev"], "resources": ["aiproviders"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]}]});
    roles.patch("sidegate-controller", &PatchParams::default(), &Patch::Merge(&without)).await.unwrap();
    // Rights are looked at when a watch is opened: a server that is started again opens all of them.
    world.server.restart().await;
    let denied = "AIPolicy: 1 known";
    within(SOON, "it is told", async || {
        let (status, page) = world.page("/readyz").await;
        assert_eq!(status, 200, "{page}");
        page.lines().any(|line| line.starts_with(denied) && line.ends_with("denied"))
    })
    .await;
    assert!(world.is_routed("fast").await, "the last good policy");
    world.apply_provider(|provider| provider["spec"]["region"] = json!("eu")).await;
    secret(&world.client, "openai", "sim-key-b").await;
    within(SOON, "keys go on", async || {
        assert!(world.is_routed("fast").await);
        world.last_key().as_deref() == Some("b")
    })
    .await;
    objects::apply(&world.client, ROLE).await;
    objects::apply_one(&world.client, &policy("slow", "slow")).await.unwrap();
    within(SOON, "it may again", async || world.is_routed("slow").await).await;
}

#[tokio::test]
async fn ka8_without_the_right_to_review_tokens_streams_go_on_and_new_sidecars_wait() {
    let mut world = World::start().await;
    let bindings: Api<ClusterRoleBinding> = Api::all(world.client.clone());
    bindings.delete("sidegate-reviewer", &DeleteParams::default()).await.unwrap();
    objects::apply_one(&world.client, &policy("fast", "fast")).await.unwrap();
    within(SOON, "a running stream goes on", async || world.is_routed("fast").await).await;
    world.replace_controller();
    within(SOON, "the new one is ready", async || world.page("/readyz").await.0 == 200).await;
    within(SOON, "it cannot tell who comes", async || world.controller.said().contains("cannot be reviewed")).await;
    assert!(world.page("/readyz").await.1.contains("0 sidecars"));
    assert!(world.is_routed("fast").await, "calls go on all the same");
    objects::apply(&world.client, ROLE).await;
    within(SOON, "it may again", async || world.page("/readyz").await.1.contains("1 sidecars")).await;
}

#[tokio::test]
async fn a_secret_without_the_right_to_it_is_no_credential_until_there_is_one() {
    let mut world = World::start().await;
    let bindings: Api<RoleBinding> = Api::namespaced(world.client.clone(), "sidegate-system");
    bindings.delete("sidegate-secrets", &DeleteParams::default()).await.unwrap();
    world.replace_controller();
    within(SOON, "no key", async || world.call("gpt-4o").await == 503).await;
    assert_eq!(world.page("/readyz").await.0, 200);
    objects::apply(&world.client, ROLE).await;
    within(SOON, "a key", async || world.call("gpt-4o").await == 200).await;
}
