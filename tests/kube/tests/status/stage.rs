//! An API server with the project's kinds, a controller of it, and what a test asks of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::Value;
use sidegate_controller::{ClusterOptions, Controller, Listeners};
use sidegate_kube::{ApiServer, objects};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::sidecar::Sidecar;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// The audience of the sidecars' tokens.
pub const AUDIENCE: &str = "sidegate";

/// What the tests of this file share: a Secret, a provider that names it, a policy of the namespace `shop`.
pub const OBJECTS: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: openai, namespace: sidegate-system}
stringData: {api-key: canary-key-value}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: sidegate-system}
spec:
  dialect: OpenAI
  credentials: [{name: a, secretRef: {name: openai, key: api-key}}]
  access: {namespaces: {from: All}}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: checkout, namespace: shop}
spec:
  models: {allow: ["gpt-*"]}
"#;

/// A server, a controller, a client.
pub struct Stage {
    pub client: Client,
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
    pub server: ApiServer,
}

impl Stage {
    pub async fn start() -> Self {
        let server = ApiServer::start().await;
        let client = server.client();
        objects::apply_crds(&client).await;
        for name in ["sidegate-system", "shop"] {
            objects::namespace(&client, name, &[]).await;
        }
        objects::service_account(&client, "shop", "web").await;
        let mut tasks = JoinSet::new();
        let (_, address) = controller(&client, &mut tasks).await;
        Self { client, address, _tasks: tasks, server }
    }

    pub async fn apply(&self, yaml: &str) {
        objects::apply(&self.client, yaml).await;
    }

    /// A pod of the namespace `shop` with its sidecar.
    pub async fn sidecar(&self, pod: &str) -> Sidecar {
        self.sidecar_at(self.address, pod).await
    }

    /// The same, connected to another replica.
    pub async fn sidecar_at(&self, address: SocketAddr, pod: &str) -> Sidecar {
        let labels = [("sidegate.dev/injected", "true"), ("app", pod)];
        let pod = objects::pod(&self.client, "shop", pod, "web", &labels).await;
        let token = objects::pod_token(&self.client, &pod, AUDIENCE).await;
        Sidecar::start(address, token)
    }

    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> DynamicObject {
        api(&self.client, kind, namespace).get(name).await.unwrap()
    }

    /// Waits until the condition `of` reads as `expected`, a beginning of `Status Reason: message`; the status.
    pub async fn until(&self, (kind, namespace, name): (&str, &str, &str), of: &str, expected: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = self.get(kind, namespace, name).await;
            let said = condition(&object, of);
            if said.starts_with(expected) && observed(&object) {
                return object.data["status"].clone();
            }
            assert!(Instant::now() < deadline, "{kind} {namespace}/{name} {of} says {said:?}, not {expected:?}");
            sleep(PAUSE).await;
        }
    }

    /// Waits until the key `a` of the provider is in that state; the status.
    pub async fn until_key(&self, expected: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = self.get("AIProvider", "sidegate-system", "openai").await;
            let status = &object.data["status"];
            if status["credentials"][0]["state"] == expected {
                return status.clone();
            }
            assert!(Instant::now() < deadline, "not {expected}: {status}");
            sleep(PAUSE).await;
        }
    }

    /// The reasons of the events of an object, in their order.
    pub async fn events(&self, namespace: &str, name: &str) -> Vec<String> {
        let all: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let mut events = all.list(&ListParams::default()).await.unwrap().items;
        events.retain(|event| event.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(name));
        events.sort_by_key(|event| event.event_time.as_ref().map(|t| t.0));
        events.into_iter().map(|event| event.reason.unwrap_or_default()).collect()
    }

    /// Waits until the events of an object are these, in their order.
    pub async fn until_told(&self, namespace: &str, name: &str, expected: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.events(namespace, name).await;
            if told == expected {
                return;
            }
            assert!(Instant::now() < deadline, "events of {namespace}/{name} are {told:?}, not {expected:?}");
            sleep(PAUSE).await;
        }
    }

    /// What a status and all events say, to look for what must not be there.
    pub async fn everything_said(&self) -> String {
        let events: Api<Event> = Api::all(self.client.clone());
        let mut said = format!("{:?}", events.list(&ListParams::default()).await.unwrap());
        for kind in ["AIProvider", "AIPolicy"] {
            let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(kind));
            said.push_str(&format!("{:?}", all.list(&ListParams::default()).await.unwrap().items));
        }
        said
    }
}

/// A whole replica, and where it takes streams.
pub async fn controller(client: &Client, tasks: &mut JoinSet<()>) -> (Controller, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let controller = Controller::of_cluster(&options(client.clone())).unwrap();
    controller.run(tasks, Listeners { control: listener, live: None, health: None });
    (controller, address)
}

pub fn options(client: Client) -> ClusterOptions {
    ClusterOptions { client, namespace: "sidegate-system".to_owned(), audience: AUDIENCE.to_owned(), clock: clock() }
}

pub fn clock() -> sidegate_controller::Clock {
    #[expect(clippy::disallowed_methods, reason = "the clock of a real program")]
    Arc::new(jiff::Timestamp::now)
}

pub fn api(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("sidegate.dev", "v1alpha1", kind))
}

/// `Status Reason: message`; empty where there is no such condition.
pub fn condition(object: &DynamicObject, of: &str) -> String {
    let conditions = object.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let Some(found) = conditions.iter().find(|c| c["type"] == of) else { return String::new() };
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}: {}", text("status"), text("reason"), text("message"))
}

/// Whether the status is of the newest generation, and every condition of it too.
fn observed(object: &DynamicObject) -> bool {
    let generation = object.metadata.generation;
    let of = |value: &Value| value["observedGeneration"].as_i64() == generation;
    let conditions = object.data["status"]["conditions"].as_array();
    of(&object.data["status"]) && conditions.is_some_and(|all| all.iter().all(of))
}

/// Waits `seconds` and says whether the object stayed the version that it was.
pub async fn rests(stage: &Stage, (kind, namespace, name): (&str, &str, &str), seconds: u64) -> bool {
    let before = stage.get(kind, namespace, name).await.resource_version();
    sleep(Duration::from_secs(seconds)).await;
    stage.get(kind, namespace, name).await.resource_version() == before
}
