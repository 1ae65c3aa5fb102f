//! A cluster with a platform's objects, a team's objects and its workload, and users by their ServiceAccounts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sidegate_kube::{ApiServer, objects};
use tempfile::TempDir;

/// The objects that the tests over files are about too.
const PLATFORM: &str = include_str!("../../../../crates/cli/tests/offline/objects/shop/platform.yaml");
const TEAM: &str = include_str!("../../../../crates/cli/tests/offline/objects/shop/team.yaml");

/// What everybody may do here who may look at a namespace's workloads and rules.
const DEVELOPER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: developer, namespace: NAMESPACE}
rules:
- {apiGroups: [''], resources: [pods], verbs: [get, list]}
- {apiGroups: [apps], resources: [deployments, replicasets], verbs: [get, list]}
- {apiGroups: [sidegate.dev], resources: [aiproviders, aipolicies], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: developer-NAME, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: developer}
subjects: [{kind: ServiceAccount, name: NAME, namespace: shop}]
";

/// Reading the labels of a namespace.
const LABELS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: labels}
rules:
- {apiGroups: [''], resources: [namespaces], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: labels-NAME}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: labels}
subjects: [{kind: ServiceAccount, name: NAME, namespace: shop}]
";

/// The cluster.
pub struct Stage {
    /// Its server.
    pub server: ApiServer,
    directory: TempDir,
}

/// What the program came to.
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Where cargo has put the program: beside the directory of the tests.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("sidegate");
    assert!(path.is_file(), "{} is not there: cargo build -p sidegate-cli", path.display());
    path
}

impl Stage {
    /// A server with the objects and one running workload, whose pod carries a sidecar.
    pub async fn new() -> Self {
        let server = ApiServer::start().await;
        let client = server.client();
        objects::apply_crds(&client).await;
        objects::namespace(&client, "sidegate-system", &[]).await;
        objects::namespace(&client, "shop", &[("tier", "gold")]).await;
        objects::service_account(&client, "shop", "web").await;
        objects::apply(&client, PLATFORM).await;
        objects::apply(&client, TEAM).await;
        let stage = Self { server, directory: tempfile::tempdir().unwrap() };
        stage.workload().await;
        stage
    }

    /// A Deployment, and what a controller manager would have made of it.
    async fn workload(&self) {
        let labels = json!({"app": "checkout", "sidegate.dev/injected": "true"});
        let template = json!({
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "app", "image": "app:none"}]},
        });
        let spec = json!({"selector": {"matchLabels": {"app": "checkout"}}, "template": template});
        let deployment = self.made("Deployment", "checkout", None, spec.clone()).await;
        let set = self.made("ReplicaSet", "checkout-5d8f", Some(&deployment), spec).await;
        let mut pod = template;
        pod["metadata"] = json!({"name": "checkout-5d8f-x", "labels": labels, "ownerReferences": [owner(&set)]});
        self.apply("v1", "Pod", pod).await;
        let alone = json!({
            "metadata": {"name": "alone"},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "app", "image": "app:none"}]},
        });
        self.apply("v1", "Pod", alone).await;
    }

    async fn made(&self, kind: &str, name: &str, above: Option<&Value>, spec: Value) -> Value {
        let owners: Vec<Value> = above.map(owner).into_iter().collect();
        self.apply("apps/v1", kind, json!({"metadata": {"name": name, "ownerReferences": owners}, "spec": spec})).await
    }

    async fn apply(&self, version: &str, kind: &str, mut object: Value) -> Value {
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        object["metadata"]["namespace"] = "shop".into();
        let made = objects::apply_one(&self.server.client(), &object).await.unwrap();
        serde_json::to_value(made).unwrap()
    }

    /// A user who may look at the workloads and rules of these namespaces; their kubeconfig.
    pub async fn user(&self, name: &str, namespaces: &[&str]) -> PathBuf {
        let client = self.server.client();
        objects::service_account(&client, "shop", name).await;
        for namespace in namespaces {
            let role = DEVELOPER.replace("NAMESPACE", namespace).replace("NAME", name);
            objects::apply(&client, &role).await;
        }
        let pod = objects::pod(&client, "shop", &format!("desk-of-{name}"), name, &[]).await;
        let token = objects::pod_token(&client, &pod, "https://kubernetes.default.svc").await;
        self.kubeconfig(name, &token)
    }

    /// Lets a user read the labels of namespaces too.
    pub async fn may_read_labels(&self, name: &str) {
        objects::apply(&self.server.client(), &LABELS.replace("NAME", name)).await;
    }

    /// A kubeconfig with two contexts: `shop`, in that namespace and current, and `plain`, in none.
    pub fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let authority = self.directory.path().join("authority.crt");
        std::fs::write(&authority, self.server.authority()).unwrap();
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "shop",
            "clusters": [{"name": "c", "cluster": {"server": self.server.url(), "certificate-authority": authority}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [
                {"name": "shop", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                {"name": "plain", "context": {"cluster": "c", "user": "u"}},
            ],
        });
        let path = self.directory.path().join(format!("{name}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Where links and files of a test may stand.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

fn owner(object: &Value) -> Value {
    let of = |field: &str| object["metadata"][field].clone();
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "name": of("name"),
        "uid": of("uid"),
        "controller": true,
    })
}

/// The program with nothing of this process's environment but the kubeconfig.
pub fn sidegate(kubeconfig: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new(program());
    ended(command.args(args).env_clear().env("KUBECONFIG", kubeconfig).stdin(Stdio::null()).output().unwrap())
}

/// The output as text.
pub fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The answer for programs.
pub fn json(kubeconfig: &Path, args: &[&str]) -> Value {
    let ended = sidegate(kubeconfig, &[args, &["-o", "json"]].concat());
    serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {}{}", ended.out, ended.err))
}
