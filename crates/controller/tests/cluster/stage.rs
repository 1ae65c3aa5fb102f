//! A controller that follows the API in memory, and the objects that the tests put there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sidegate_controller::{ClusterOptions, Control, Controller, KindReport};
use sidegate_policy::Caller;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::api::Api;

/// Its own namespace.
pub const HOME: &str = "sidegate-system";

pub struct Stage {
    pub api: Api,
    pub control: Arc<Control>,
    _tasks: JoinSet<()>,
}

impl Stage {
    /// A controller whose cluster has a provider with a key, and a policy.
    pub async fn ready() -> Self {
        let stage = Self::start(full());
        stage.until_ready().await;
        stage
    }

    /// A controller that has just begun.
    pub fn start(api: Api) -> Self {
        let clock = Arc::new(|| "2026-11-21T00:00:00Z".parse().unwrap());
        let (namespace, audience) = (HOME.to_owned(), "sidegate".to_owned());
        let options = ClusterOptions { client: api.client(), namespace, audience, clock };
        let controller = Controller::of_cluster(&options).unwrap();
        let mut tasks = JoinSet::new();
        let control = controller.control();
        tasks.spawn(controller.watch());
        Self { api, control, _tasks: tasks }
    }

    pub fn is_ready(&self) -> bool {
        *self.control.readiness().borrow()
    }

    pub async fn until_ready(&self) {
        self.within(Duration::from_secs(60), "it is ready", || self.is_ready()).await;
    }

    /// Waits until `holds`; how long it took.
    pub async fn within(&self, limit: Duration, what: &str, holds: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() <= limit, "not within {limit:?}: {what}; {:?}", self.control.watches());
            sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }

    /// What a pod of namespace `shop` may use: providers, and keys.
    pub fn usable(&self) -> (Vec<String>, Vec<Vec<u8>>) {
        let effective = self.control.effective(&shop());
        let providers = effective.snapshot.snapshot.providers.iter().map(|p| p.name.to_string()).collect();
        (providers, effective.keys.keys.iter().map(|key| (*key.value).as_ref().to_vec()).collect())
    }

    /// Names of the routes that hold in `shop`.
    pub fn routes(&self) -> Vec<String> {
        let effective = self.control.effective(&shop());
        effective.snapshot.snapshot.routes.iter().map(|route| route.name.to_string()).collect()
    }

    pub fn kind(&self, kind: &str) -> KindReport {
        self.control.watches().into_iter().find(|report| report.kind == kind).unwrap()
    }
}

pub fn shop() -> Caller {
    Caller { namespace: "shop".into(), pod: "web-1".into(), labels: BTreeMap::new(), ..Caller::default() }
}

/// An API with a provider, its key, a policy, a namespace and a pod.
pub fn full() -> Api {
    let api = Api::new();
    api.put("namespaces", json!({"metadata": {"name": "shop", "labels": {"tier": "gold"}}}));
    api.put("aiproviders", provider("openai", &json!({})));
    api.put("secrets", secret("openai", "sk-1"));
    api.put("aipolicies", policy("fast", "fast"));
    api.put("pods", pod("web-1", "uid-web-1"));
    api
}

pub fn provider(name: &str, more: &Value) -> Value {
    let mut spec = json!({"dialect": "OpenAI", "access": {"namespaces": {"from": "All"}},
        "credentials": [{"name": "a", "secretRef": {"name": name, "key": "api-key"}}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object("AIProvider", HOME, name, &spec)
}

/// A policy of `shop` with one route.
pub fn policy(name: &str, route: &str) -> Value {
    let target = json!({"provider": "openai", "namespace": HOME, "model": "gpt-4o"});
    let spec = json!({"routes": [{"name": route, "matches": [{"models": [route]}], "targets": [target]}]});
    object("AIPolicy", "shop", name, &spec)
}

fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace, "creationTimestamp": "2026-11-20T00:00:00Z",
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]});
    json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// A Secret with `value` under `api-key`.
pub fn secret(name: &str, value: &str) -> Value {
    let value = serde_json::to_value(k8s_openapi::ByteString(value.as_bytes().to_vec())).unwrap();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": HOME}, "data": {"api-key": value}})
}

/// A pod of `shop` with a sidecar.
pub fn pod(name: &str, uid: &str) -> Value {
    let metadata = json!({"name": name, "namespace": "shop", "uid": uid, "labels": {"sidegate.dev/injected": "true"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"serviceAccountName": "web", "containers": []}, "status": {"phase": "Running"}})
}
