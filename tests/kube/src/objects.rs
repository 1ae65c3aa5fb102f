//! What tests put into a server: YAML as `kubectl apply` does it, the project's kinds, and what a controller manager,
//! a scheduler and a kubelet would otherwise have made.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Client, CustomResourceExt, ResourceExt, discovery};
use serde_json::{Value, json};
use sidegate_crds::{AIPolicy, AIProvider};
use tokio::time::{Instant, sleep};

/// For what the server does in the background.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Applies every document of `yaml`.
///
/// # Panics
/// When the server refuses one, with what it said.
pub async fn apply(client: &Client, yaml: &str) {
    for document in documents(yaml) {
        if let Err(error) = apply_one(client, &document).await {
            panic!("{error}: {document}");
        }
    }
}

/// The documents of a YAML text, without empty ones.
///
/// # Panics
/// When it is not YAML.
#[must_use]
pub fn documents(yaml: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(yaml);
    let read = |document| serde::Deserialize::deserialize(document).expect("a YAML document");
    documents.map(read).filter(|document: &Value| !document.is_null()).collect()
}

/// Applies one object by server-side apply, which refuses unknown fields.
///
/// # Errors
/// What the server says.
///
/// # Panics
/// When it is no object of Kubernetes.
pub async fn apply_one(client: &Client, object: &Value) -> Result<DynamicObject, kube::Error> {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str);
    let version = text("/apiVersion").expect("an apiVersion");
    let kind = text("/kind").expect("a kind");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let (resource, capabilities) = discovery::pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await?;
    let api: Api<DynamicObject> = match capabilities.scope {
        discovery::Scope::Cluster => Api::all_with(client.clone(), &resource),
        discovery::Scope::Namespaced => {
            Api::namespaced_with(client.clone(), text("/metadata/namespace").unwrap_or("default"), &resource)
        }
    };
    let name = text("/metadata/name").expect("a name");
    api.patch(name, &PatchParams::apply("tests").force(), &Patch::Apply(object)).await
}

/// Applies the project's kinds and waits until the server serves them.
///
/// # Panics
/// When the server refuses one or does not serve it in time.
pub async fn apply_crds(client: &Client) {
    for crd in sidegate_crds::definitions().expect("a definition is JSON") {
        let crd = serde_json::to_value(crd).expect("a definition is JSON");
        if let Err(error) = apply_one(client, &crd).await {
            panic!("the server refuses the definition: {error}");
        }
    }
    for name in [AIProvider::crd_name(), AIPolicy::crd_name()] {
        established(client, name).await;
    }
}

async fn established(client: &Client, name: &str) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let crd = api.get(name).await.expect("the definition that was applied");
        let conditions = crd.status.and_then(|status| status.conditions).unwrap_or_default();
        if conditions.iter().any(|c| c.type_ == "Established" && c.status == "True") {
            break;
        }
        assert!(Instant::now() < deadline, "{name} is not established: {conditions:?}");
        sleep(PAUSE).await;
    }
    // Established means that it will be served; the handler itself is told a moment later.
    let path = format!("/apis/sidegate.dev/v1alpha1/{}", name.split('.').next().unwrap_or_default());
    loop {
        let request = http::Request::get(&path).body(Vec::new()).expect("a request");
        if client.request_text(request).await.is_ok() {
            return;
        }
        assert!(Instant::now() < deadline, "{name} is not served");
        sleep(PAUSE).await;
    }
}

/// Makes a namespace.
///
/// # Panics
/// When the server refuses it.
pub async fn namespace(client: &Client, name: &str, labels: &[(&str, &str)]) -> Namespace {
    let object = json!({"metadata": {"name": name, "labels": map(labels)}});
    create(Api::all(client.clone()), object).await
}

/// Makes a ServiceAccount.
///
/// # Panics
/// When the server refuses it.
pub async fn service_account(client: &Client, namespace: &str, name: &str) -> ServiceAccount {
    create(Api::namespaced(client.clone(), namespace), json!({"metadata": {"name": name}})).await
}

/// Makes a pod that nobody runs; its ServiceAccount has to be there.
///
/// # Panics
/// When the server refuses it.
pub async fn pod(client: &Client, namespace: &str, name: &str, account: &str, labels: &[(&str, &str)]) -> Pod {
    let object = json!({
        "metadata": {"name": name, "labels": map(labels)},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "app:none"}]},
    });
    create(Api::namespaced(client.clone(), namespace), object).await
}

/// A ServiceAccount's token for `audience`, bound to `pod`, valid for ten minutes: what a kubelet projects.
///
/// # Panics
/// When the server does not give one.
pub async fn pod_token(client: &Client, pod: &Pod, audience: &str) -> String {
    let namespace = pod.namespace().expect("a pod's namespace");
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).expect("a pod's account");
    let request: TokenRequest = serde_json::from_value(json!({
        "metadata": {},
        "spec": {
            "audiences": [audience],
            "expirationSeconds": 600,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod.name_any(), "uid": pod.uid()},
        },
    }))
    .expect("a token request");
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
    let answer = api.create_token_request(&account, &PostParams::default(), &request).await.expect("a token");
    answer.status.expect("the token's status").token
}

async fn create<K>(api: Api<K>, object: Value) -> K
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object: K = serde_json::from_value(object).expect("an object");
    match api.create(&PostParams::default(), &object).await {
        Ok(object) => object,
        Err(error) => panic!("the server refuses {object:?}: {error}"),
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
