//! Two replicas of the control plane: one writes, and the other goes on when it dies.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Client;
use kube::api::Api;
use sidegate_controller::lease::Pace;
use sidegate_controller::{Controller, status};
use sidegate_kube::{ApiServer, objects};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::stage::{OBJECTS, Stage, api, clock, condition, controller, options};

const PATIENCE: Duration = Duration::from_secs(60);

/// A replica without streams, which dies when dropped: nothing of it goes on, and nothing is given back.
struct Replica {
    controller: Controller,
    tasks: JoinSet<()>,
}

impl Replica {
    fn start(client: &Client, name: &str) -> Self {
        let controller = Controller::of_cluster(&options(client.clone())).unwrap();
        let options = status::Options {
            namespace: "sidegate-system".to_owned(),
            replica: name.to_owned(),
            clock: clock(),
            pace: Pace::lasting(Duration::from_secs(6)),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(controller.clone().watch());
        tasks.spawn(status::write(client.clone(), controller.control(), options));
        Self { controller, tasks }
    }
}

/// A server with the project's kinds and both namespaces.
pub async fn cluster() -> (ApiServer, Client) {
    let server = ApiServer::start().await;
    let client = server.client();
    objects::apply_crds(&client).await;
    for name in ["sidegate-system", "shop"] {
        objects::namespace(&client, name, &[]).await;
    }
    (server, client)
}

async fn lease(client: &Client) -> LeaseSpec {
    let leases: Api<Lease> = Api::namespaced(client.clone(), "sidegate-system");
    leases.get_opt(status::LEASE).await.unwrap().and_then(|lease| lease.spec).unwrap_or_default()
}

/// Waits for a lease that is held and is as `wanted`.
pub async fn holder(client: &Client, wanted: impl Fn(&LeaseSpec) -> bool) -> LeaseSpec {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lease = lease(client).await;
        if lease.holder_identity.as_deref().is_some_and(|holder| !holder.is_empty()) && wanted(&lease) {
            return lease;
        }
        assert!(Instant::now() < deadline, "nobody holds it as wanted: {lease:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

fn named(name: &str) -> impl Fn(&LeaseSpec) -> bool {
    move |lease| lease.holder_identity.as_deref().is_some_and(|holder| holder.starts_with(name))
}

/// Waits until the policy is told as accepted at `generation`.
pub async fn accepted(client: &Client, generation: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let object = api(client, "AIPolicy", "shop").get("checkout").await.unwrap();
        if object.data["status"]["observedGeneration"].as_i64() == Some(generation) {
            assert!(condition(&object, "Accepted").starts_with("True"));
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", object.data);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn of_two_replicas_one_writes_and_the_other_takes_over_when_it_dies_or_leaves() {
    let (_server, client) = cluster().await;
    let first = Replica::start(&client, "first");
    let lease = holder(&client, named("first")).await;
    assert_eq!((lease.lease_transitions, lease.lease_duration_seconds), (Some(0), Some(6)));
    let second = Replica::start(&client, "second");
    objects::apply(&client, OBJECTS).await;
    accepted(&client, 1).await;
    sleep(Duration::from_secs(8)).await;
    let lease = holder(&client, named("first")).await;
    assert_eq!(lease.lease_transitions, Some(0), "as long as it renews, nobody takes it");

    drop(first);
    let lease = holder(&client, named("second")).await;
    assert_eq!(lease.lease_transitions, Some(1));
    objects::apply(&client, &OBJECTS.replace("gpt-*", "gpt-4*")).await;
    accepted(&client, 2).await;

    let third = Replica::start(&client, "third");
    let left = Instant::now();
    second.controller.shutdown();
    let mut tasks = second.tasks;
    while tasks.join_next().await.is_some() {}
    let lease = holder(&client, named("third")).await;
    assert!(left.elapsed() < Duration::from_secs(4), "a lease given back is taken at once: {:?}", left.elapsed());
    assert!(lease.lease_transitions >= Some(2));
    objects::apply(&client, &OBJECTS.replace("gpt-*", "gpt-5*")).await;
    accepted(&client, 3).await;
    drop(third);
}

#[tokio::test]
async fn the_sidecars_of_a_replica_that_does_not_write_are_counted_too() {
    const POLICY: (&str, &str, &str) = ("AIPolicy", "shop", "checkout");
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    let _first = stage.sidecar("web-1").await;
    stage.until(POLICY, "Programmed", "True Programmed: 1 of 1 sidecars at generation 1").await;
    let mut tasks = JoinSet::new();
    let (second, address) = controller(&stage.client, &mut tasks).await;
    let second_sidecar = stage.sidecar_at(address, "web-2").await;
    stage.until(POLICY, "Programmed", "True Programmed: 2 of 2 sidecars at generation 1").await;

    second_sidecar.refuses.send_replace(Some("too many globs".to_owned()));
    stage.apply(&OBJECTS.replace("gpt-*", "gpt-4*")).await;
    let words = "False RejectedBySidecars: 1 of 2 sidecars at generation 2; 1 refused it, shop/web-2 because: too many";
    stage.until(POLICY, "Programmed", words).await;

    second.shutdown();
    while tasks.join_next().await.is_some() {}
    stage.until(POLICY, "Programmed", "False PartiallyProgrammed: 1 of 2 sidecars at generation 2").await;
}

#[tokio::test]
async fn a_key_that_is_turned_down_at_a_replica_that_does_not_write_is_rejected_until_it_is_rotated() {
    let stage = Stage::start().await;
    stage.apply(OBJECTS).await;
    stage.until_key("Ready").await;
    let mut tasks = JoinSet::new();
    let (_second, address) = controller(&stage.client, &mut tasks).await;
    let sidecar = stage.sidecar_at(address, "web-1").await;
    sidecar.turns_down.send_replace(true);
    let status = stage.until_key("Rejected").await;
    let words = status["conditions"].to_string();
    assert!(words.contains("the provider turns down the key of a"), "{words}");

    // The replica that writes knows of the other key at once, whatever the other one goes on to say for a while.
    let rotated = Instant::now();
    stage.apply(&OBJECTS.replace("canary-key-value", "canary-other-value")).await;
    stage.until_key("Ready").await;
    assert!(rotated.elapsed() < Duration::from_secs(8), "{:?}", rotated.elapsed());
    sidecar.turns_down.send_replace(false);
    stage
        .until_told(
            "sidegate-system",
            "openai",
            &["Accepted", "Programmed", "CredentialRejected", "CredentialAccepted"],
        )
        .await;
    assert!(!stage.everything_said().await.contains("canary"), "the value of a key was told");
}
