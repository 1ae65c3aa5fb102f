//! From a directory to a sidecar's stream, with paused time.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sidegate_wire::decode_snapshot;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Controller, Options};
use crate::serve::tests::{Desk, hello};

const OBJECTS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: sidegate-system}
stringData: {k: canary-1}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: sidegate-system}
spec:
  dialect: OpenAI
  credentials: [{name: a, secretRef: {name: s, key: k}}]
  access: {namespaces: {from: All}}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: rules, namespace: shop}
spec:
  routes:
  - {name: one, matches: [{models: [\"gpt-*\"]}], targets: [{provider: openai, namespace: sidegate-system}]}
  - {name: two, matches: [{models: [gpt-4o]}], targets: [{provider: openai, namespace: sidegate-system}]}
";

struct Scene {
    directory: TempDir,
    controller: Controller,
    desk: Desk,
    _tasks: JoinSet<()>,
}

fn scene() -> Scene {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("all.yaml"), OBJECTS).unwrap();
    let clock = Arc::new(|| jiff::Timestamp::from_second(1_795_262_400).unwrap());
    let options = Options { from_files: directory.path().to_owned(), namespace: "sidegate-system".to_owned(), clock };
    let controller = Controller::load(&options).unwrap();
    let desk = Desk::around(controller.control());
    let mut tasks = JoinSet::new();
    tasks.spawn(controller.clone().watch());
    Scene { directory, controller, desk, _tasks: tasks }
}

impl Scene {
    fn write(&self, text: &str) {
        fs::write(self.directory.path().join("all.yaml"), text).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_saved_file_reaches_the_sidecar_within_a_second() {
    let scene = scene();
    let mut sidecar = scene.desk.sidecar(hello()).await;
    assert_eq!(&sidecar.credentials().await.credentials[0].value[..], b"canary-1");
    let policy = sidecar.policy().await;
    assert_eq!(policy.epoch, 1_795_262_400);
    let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
    assert_eq!(&*snapshot.price_version, "genai-prices 0.2.1 2026-11-21");
    assert!(snapshot.providers[0].known("gpt-4o-mini").price.is_some(), "list prices travel with the provider");

    let saved = Instant::now();
    scene.write(&OBJECTS.replace("dialect: OpenAI", "dialect: OpenAI\n  region: eu"));
    let policy = sidecar.policy().await;
    let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
    assert_eq!(snapshot.providers[0].region.as_deref(), Some("eu"));
    assert!(saved.elapsed() <= Duration::from_secs(1), "{:?}", saved.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_is_sent_and_a_deleted_one_is_no_other_key() {
    let scene = scene();
    let mut sidecar = scene.desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    scene.write(&OBJECTS.replace("canary-1", "canary-2"));
    assert_eq!(&sidecar.credentials().await.credentials[0].value[..], b"canary-2");
    scene.write(OBJECTS.split_once("---").unwrap().1);
    assert!(sidecar.credentials().await.credentials.is_empty());
    sidecar.silence().await;
    let problems = scene.controller.problems();
    assert!(problems.iter().any(|p| p.reason == "there is no Secret s in namespace sidegate-system"), "{problems:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bad_edit_is_a_problem_with_a_place_and_changes_nothing() {
    let scene = scene();
    let mut sidecar = scene.desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    scene.write(&OBJECTS.replace("models: [gpt-4o]", "models: [\"g*o\"]"));
    sidecar.silence().await;
    let said: Vec<String> = scene.controller.problems().iter().map(ToString::to_string).collect();
    let expected = "all.yaml:21: AIPolicy/shop/rules spec.routes[two].matches[0].models[0]: must be a model's name";
    assert!(said.iter().any(|s| s.contains(expected)), "{said:?}");
    scene.write(OBJECTS);
    let policy = sidecar.policy().await;
    let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
    assert_eq!(snapshot.routes[0].meta.generation, 3, "a refused edit counts as one");
    sidecar.silence().await;
    let left: Vec<String> = scene.controller.problems().iter().map(|p| p.reason.clone()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("never matches: AIPolicy/shop/rules spec.routes[one]"), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_believes_a_removal_at_once() {
    let scene = scene();
    assert_eq!(scene.controller.control().count(crate::Kind::AiPolicy), 1);
    fs::remove_file(scene.directory.path().join("all.yaml")).unwrap();
    scene.controller.reload();
    assert_eq!(scene.controller.control().count(crate::Kind::AiPolicy), 0);
}
